// What is reported of a popup, and what the visitor's note keeps of it.

import { deviceType } from "./devices.js";
import { changeSeen, note, plainAddress } from "./visitor.js";

/**
 * @param {string} popupId
 * @param {string | null} [variantId]
 * @returns {TrackedEvent}
 */
export function eventFor(popupId, variantId) {
  return {
    popup_id: popupId,
    variant_id: variantId || undefined,
    session_id: note.session.id,
    visitor_id: note.visitor,
    device_type: deviceType(),
    page_url: plainAddress(location.href),
    referrer: plainAddress(document.referrer) || undefined,
  };
}

/**
 * Only a conversion that the server has confirmed starts the second clock, and a mere click never does.
 *
 * @param {TrackedEvent} event
 * @param {Answer} answer
 * @param {unknown} shown
 */
export function noteConversion({ type, popup_id }, { discount_code: discount }, shown) {
  if (type === "click" && !discount) return;
  changeSeen(popup_id, (seen) => {
    seen.converted_at = Date.now();
    if (!discount) return;
    seen.code = discount.code;
    if (!shown) seen.due = discount;
  });
}
