// The second file, which a page pays for only once a popup could show.

import { importFile } from "./files.js";

/** @type {Part | undefined} */
export let part;

/** @type {Promise<unknown> | null} */
let coming = null;
/** @type {Loader} */
let offered;

/**
 * What it may ask of us.
 *
 * @param {Loader} loader
 */
export function offer(loader) {
  offered = loader;
}

/**
 * Fetches it where that has not happened yet. Without an answer nothing is done, and the next call asks again.
 *
 * @param {(part: Part) => unknown} act
 */
export async function withPart(act) {
  await (coming ||= importFile(DIALOG_FILE).then(arrived, failed));
  if (part) act(part);
}

/** @param {{ default: Part }} module */
function arrived(module) {
  part = module.default;
  part.meet(offered);
}

/** @param {unknown} error */
function failed(error) {
  coming = null;
  console.warn("No popups: the second file is missing.", error);
}
