// What changes while a page lives and more than one module must know. Everybody reads it, and it is changed only here,
// by the acts that modules ask for.

/** What is known about the visitor; nothing before the page is idle. @type {Note} */
export let note;

/** Whether what we note may outlive the tab. */
export let lasting = false;

/** Whether there was no room for it where it would. */
export let full = false;

/** The popups of the shop, highest priority first. @type {Popup[]} */
export let popups = [];

/** Why there are none. */
export let trouble = "not loaded";

/** The popup on screen. @type {Showing | null} */
export let open = null;

/** The page's address: a single-page shop changes it without loading. */
export let page = "";

/** When the shopper came to the page. */
export let arrivedAt = Date.now();

/** The popups shown on this page: each shows once, unless the shopper asks for it by a click. @type {Record<string, true>} */
export let shownHere = {};

/** When the shopper last clicked. */
export let lastClick = 0;

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

/** @param {Popup[]} list @param {string} reason */
export function takePopups(list, reason) {
  popups = list;
  trouble = reason;
}

/** @param {Showing | null} showing */
export function setOpen(showing) {
  open = showing;
}

/** @param {string} address */
export function arriveAt(address) {
  page = address;
  arrivedAt = Date.now();
  shownHere = {};
}

/** @param {number} time */
export function setArrivedAt(time) {
  arrivedAt = time;
}

export function noteClick() {
  lastClick = Date.now();
}
