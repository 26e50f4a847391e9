// The second file, which a page pays for only once a popup could show.

import { fileAddress } from "./settings.js";

/** @type {Part | undefined} */
export let part;

/** @type {Promise<unknown> | null} */
let coming = null;
let tries = 0;
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

/** Never fails; without an answer there is no part, and the next call asks again. */
export function fetchPart() {
  return (coming = coming || load().then(arrived, failed));
}

/** What has failed once is remembered by its address, of which the network is not told the fragment. */
async function load() {
  const address = fileAddress(DIALOG_FILE);
  return import(tries++ ? `${address}#${tries}` : address);
}

/** @param {Part} module */
function arrived(module) {
  part = module;
  part.meet(offered);
}

/** @param {unknown} error */
function failed(error) {
  coming = null;
  console.warn("No popups: the second file is missing.", error);
}
