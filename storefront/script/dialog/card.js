// The card: an image, if there is one that can be shown, and the body beside or below it.

import { element } from "../shared/elements.js";

/**
 * Answers its body, a form, which scrolls in itself.
 *
 * @param {HTMLElement} dialog
 * @param {Design} design
 */
export function addCard(dialog, { layout = "", image_url = "" }) {
  const side = /^(left|right)$/.test(layout) ? ` left ${layout}` : ""; // right is left, mirrored
  const card = element(dialog, "div", { className: `card${side}` });
  addImage(card, image_url);
  return element(card, "form", { className: "body", noValidate: true }); // The browser's bubbles speak its own language.
}

/**
 * The frame has its size before the image arrives, so that nothing jumps. An image that does not arrive leaves none.
 *
 * @param {HTMLElement} card
 * @param {string} address
 */
function addImage(card, address) {
  if (!/^https:\/\//i.test(address)) return;
  const frame = element(card, "div", { className: "art" });
  element(frame, "img", { alt: "", referrerPolicy: "no-referrer", onerror: () => frame.remove(), src: address });
}
