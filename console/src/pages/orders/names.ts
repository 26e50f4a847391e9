import { listPopups } from "../../api/calls.ts";
import { useResource } from "../../api/resource.ts";
import type { Popup } from "../../api/schema.ts";

export type Named = Pick<Popup, "id" | "name" | "variants">;

const PAGE = 100;

/** The newest 200 popups by their id, in two calls at most. */
export function useNames(): Map<string, Named> {
  const names = useResource("names", async (signal) => {
    const asked = { fields: "name,variants", limit: PAGE };
    const { popups, next_cursor: cursor } = (await listPopups(asked, signal)).data;
    const older = cursor ? (await listPopups({ ...asked, cursor }, signal)).data.popups : [];
    return new Map(([...popups, ...older] as Named[]).map((popup) => [popup.id, popup]));
  });
  return names.data ?? new Map();
}
