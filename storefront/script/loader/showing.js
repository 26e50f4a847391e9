// Popups on screen: from the decision to show one until it is gone.

import { eachKey, find } from "../shared/lists.js";
import { accept } from "./answers.js";
import { countView } from "./events.js";
import { isExcluded } from "./pages.js";
import { dialogPart, fetchPart } from "./part.js";
import { isBusy } from "./rules.js";
import { words } from "./settings.js";
import { note, open, popups, setOpen, shownHere } from "./state.js";
import { asVariant, HOLDOUT, myVariant } from "./variants.js";
import { changeSeen } from "./visitor.js";

/** @param {Popup} popup */
export const isHeldOut = (popup) => myVariant(popup) === HOLDOUT;

/**
 * The decision: from here on the popup counts as shown, to who is held out as well.
 *
 * @param {Popup} popup
 */
export function bringUp(popup) {
  const chosen = asVariant(popup, myVariant(popup));
  const held = chosen.variant_id === HOLDOUT;
  shownHere[popup.id] = true;
  changeSeen(popup.id, (seen) => {
    seen.shown = seen.session === note.session.id ? (seen.shown || 0) + 1 : 1;
    seen.session = note.session.id;
    if (held) seen.closed_at = Date.now(); // Its clocks run as the others' do.
  });
  if (held) countView(chosen);
  else show(chosen, true);
}

/**
 * @param {Popup} popup
 * @param {boolean} counted
 */
function show(popup, counted) {
  const showing = /** @type {Showing} */ ({ popup, counted });
  setOpen(showing);
  showing.card = /** @type {DialogPart} */ (dialogPart()).open(popup, {
    words: words(),
    counted,
    seen: () => count(showing),
    closed: () => close(showing),
    accept: (email, tell) => {
      if (counted) count(showing); // Who answers has seen it, even within the first half second.
      if (accept(showing, email, tell)) close(showing);
    },
  });
  return showing;
}

/** @param {Popup} popup */
export async function preview(popup) {
  await fetchPart();
  if (open) takeDown();
  show(popup, false);
}

/** @param {Showing} showing */
function close(showing) {
  if (open !== showing) return; // The event comes after the deed.
  takeDown();
  if (showing.counted) changeSeen(showing.popup.id, (seen) => (seen.closed_at = Date.now()));
  bringDue();
}

/** Not by the shopper. */
export function takeDown() {
  const showing = open;
  setOpen(null);
  showing?.card.remove();
}

/** The page has changed under the popup. */
export function leavePage() {
  if (open?.counted && !open.answered && isExcluded(open.popup)) takeDown();
}

/**
 * A view is counted once per showing.
 *
 * @param {Showing} showing
 */
function count(showing) {
  if (showing.viewed || open !== showing) return;
  showing.viewed = true;
  countView(showing.popup);
}

/** A code that came when its popup was gone is shown as soon as nothing is in the way. */
export function bringDue() {
  eachKey(note.seen, (id) => {
    const { due, variant } = note.seen[id];
    if (!due || isBusy()) return;
    const popup = asVariant(find(popups, id) || { id }, variant);
    if (isExcluded(popup)) return;
    if (!dialogPart()) return void fetchPart().then(() => dialogPart() && bringDue());
    changeSeen(id, (seen) => delete seen.due);
    const showing = show(popup, false);
    showing.answered = true;
    showing.card.thank(due);
  });
}
