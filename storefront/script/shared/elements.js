// Making elements. Text is text (textContent): whatever a merchant writes is never markup.

import { eachKey } from "./lists.js";

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Node & ParentNode} parent
 * @param {Name} name
 * @param {Record<string, any>} [properties] properties or attributes
 * @param {string | null} [text]
 */
export function element(parent, name, properties, text) {
  const made = document.createElement(name);
  eachKey(properties, (key) => {
    const value = properties?.[key];
    if (key in made) /** @type {any} */ (made)[key] = value;
    else made.setAttribute(key, value);
  });
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

/**
 * @param {Node & ParentNode} parent
 * @param {string} className
 * @param {string} text
 * @param {(() => unknown) | null} [onclick] Without it, it submits the form.
 * @param {Record<string, string>} [more]
 */
export function addButton(parent, className, text, onclick, more) {
  return element(parent, "button", { className, type: onclick ? "button" : "submit", onclick, ...more }, text);
}

/**
 * The dialog is named after its heading, so there always is one. A long one is set smaller, a short one larger.
 *
 * @param {HTMLElement} parent
 * @param {string} heading
 * @param {string} [words]
 */
export function addWords(parent, heading, words) {
  const width = columns(heading);
  const size = width > 60 ? "long" : width < 28 ? "short" : "";
  const made = element(parent, "h2", { id: "heading", tabIndex: -1, className: size }, heading);
  if (words) element(parent, "p", {}, words);
  return made;
}

/**
 * How many letters of Latin it is as wide as: Chinese and the like are twice as wide.
 *
 * @param {string} text
 */
export const columns = (text) => text.replace(/[\u2e80-\uffff]/g, "xx").length;
