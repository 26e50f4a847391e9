// The script's own tag: what its attributes say. Scripts that were combined into one, or put in by a tag manager, have
// lost theirs: then window.exitIntentSettings says it, or any tag that names a shop.

import { parse } from "./careful.js";

const given = window.exitIntentSettings;
const own = /** @type {HTMLScriptElement | null} */ (document.currentScript);
const tag = own?.dataset.shop ? own : given?.shop ? null : document.querySelector("script[data-shop]");
const named = /** @type {HTMLScriptElement | null} */ (tag);

/** @type {import("../../index.js").Settings} */
export const settings = { ...given, ...named?.dataset };

/** The words that a shop has in place of the dialog's own. */
export const words = () => (typeof settings.words === "string" ? parse(settings.words) : settings.words) || {};

/**
 * The address of one function. A <base> of the page does not lead it elsewhere.
 *
 * @param {string | undefined} address
 * @param {string} name
 */
export const addressOf = (address, name) =>
  new URL(address || `${(settings.api || "").replace(/\/$/, "")}/${name}`, location.href).href;

/**
 * Another file of the script, which lies beside it unless the shop says where.
 *
 * @param {string} name
 */
export function fileAddress(name) {
  const folder = settings.files?.replace(/\/?$/, "/");
  return new URL(name, new URL(folder || (named || own)?.src || "", location.href)).href;
}
