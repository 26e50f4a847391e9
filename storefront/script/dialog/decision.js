// A popup's turn has come.

import { isAskedFor, isHeldOut } from "../shared/popups.js";
import { loader } from "./loader.js";
import { show } from "./showing.js";
import { countView } from "./view.js";

/**
 * From here on the popup counts as shown, to who is held out as well. A comparison begins here for both, before
 * anything is drawn: whoever closes a popup at once has met it.
 *
 * @param {Popup} popup
 * @param {string | null} variant
 * @param {Shop} shop
 */
export function bringUp(popup, variant, shop) {
  const held = isHeldOut(variant);
  loader.changeSeen(popup.id, (seen, { session }) => {
    seen.shown = seen.session === session.id ? (seen.shown || 0) + 1 : 1;
    seen.session = session.id;
    session.shown_at = Date.now();
    if (!isAskedFor(popup)) session.unasked = (session.unasked || 0) + 1;
    if (held) seen.closed_at = Date.now(); // Its clocks run as the others' do.
  });
  // Some are shown something else than others, or nothing.
  const isCompared = popup.variants.length || popup.holdout_percent || shop.holdout_percent;
  if (isCompared) countView(popup.id, variant, "exposures");
  if (!held) show(popup, variant, true);
}
