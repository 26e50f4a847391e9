// A small tab at the page's edge that brings a closed code back.

import { paint } from "../shared/colours.js";
import { addButton, element } from "../shared/elements.js";
import { language } from "../shared/language.js";
import { asVariant } from "../shared/variants.js";
import STYLE from "./tab.css";

/**
 * @param {Place} place
 * @param {Popup} popup Whose colours it has.
 * @param {Kept} kept
 * @param {() => void} forget
 */
export function addTab({ words, ...place }, popup, { variant, discount }, forget) {
  const root = place.addTab(STYLE);
  const tab = element(root, "aside", { className: "tab", lang: language(), "aria-label": words.code });
  paint(tab, asVariant(popup, variant));
  const button = addButton(tab, "again", "", () => place.thank(popup, variant, discount));
  element(button, "span", {}, words.code);
  element(button, "code", { dir: "auto" }, discount.code);
  addButton(tab, "close", "", forget, { "aria-label": words.close });
}
