// A small tab at the page's edge that brings a closed code back.

import { paint } from "./colours.js";
import { addButton, element } from "./elements.js";
import { language } from "./language.js";
import { addRoot } from "./root.js";

/** @type {Element | undefined} */
let place;

/**
 * @param {Popup} popup Whose colours it has.
 * @param {string} code
 * @param {Words} words
 * @param {() => void} open
 * @param {() => void} forget
 */
export function addTab(popup, code, words, open, forget) {
  removeTab();
  const made = addRoot();
  place = made.place;
  const tab = element(made.root, "aside", { className: "tab", lang: language(), "aria-label": words.code });
  paint(tab, popup);
  const button = addButton(tab, "again", "", open);
  element(button, "span", {}, words.code);
  element(button, "code", { dir: "auto" }, code);
  addButton(tab, "close", "", forget, { "aria-label": words.close });
}

export function removeTab() {
  place?.remove();
}
