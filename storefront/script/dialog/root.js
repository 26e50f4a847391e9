// Where what we draw lives: in a shadow root, so that neither side's CSS reaches the other.

import { element } from "../shared/elements.js";
import BASE from "./style/base.css";
import CARD from "./style/card.css";
import FORM from "./style/form.css";
import SCREENS from "./style/screens.css";
import THANKS from "./style/thanks.css";

const STYLE = BASE + CARD + FORM + THANKS + SCREENS;

/**
 * An element at the end of the page, and the root in it.
 *
 * @param {string} [more] style
 */
export function addRoot(more = "") {
  const place = element(document.body, "div");
  const root = place.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE + more);
  root.adoptedStyleSheets[0] = sheet; // Assigning a list would walk it.
  return { place, root };
}
