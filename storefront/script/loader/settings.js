// The script's own tag: what its attributes say. Scripts that were combined into one, or put in by a tag manager, have
// lost theirs: then window.exitIntentSettings says it, or any tag that names a shop.

const given = window.exitIntentSettings;
const own = /** @type {HTMLScriptElement | null} */ (document.currentScript);
const tag = own?.dataset.shop ? own : given?.shop ? null : document.querySelector("script[data-shop]");
const named = /** @type {HTMLScriptElement | null} */ (tag);

/** @type {import("../../index.js").Settings} */
export const settings = { ...given, ...named?.dataset };

/** @param {string} [folder] */
const withSlash = (folder = "") => folder.replace(/\/?$/, "/");

/**
 * The address of one function. A <base> of the page does not lead it elsewhere.
 *
 * @param {string | undefined} address
 * @param {string} name
 */
export const addressOf = (address, name) => new URL(address || withSlash(settings.api) + name, location.href).href;

/** Where the script's other files lie: beside it, unless the shop says where. */
export const folder = () => (settings.files ? withSlash(settings.files) : (named || own)?.src || "");
