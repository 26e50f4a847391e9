// Ids of events, sessions and visitors. Version 7: the time comes first, so the server's index grows at one edge and an
// event knows its age.

import { each } from "../shared/lists.js";

export function newId() {
  let hex = `0${Date.now().toString(16)}7`;
  each(crypto.getRandomValues(new Uint8Array(10)), (byte) => (hex += (byte + 256).toString(16).slice(1)));
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Its first two groups.
 *
 * @param {string} id
 */
export const timeOfId = (id) => parseInt(id.replace("-", ""), 16);
