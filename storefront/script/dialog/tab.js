// The place of the tab that brings a code back, which another file draws.

import { addRoot } from "./root.js";

/** @type {Element | undefined} */
let place;

/**
 * Makes room for one, instead of the one before.
 *
 * @param {string} style
 * @returns {ShadowRoot} into which it is drawn
 */
export function addTab(style) {
  removeTab();
  const made = addRoot(style);
  place = made.place;
  return made.root;
}

export function removeTab() {
  place?.remove();
}
