// How a popup is drawn. It lives in a shadow root, so that neither side's CSS reaches the
// other, and in the browser's top layer, so that no z-index is above it. Colours, numbers and addresses are checked once
// more: an API that was tricked must still not be able to harm a shop.

import { addCard } from "./card.js";
import { closeByPressBeside, keepFocusInside } from "./closing.js";
import { paint } from "./colours.js";
import { addButton, element } from "./elements.js";
import { language } from "./language.js";
import { fillWithOffer } from "./offer.js";
import { holdPage } from "./page.js";
import STYLE from "./style.css";
import { fillWithThanks } from "./thanks.js";
import { watchForView } from "./view.js";

/**
 * @param {Popup} popup
 * @param {Host} host
 * @returns {Card}
 */
export function open(popup, host) {
  const { words } = host;
  const place = element(document.body, "div");
  const dialog = element(styledRoot(place), "dialog", { lang: language(), tabIndex: -1, "aria-labelledby": "heading" });
  paint(dialog, popup);
  addButton(dialog, "close", "", host.closed, { "aria-label": words.close });
  const body = addCard(dialog, popup.design);
  fillWithOffer(body, popup, words, host);
  keepFocusInside(dialog);
  closeByPressBeside(dialog, host.closed);
  dialog.onclose = host.closed; // Esc, or Android's Back
  dialog.showModal();
  dialog.focus(); // Not the first field: who was typing elsewhere must not type into the form unawares.
  const release = holdPage(dialog);
  if (host.counted) watchForView(dialog, host.seen);
  return {
    host: place,
    remove() {
      release();
      dialog.close(); // Gives the focus back, which removing would not.
      place.remove();
    },
    thank: (discount) => fillWithThanks(body, discount, words, host),
  };
}

/** @param {Element} place */
function styledRoot(place) {
  const root = place.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets[0] = sheet; // Assigning a list would walk it.
  return root;
}
