// Codes that wait: one that came when its popup was gone, and one that was closed.

import { eachKey, find } from "../shared/lists.js";
import { hindrance } from "../signs/busy.js";
import { loader } from "./loader.js";
import { remind, thank } from "./showing.js";

/** The first is shown as soon as nothing is in the way; of the other, a tab. */
export function bringDue() {
  const { session, seen } = loader.note();
  const { kept } = session;
  const closed = kept && popupOf(kept.id);
  if (closed && !loader.isExcluded(closed)) remind(closed, kept);
  eachKey(seen, (id) => {
    const { due, variant } = seen[id];
    const popup = popupOf(id);
    if (!due || loader.isExcluded(popup) || hindrance()) return;
    loader.changeSeen(id, (seen) => delete seen.due);
    thank(popup, variant, due);
  });
}

/**
 * One that is no longer served has no looks of its own.
 *
 * @param {string} id
 */
const popupOf = (id) => find(loader.popups(), id) || /** @type {Popup} */ ({ id });
