// The decision that a popup shows.

import { some } from "../shared/lists.js";
import { countView } from "./events.js";
import { fetchPart, part } from "./part.js";
import { isAskedFor } from "./rules.js";
import { note, noteShown } from "./state.js";
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

/** Codes that came when their popups were gone, or that were closed: the second file has what becomes of them. */
export function bringDue() {
  const isDue = note.session.kept || some(Object.keys(note.seen), (id) => note.seen[id].due);
  if (isDue) fetchPart().then(() => part?.bringDue());
}
