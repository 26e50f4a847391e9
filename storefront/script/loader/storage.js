// What the browser keeps for us: one note about the visitor, and one more for each event not yet confirmed, so that two
// tabs never overwrite each other's events. The names are plain words: content blockers match the telling ones.

import { eachKey } from "../shared/lists.js";
import { attempt, parse } from "./careful.js";
import { settings } from "./settings.js";

/** Whether what we note may outlive the tab. */
export let lasting = false;

/** Whether there was no room for it where it would. */
let full = false;

/** @param {boolean} value */
export function setLasting(value) {
  lasting = value;
  full = false;
}

export const NOTE = `store-notes:${settings.shop}`;

/**
 * Where it is blocked or full, this page goes on from its own memory.
 *
 * @template T
 * @param {(storage: Storage) => T} act
 */
const withStorage = (act) => attempt(() => act(lasting && !full ? localStorage : sessionStorage));

/** @param {string} key */
export const stored = (key) => withStorage((storage) => parse(storage.getItem(key)));

/** @param {string} key */
export const unstore = (key) => withStorage((storage) => storage.removeItem(key));

/**
 * Each kind of storage has room of its own: a popup that was closed must not come back because the shop has filled one.
 *
 * @param {string} key
 * @param {unknown} value
 */
export function store(key, value) {
  const text = JSON.stringify(value);
  const put = (/** @type {Storage} */ storage) => {
    storage.setItem(key, text);
    return true;
  };
  if (withStorage(put) || full || !lasting) return;
  full = true;
  withStorage(put);
}

/**
 * Visits the key of every event in storage.
 *
 * @param {(key: string) => void} visit
 */
export function eachStoredEvent(visit) {
  withStorage((storage) => eachKey(storage, (key) => key.startsWith(`${NOTE}:`) && visit(key)));
}

export function eraseNotes() {
  eachStoredEvent(unstore);
  unstore(NOTE);
}
