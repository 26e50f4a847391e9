// The script's other files, which a page pays for only when it needs them.

import { folder } from "./settings.js";

let tries = 0;

/**
 * What has failed once is remembered by its address, of which the network is not told the fragment.
 *
 * @param {string} name
 */
export async function importFile(name) {
  const { href } = new URL(name, new URL(folder(), location.href));
  return import(tries++ ? `${href}#${tries}` : href);
}
