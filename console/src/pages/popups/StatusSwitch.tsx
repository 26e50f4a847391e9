import { useState } from "preact/hooks";
import { changePopup, getPopup, rollbackPopup } from "../../api/calls.ts";
import { Problem } from "../../api/problem.ts";
import { mayWrite, READ_ONLY } from "../../session.ts";
import { say } from "../../status.ts";
import type { Listed } from "../Popups.tsx";

const OPEN_FIRST = "Open it to publish it: you see first who will see what.";

/** Pauses a live popup and brings it back. What was never published is published in the builder. */
export function StatusSwitch({ popup, onChanged }: { popup: Listed; onChanged: () => void }) {
  const [isBusy, setBusy] = useState(false);
  const isOn = popup.status === "active";
  const off = !mayWrite.value ? READ_ONLY : popup.status === "draft" || popup.status === "archived" ? OPEN_FIRST : "";
  const press = async () => {
    if (off || isBusy) return off && say(off);
    setBusy(true);
    try {
      await switchStatus(popup, isOn ? "paused" : "active", onChanged);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      say(error.message);
      onChanged();
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-checked={isOn}
      aria-disabled={!!off || isBusy}
      aria-label={`${popup.name} is live`}
      title={off || undefined}
      onClick={press}
    />
  );
}

/** With the newest version's ETag, and a way back. */
export async function switchStatus(popup: Pick<Listed, "id" | "name">, status: Listed["status"], done: () => void) {
  const { data: stored, etag } = await getPopup(popup.id);
  const changed = await changePopup(popup.id, { status }, etag);
  done();
  say(`“${popup.name}” is ${SAID[status]}.`, async () => {
    await rollbackPopup(popup.id, stored.version, changed.etag);
    done();
    say(`“${popup.name}” is as it was.`);
  });
}

const SAID = { active: "live", paused: "paused", archived: "archived", draft: "a draft" };
