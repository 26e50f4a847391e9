// What is in the popup, and what the shopper does with it.

import { accept } from "./answers.js";
import { addButton, element } from "./elements.js";

/**
 * The dialog is named after its heading, so there always is one.
 *
 * @param {HTMLElement} body
 * @param {string} heading
 * @param {string} [words]
 */
function addWords(body, heading, words) {
  element(body, "h2", { id: "heading", tabIndex: -1 }, heading);
  if (words) element(body, "p", {}, words);
}

/**
 * @param {HTMLElement} body
 * @param {Popup} popup
 * @param {Words} words
 * @param {Host} host
 */
export function fillWithOffer(body, popup, words, host) {
  const { design, offer } = popup;
  const { heading, subheading, button_text } = design;
  addWords(body, heading || subheading || words.submit, heading && subheading);
  const form = element(body, "form");
  const email = /email|news/.test(offer.type) && addEmail(form, offer.consent_text, words);
  const problem = element(form, "p", { role: "alert" });
  const button = addButton(form, "main", button_text || words.submit);
  addButton(body, "quiet", words.decline, host.closed);
  form.onsubmit = (event) => {
    event.preventDefault();
    if (button.ariaDisabled) return;
    const label = /** @type {string} */ (button.textContent);
    button.ariaDisabled = "true"; // Not disabled: that would take the focus away.
    button.textContent = words.sending;
    problem.textContent = "";
    accept(popup, host, email ? email.value.trim() : undefined, (confirmed, answer) => {
      button.ariaDisabled = null;
      button.textContent = label;
      // The server's word on the address is of use to the shopper, its other troubles are not.
      if (!confirmed) problem.textContent = answer?.errors?.email?.[0] || words.failed;
      else fillWithThanks(body, answer?.discount_code, words, host);
    });
  };
}

/**
 * @param {HTMLFormElement} form
 * @param {string | null | undefined} consentText
 * @param {Words} words
 */
function addEmail(form, consentText, words) {
  const label = element(form, "label");
  element(label, "span", {}, words.email);
  const properties = { type: "email", name: "email", required: true, maxLength: 254, autocomplete: "email" };
  const field = element(label, "input", properties);
  if (!consentText) return field;
  const agree = element(form, "label", { className: "agree" });
  element(agree, "input", { type: "checkbox", required: true });
  element(agree, "div", {}, consentText);
  return field;
}

/**
 * @param {HTMLElement} body
 * @param {Discount | undefined} discount
 * @param {Words} words
 * @param {Host} host
 */
export function fillWithThanks(body, discount, words, host) {
  body.style.minHeight = `${body.offsetHeight}px`; // The card must not jump under the shopper's eyes.
  body.textContent = "";
  addWords(body, words.thanks, discount && words.code);
  if (discount) addCode(body, discount, words);
  addButton(body, "quiet", words.done, host.closed);
  /** @type {HTMLElement} */ (body.firstChild).focus(); // It is read out, and the next Tab lands on the code's button.
}

/**
 * @param {HTMLElement} body
 * @param {Discount} discount
 * @param {Words} words
 */
function addCode(body, discount, words) {
  const box = element(body, "div", { className: "code" });
  const text = element(box, "code", {}, discount.code);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(discount.code);
      button.textContent = words.copied;
    } catch {
      getSelection()?.selectAllChildren(text); // Not allowed here: at least mark it for Ctrl-C.
    }
  };
  const button = addButton(box, "main", words.copy, copy, { "aria-live": "polite" });
  if (!discount.expires_at) return;
  const day = new Date(discount.expires_at).toLocaleDateString([], { dateStyle: "long" });
  element(body, "p", {}, `${words.expires} ${day}`);
}
