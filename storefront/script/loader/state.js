// What changes while a page lives and more than one module must know. Everybody reads it, and it is changed only here,
// by the acts that modules ask for.

import { DAY } from "./units.js";

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

/** The page we are on. What follows # is a place in it. */
export const pageAddress = () => location.href.split("#")[0];

export function arrive(at = Date.now()) {
  page = pageAddress();
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
  unaskedHere ||= !asked;
}
