// Experiments: which variant a visitor sees. A pure function of two strings, the same on the server; the vectors in
// vectors.json bind both. hash = fmix32(fnv1a32(utf8(visitor_id + ":" + popup_id))): FNV-1a, finished with
// MurmurHash3's mixer because FNV's own bits are not even enough. The lower 16 bits decide about the holdout and
// the upper 16 about the variant, so raising the holdout moves nobody from one variant to another. Who is held out
// from all popups of a shop is decided alike, by the hash of visitor_id + ":" + shop_id.

import { each, some } from "../shared/lists.js";
import { HOLDOUT, SHOP_HOLDOUT } from "../shared/popups.js";
import { settings } from "./settings.js";
import { shop } from "./state.js";
import { note } from "./visitor.js";

/** @param {string} text */
function hashOf(text) {
  let hash = 0x811c9dc5;
  each(new TextEncoder().encode(text), (byte) => (hash = Math.imul(hash ^ byte, 0x01000193)));
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * Whole numbers only, so that every language gets the same.
 *
 * @param {number} hash
 * @param {number | undefined} percent
 */
const isBelow = (hash, percent = 0) => (hash & 0xffff) * 100 < percent * 65536;

/**
 * The id of the visitor's variant, one of the holdouts, or null where the popup has no variants.
 *
 * @param {Popup} popup
 * @param {string} visitor
 */
export function variantOf(popup, visitor) {
  if (isBelow(hashOf(`${visitor}:${settings.shop}`), shop.holdout_percent)) return SHOP_HOLDOUT;
  const hash = hashOf(`${visitor}:${popup.id}`);
  if (isBelow(hash, popup.holdout_percent)) return HOLDOUT;
  let total = 0;
  each(popup.variants, (variant) => (total += variant.weight));
  let point = (hash >>> 16) * total;
  /** @type {string | null} */
  let chosen = null;
  some(popup.variants, (variant) => (point -= variant.weight * 65536) < 0 && (chosen = variant.id));
  return chosen;
}

/**
 * A visitor without an id keeps a variant for the visit. On agreeing, the session's id becomes the visitor's.
 *
 * @param {Popup} popup
 */
export const myVariant = (popup) => variantOf(popup, note.visitor || note.session.id);
