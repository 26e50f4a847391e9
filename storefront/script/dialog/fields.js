// The form's fields. What is wrong with one is said below it, in the shop's words.

import { element } from "../shared/elements.js";

/**
 * @param {HTMLElement} parent
 * @param {Words} words
 */
export function addEmail(parent, words) {
  const field = element(parent, "div", { className: "field" });
  const label = element(field, "label", {}, words.email);
  const input = element(label, "input", {
    type: "email",
    dir: "ltr", // An address is, in every language.
    name: "email",
    required: true,
    maxLength: 254,
    autocomplete: "email",
    enterKeyHint: "send",
  });
  return { input, complain: complaint(field, input, "email-problem"), words: words.invalid };
}

/**
 * @param {HTMLElement} parent
 * @param {string} text
 * @param {Words} words
 */
export function addConsent(parent, text, words) {
  const field = element(parent, "div", { className: "field" });
  const label = element(field, "label", { className: "agree" });
  const input = element(label, "input", { type: "checkbox", required: true });
  element(label, "span", {}, text);
  return { input, complain: complaint(field, input, "agree-problem"), words: words.unticked };
}

/**
 * Answers what says a problem, or with "" that there is none, which typing says too.
 *
 * @param {HTMLElement} field
 * @param {HTMLInputElement} input
 * @param {string} id
 */
function complaint(field, input, id) {
  const problem = element(field, "p", { id, role: "alert" });
  input.setAttribute("aria-describedby", id);
  const complain = (/** @type {string} */ text) => {
    problem.textContent = text;
    input.setAttribute("aria-invalid", `${!!text}`);
    if (!text) return;
    input.focus();
    problem.scrollIntoView({ block: "nearest" });
  };
  input.oninput = () => complain("");
  return complain;
}
