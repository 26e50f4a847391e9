// Codes that wait: one that came when its popup was gone, and one that was closed.

import { eachKey, find } from "../shared/lists.js";
import { addTab } from "./tab.js";

/**
 * The first is shown as soon as nothing is in the way; of the other, a tab.
 *
 * @param {Loader} loader
 * @param {Place} place
 */
export function showCodes(loader, place) {
  const { session, seen } = loader.note();
  const { kept } = session;
  /** One that is no longer served has no looks of its own. */
  const popupOf = (/** @type {string} */ id) => find(loader.served(), id) || /** @type {Popup} */ ({ id });
  const closed = kept && popupOf(kept.id);
  const forget = () => {
    loader.changeSeen(/** @type {Kept} */ (kept).id, (_, { session }) => delete session.kept);
    place.removeTab();
  };
  if (closed && !loader.isExcluded(closed) && !place.isOpen()) addTab(place, closed, kept, forget);
  eachKey(seen, (id) => {
    const { due, variant } = seen[id];
    const popup = popupOf(id);
    if (!due || loader.isExcluded(popup) || place.hindrance()) return;
    loader.changeSeen(id, (seen) => delete seen.due);
    place.thank(popup, variant, due);
  });
}
