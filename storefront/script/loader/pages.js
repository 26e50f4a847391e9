// Addresses, and the patterns that merchants write for them.

import { some } from "../shared/lists.js";
import { attempt } from "./careful.js";
import { shop } from "./state.js";

/**
 * "*" is any text. Walked without a regular expression: no pattern can make it slow.
 *
 * @param {string} pattern
 * @param {string} text
 */
export function matches(pattern, text) {
  const parts = pattern.split("*");
  const last = parts.length - 1;
  let at = 0;
  for (let i = 0; i < last; i++) {
    const found = text.indexOf(parts[i], at);
    if (found < 0 || (!i && found)) return false;
    at = found + parts[i].length;
  }
  return last ? text.slice(at).endsWith(parts[last]) : pattern === text;
}

/**
 * Patterns are written as people read addresses: "/café", not "/caf%C3%A9".
 *
 * @param {string} pattern
 */
export function onPage(pattern) {
  const path = location.pathname + (pattern.includes("?") ? location.search : "");
  return matches(pattern, attempt(() => decodeURI(path)) || path); // What is not UTF-8 is compared as it is.
}

/** Whether the shop wants no popup at all here. */
export const isForbidden = () => some(shop.never_on_pages, onPage);

/** @param {Partial<Popup>} popup */
export const isExcluded = (popup) => isForbidden() || some(popup.targeting?.exclude_pages, onPage);
