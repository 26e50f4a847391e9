// What a variant changes.

import { find } from "./lists.js";

/**
 * @param {Partial<Popup>} popup
 * @param {string | null} [id]
 * @returns {Popup}
 */
export function asVariant(popup, id) {
  const variant = find(popup.variants, id);
  const design = { ...popup.design, ...variant?.design };
  const offer = { ...popup.offer, ...variant?.offer };
  return /** @type {Popup} */ ({ ...popup, design, offer, variant_id: id || undefined });
}
