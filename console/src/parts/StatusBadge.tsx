import type { Popup } from "../api/schema.ts";

type Known = Pick<Popup, "status" | "starts_at" | "ends_at">;

const WORDS = { draft: "Draft", active: "Live", paused: "Paused", archived: "Archived" };

/** What shoppers notice of the status: a popup that is switched on and outside its schedule is not live. */
export function standing({ status, starts_at, ends_at }: Known, now = Date.now()): { kind: string; text: string } {
  if (status !== "active") return { kind: status, text: WORDS[status] ?? status };
  if (starts_at && Date.parse(starts_at) > now) return { kind: "waiting", text: "Starts later" };
  if (ends_at && Date.parse(ends_at) <= now) return { kind: "waiting", text: "Ended" };
  return { kind: "active", text: "Live" };
}

export function StatusBadge({ popup }: { popup: Known }) {
  const { kind, text } = standing(popup);
  return <span class={`badge ${kind}`}>{text}</span>;
}
