// Making elements. Text is text (textContent): whatever a merchant writes is never markup.

import { eachKey } from "../shared/lists.js";

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
 * @param {(() => unknown) | null} [onclick]
 * @param {Record<string, string>} [more]
 */
export function addButton(parent, className, text, onclick, more) {
  return element(parent, "button", { className, onclick, ...more }, text);
}
