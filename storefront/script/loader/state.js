// What changes while a page lives and more than one module must know. Everybody reads it, and it is changed only here,
// by the acts that modules ask for.

import { DAY } from "./units.js";

/** What is known about the visitor; nothing before the page is idle. @type {Note} */
export let note;

/** Whether what we note may outlive the tab. */
export let lasting = false;

/** Whether there was no room for it where it would. */
export let full = false;

/** The popups of the shop, highest priority first. @type {Popup[]} */
export let popups = [];

/** What holds for all of them. @type {Shop} */
export let shop = {};

/** Why there are no popups. */
export let trouble = "not loaded";

/** The page's address: a single-page shop changes it without loading. */
export let page = "";

/** When the shopper came to the page. */
export let arrivedAt = 0;

/** When the shopper last did something. */
export let lastActive = 0;

/** The popups shown on this page: each shows once, unless the shopper asks for it. @type {Record<string, true>} */
export let shownHere = {};

/** Whether one of them came unasked. */
export let unaskedHere = false;

/** @param {Note} known */
export function takeNote(known) {
  note = known;
}

/** @param {boolean} value */
export function setLasting(value) {
  lasting = value;
}

/** @param {boolean} value */
export function setFull(value) {
  full = value;
}

/**
 * @param {Popup[]} list
 * @param {Shop} settings
 * @param {string} reason
 */
export function takePopups(list, settings, reason) {
  popups = list;
  shop = settings;
  trouble = reason;
}

/** @param {string} address */
export function arriveAt(address, at = Date.now()) {
  page = address;
  arrivedAt = lastActive = at;
  shownHere = {};
  unaskedHere = false;
}

export function stayActive() {
  lastActive = Date.now();
}

/** Nothing is an exit until the shopper is back. */
export function goAway() {
  arrivedAt = Date.now() + DAY;
}

/**
 * @param {string} id
 * @param {boolean} asked
 */
export function noteShown(id, asked) {
  shownHere[id] = true;
  unaskedHere = unaskedHere || !asked;
}
