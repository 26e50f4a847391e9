// What a shopper sees who has answered: thanks, and the code.

import { addButton, addWords, columns, element } from "../shared/elements.js";
import { lastDay } from "../shared/language.js";
import { cartAddress } from "./cart.js";

const COPIED_WITHIN_MS = 500;

/**
 * @param {HTMLFormElement} body
 * @param {Discount | undefined} discount
 * @param {Words} words
 * @param {Host} host
 */
export function fillWithThanks(body, discount, words, host) {
  body.textContent = "";
  const text = element(body, "div", { className: "text thanks" });
  element(text, "div", { className: "tick" });
  const heading = addWords(text, words.thanks, discount && words.code);
  const copy = discount && addCode(text, discount, words);
  const actions = element(body, "div", { className: "actions" });
  const href = cartAddress(host.cart);
  const leave = (/** @type {MouseEvent} */ event) => {
    if (copy) copyThenGo(event, copy, href);
    host.closed();
  };
  if (href) element(actions, "a", { className: "main", href, onclick: leave }, words.cart);
  addButton(actions, href ? "quiet" : "main", words.done, host.closed);
  heading.focus(); // It is read out, and the next Tab lands on the code's button.
}

/**
 * A page that goes away at once takes along what it was about to copy.
 *
 * @param {MouseEvent} event
 * @param {() => Promise<void>} copy
 * @param {string | null | undefined} href
 */
async function copyThenGo(event, copy, href) {
  const copied = copy();
  if (event.ctrlKey || event.metaKey || event.shiftKey) return; // In another tab: this page stays.
  event.preventDefault();
  await Promise.race([copied, new Promise((done) => setTimeout(done, COPIED_WITHIN_MS))]);
  location.assign(/** @type {string} */ (href));
}

/**
 * Answers what copies it.
 *
 * @param {HTMLElement} parent
 * @param {Discount} discount
 * @param {Words} words
 */
function addCode(parent, discount, words) {
  const box = element(parent, "div", { className: "code" });
  const text = element(box, "code", { dir: "auto" }, discount.code);
  text.style.setProperty("--our-length", `${columns(discount.code)}`);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(discount.code);
      button.textContent = words.copied;
    } catch {
      getSelection()?.selectAllChildren(text); // Not allowed here: at least mark it for Ctrl-C.
    }
  };
  const button = addButton(box, "copy", words.copy, copy, { "aria-live": "polite" });
  const day = lastDay(discount);
  if (day) element(parent, "p", {}, `${words.expires} ${day}`);
  return copy;
}
