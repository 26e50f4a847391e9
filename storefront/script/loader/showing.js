// The decision that a popup shows.

import { eachKey, find } from "../shared/lists.js";
import { countView } from "./events.js";
import { isExcluded } from "./pages.js";
import { fetchPart, part } from "./part.js";
import { isAskedFor } from "./rules.js";
import { note, noteShown, popups } from "./state.js";
import { isCompared, isHeldOut, myVariant } from "./variants.js";
import { changeSeen } from "./visitor.js";

/**
 * From here on the popup counts as shown, to who is held out as well. A comparison begins here for both, before
 * anything is drawn: whoever closes a popup at once has met it.
 *
 * @param {Popup} popup
 */
export function bringUp(popup) {
  const variant = myVariant(popup);
  const held = isHeldOut(variant);
  const asked = isAskedFor(popup);
  noteShown(popup.id, asked);
  changeSeen(popup.id, (seen, { session }) => {
    seen.shown = seen.session === session.id ? (seen.shown || 0) + 1 : 1;
    seen.session = session.id;
    session.shown_at = Date.now();
    if (!asked) session.unasked = (session.unasked || 0) + 1;
    if (held) seen.closed_at = Date.now(); // Its clocks run as the others' do.
  });
  if (isCompared(popup)) countView(popup.id, variant, "exposures");
  if (!held) part?.show(popup, variant, true);
}

/** A code that came when its popup was gone is shown as soon as nothing is in the way; of one that was closed, a tab. */
export function bringDue() {
  const { kept } = note.session;
  const closed = /** @type {Popup} */ (kept && (find(popups, kept.id) || kept));
  if (kept && !isExcluded(closed)) fetchPart().then(() => part?.remind(closed, kept));
  eachKey(note.seen, (id) => {
    const { due, variant } = note.seen[id];
    const popup = find(popups, id) || /** @type {Popup} */ ({ id });
    if (!due || isExcluded(popup) || part?.hindrance()) return;
    if (!part) return void fetchPart().then(() => part && bringDue());
    changeSeen(id, (seen) => delete seen.due);
    part.thank(popup, variant, due);
  });
}
