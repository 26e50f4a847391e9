// Whether the popup was seen.

import { loader } from "./loader.js";

const AT_LEAST_MS = 500;

/**
 * Seen means: at least half of it on screen, for half a second.
 *
 * @param {Element} dialog
 * @param {() => void} seen
 */
export function watchForView(dialog, seen) {
  let timer = 0;
  const look = (/** @type {IntersectionObserverEntry[]} */ entries) => {
    clearTimeout(timer);
    if (entries[entries.length - 1].intersectionRatio >= 0.5) timer = setTimeout(seen, AT_LEAST_MS);
  };
  new IntersectionObserver(look, { threshold: 0.5 }).observe(dialog);
}

/**
 * Notes and reports a view, or that a popup is about to show or to be withheld.
 *
 * @param {string} popupId
 * @param {string | null} [variantId]
 * @param {List} [list]
 */
export function countView(popupId, variantId, list) {
  loader.changeSeen(popupId, (seen) => {
    seen.viewed_at = Date.now();
    seen.variant = variantId || undefined;
  });
  loader.record({ ...loader.eventFor(popupId, variantId), list });
}
