// The popup on screen, one at a time: from the loader's decision to show it until it is gone.

import { find } from "../shared/lists.js";
import { asVariant } from "../shared/variants.js";
import { open as draw } from "./dialog.js";
import { loader } from "./loader.js";
import { removeTab } from "./tab.js";
import { countView } from "./view.js";
import { wordsWith } from "./words.js";

/** @type {Showing | null} */
let open = null;

/** If the shop has replaced its body, it is gone. */
export const isOpen = () => open?.card.host.isConnected;

/**
 * @param {Popup} original
 * @param {string | null | undefined} variant
 * @param {boolean} counted Not so is a preview, and a code that comes late.
 */
export function show(original, variant, counted) {
  takeDown();
  removeTab();
  const popup = asVariant(original, variant);
  const showing = /** @type {Showing} */ ({ popup, counted });
  open = showing;
  showing.card = draw(popup, {
    words: wordsWith(loader.settings.words),
    cart: loader.settings.cart,
    counted,
    seen: () => count(showing),
    closed: () => close(showing),
    report: (conversion, told) => report(showing, conversion, told),
  });
  return showing;
}

/**
 * Counts nothing, and sends nothing.
 *
 * @param {unknown} popup or the id of one
 */
export const showPreview = (popup) => show(find(loader.served(), popup) || /** @type {Popup} */ (popup), null, false);

/**
 * Shows a code that came when its popup was gone, or once more.
 *
 * @param {Popup} popup
 * @param {string | undefined} variant
 * @param {Discount} discount
 */
export function thank(popup, variant, discount) {
  const showing = show(popup, variant, false);
  showing.discount = discount;
  showing.card.thank(discount);
}

/** Takes down a popup that the shopper has not answered, where it must not be. */
export function drop() {
  removeTab();
  if (open?.counted && !open.answered && loader.isExcluded(open.popup)) takeDown();
}

/** Not by the shopper. */
function takeDown() {
  const showing = open;
  open = null;
  showing?.card.remove();
}

/**
 * @param {Showing} showing
 */
function close(showing) {
  if (open !== showing) return; // The event comes after the deed.
  const { popup, counted, answered, discount } = showing;
  takeDown();
  if (counted && !answered) loader.record({ ...loader.eventFor(popup.id, popup.variant_id), list: "closes" });
  if (!counted && !discount) return; // A preview leaves nothing.
  loader.changeSeen(popup.id, (seen, { session }) => {
    if (counted) seen.closed_at = Date.now();
    if (discount) session.kept = { id: popup.id, variant: popup.variant_id, discount };
  });
  loader.lookForCodes();
}

/**
 * A view is counted once per showing.
 *
 * @param {Showing} showing
 */
function count(showing) {
  if (showing.viewed || open !== showing) return;
  showing.viewed = true;
  countView(showing.popup.id, showing.popup.variant_id);
}

/**
 * A second try with the same address is the same event; with another one it replaces it.
 *
 * @param {Showing} showing
 * @param {Partial<TrackedEvent>} conversion
 * @param {Told} [told]
 */
function report(showing, conversion, told) {
  const { id, variant_id } = showing.popup;
  showing.answered = !told; // A mere click is answered by nobody.
  // Answers whether the shopper sees what came of it.
  const settled = (/** @type {unknown} */ confirmed, /** @type {Answer | undefined} */ answer) => {
    if (open !== showing) return false;
    showing.answered = !!confirmed;
    showing.discount = answer?.discount_code;
    told?.(confirmed, answer);
    return true;
  };
  const event = { ...loader.eventFor(id, variant_id), ...conversion };
  const before = showing.conversion;
  if (before?.email === event.email) event.event_id = before?.event_id;
  else if (before) loader.discard(/** @type {string} */ (before.event_id));
  showing.conversion = event;
  loader.record(event, told && settled);
}
