// Whether the shopper is busy with something that a popup would take away.

import { isOpen } from "../dialog/showing.js";
import { listen } from "../shared/listen.js";
import { some } from "../shared/lists.js";

// What is over the page: dialogs, drawers that say so, and what a dialog of ours would close. Toasts may stay. Unlike a
// plain list, :is() leaves out what the browser does not know.
const OVERLAYS = ":is(:modal,[aria-modal=true],:popover-open:not([popover=manual]),select:open)";

/** The field into which the shopper has typed. @type {EventTarget | undefined} */
let typedInto;

export function watchTyping() {
  listen("input", (event) => event.inputType && (typedInto = event.composedPath()[0]));
}

/**
 * Why no popup may show now, or null. One that the shopper asks for interrupts nobody.
 *
 * @param {boolean} [asked]
 */
export function hindrance(asked) {
  if (isOpen() || isCovered(document)) return "another dialog is open";
  return !asked && isTyping() ? "the shopper is typing" : null;
}

/**
 * Whether the field that has the focus was typed into. What happens in a frame, which may be a payment provider's, nobody
 * tells us.
 */
function isTyping() {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at && (at === typedInto || at.tagName === "IFRAME" || wasTypedInto(/** @type {HTMLInputElement} */ (at)));
}

/**
 * Before we listened.
 *
 * @param {HTMLInputElement} field
 */
const wasTypedInto = ({ value, defaultValue, type }) =>
  /text|email|search|tel|password|url/.test(type) && value !== defaultValue;

/**
 * Components have roots of their own, into which the document does not look.
 *
 * @param {Document | ShadowRoot} root
 * @returns {boolean}
 */
function isCovered(root) {
  return (
    some(root.querySelectorAll(OVERLAYS), isOnScreen) ||
    some(root.querySelectorAll("*"), ({ shadowRoot }) => shadowRoot && isCovered(shadowRoot))
  );
}

/**
 * A drawer that is closed is beside the screen, or not to be seen.
 *
 * @param {Element} element
 */
function isOnScreen(element) {
  const { top, right, bottom, left } = element.getBoundingClientRect();
  const inside = right > 0 && bottom > 0 && left < innerWidth && top < innerHeight && right > left && bottom > top;
  return inside && getComputedStyle(element).visibility === "visible";
}
