// How a popup is drawn. It lives in a shadow root, so that neither side's CSS reaches the
// other, and in the browser's top layer, so that no z-index is above it. Colours, numbers and addresses are checked once
// more: an API that was tricked must still not be able to harm a shop.

import { paint } from "./colours.js";
import { addButton, element } from "./elements.js";
import { fillWithOffer, fillWithThanks } from "./offer.js";
import STYLE from "./style.css";
import { watchForView } from "./view.js";

/**
 * @param {Popup} popup
 * @param {Host} host
 * @returns {Card}
 */
export function open(popup, host) {
  const { words } = host;
  const place = element(document.body, "div");
  const dialog = element(styledRoot(place), "dialog", { tabIndex: -1, "aria-labelledby": "heading", closedby: "any" });
  paint(dialog, popup);
  addButton(dialog, "close", "×", host.closed, { "aria-label": words.close });
  const body = addCard(dialog, popup.design);
  fillWithOffer(body, popup, words, host);
  dialog.onkeydown = (event) => keepFocusInside(dialog, event);
  dialog.onclose = host.closed; // Esc, or a press beside it
  dialog.showModal();
  dialog.focus(); // Not the first field: who was typing elsewhere must not type into the form unawares.
  if (host.counted) watchForView(dialog, host.seen);
  return {
    host: place,
    remove() {
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

/**
 * @param {HTMLElement} dialog
 * @param {Design} design
 */
function addCard(dialog, { layout = "", image_url = "" }) {
  const sides = { left: " left", right: " left right" }; // right is left, mirrored
  const side = sides[/** @type {keyof typeof sides} */ (layout)] || "";
  const card = element(dialog, "div", { className: `card${side}` });
  addImage(card, image_url);
  return element(card, "div", { className: "body" });
}

/**
 * The frame has its size before the image arrives, so that nothing jumps.
 *
 * @param {HTMLElement} card
 * @param {string} address
 */
function addImage(card, address) {
  if (!/^https:\/\//i.test(address)) return;
  const frame = element(card, "div", { className: "art" });
  const onerror = (/** @type {Event} */ { target }) => /** @type {Element} */ (target).remove();
  element(frame, "img", { alt: "", referrerPolicy: "no-referrer", onerror, src: address });
}

/**
 * The dialog makes the page inert by itself; this keeps Tab from wandering off into the browser's own bars.
 *
 * @param {HTMLElement} dialog
 * @param {KeyboardEvent} event
 */
function keepFocusInside(dialog, event) {
  event.stopPropagation(); // What is typed here is no shortcut of the shop's.
  /** @type {NodeListOf<HTMLElement>} */
  const stops = dialog.querySelectorAll("button, input");
  const last = stops.length - 1;
  const back = event.shiftKey;
  const at = /** @type {ShadowRoot} */ (dialog.getRootNode()).activeElement;
  if (event.key !== "Tab" || (at !== stops[back ? 0 : last] && !(back && at === dialog))) return;
  event.preventDefault();
  stops[back ? last : 0].focus();
}
