// The script's own tag: what its attributes say. Scripts that were combined into one, or put in by a tag manager, have
// lost theirs: then it is any tag that names a shop, or window.exitIntentSettings.

import { parse } from "./careful.js";

const own = /** @type {HTMLScriptElement | null} */ (document.currentScript);
const named = document.querySelector("script[data-shop]");
const tag = /** @type {HTMLScriptElement | null} */ (own?.dataset.shop ? own : named);

/** @type {import("../../index.js").Settings} */
export const settings = { ...window.exitIntentSettings, ...tag?.dataset };

/** The words that a shop has in place of the dialog's own. */
export const words = () => (typeof settings.words === "string" ? parse(settings.words) : settings.words) || {};

/**
 * The address of one function.
 *
 * @param {string | undefined} given
 * @param {string} name
 */
export const addressOf = (given, name) => given || `${(settings.api || "").replace(/\/$/, "")}/${name}`;

/**
 * Another file of the script, which lies beside it unless the shop says where.
 *
 * @param {string} name
 */
export function fileAddress(name) {
  const folder = settings.files?.replace(/\/?$/, "/");
  return new URL(name, new URL(folder || own?.src || tag?.src || "", location.href)).href;
}
