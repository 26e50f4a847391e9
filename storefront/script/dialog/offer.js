// What is in the popup, and what the shopper does with it.

import { addButton, addWords, element } from "../shared/elements.js";
import { accept } from "./answers.js";
import { addConsent, addEmail } from "./fields.js";
import { fillWithThanks } from "./thanks.js";

const BUSY = "aria-disabled"; // Not disabled: that would take the focus away.

/**
 * @param {HTMLFormElement} body
 * @param {Popup} popup
 * @param {Words} words
 * @param {Host} host
 */
export function fillWithOffer(body, popup, words, host) {
  const { design, offer } = popup;
  const { heading, subheading, button_text } = design;
  const text = element(body, "div", { className: "text" });
  addWords(text, String(heading || subheading || words.submit), heading && subheading);
  const email = /email|news/.test(offer.type) ? addEmail(text, words) : null;
  const consent = email && offer.consent_text ? addConsent(text, offer.consent_text, words) : null;
  const actions = element(body, "div", { className: "actions" });
  const problem = element(actions, "p", { role: "alert" });
  const button = addButton(actions, "main", button_text || words.submit);
  addButton(actions, "quiet", words.decline, host.closed);
  const isMissing = (/** @type {typeof email} */ field) => {
    const missing = field && !field.input.validity.valid;
    if (missing) field.complain(field.words);
    return missing;
  };
  body.onsubmit = (event) => {
    event.preventDefault();
    // Both are told, and the focus is on the first: it is told last.
    const isUnticked = isMissing(consent);
    if (isMissing(email) || isUnticked || button.hasAttribute(BUSY)) return;
    const label = /** @type {string} */ (button.textContent);
    button.setAttribute(BUSY, "true");
    button.textContent = words.sending;
    problem.textContent = "";
    accept(popup, host, email?.input.value.trim(), (confirmed, answer) => {
      button.removeAttribute(BUSY);
      button.textContent = label;
      if (confirmed) fillWithThanks(body, answer?.discount_code, words, host);
      // What the server says is in its own language.
      else if (answer?.errors?.email && email) email.complain(email.words);
      else problem.textContent = words.failed;
    });
  };
}
