// What makes popups show. The server sends the highest priority first: where one event suits several popups, the first
// allowed one shows.

import { each, eachKey, some } from "../shared/lists.js";
import { attempt } from "./careful.js";
import { dialogPart, fetchPart } from "./part.js";
import { brokenRule, firstNo, isBusy } from "./rules.js";
import { bringUp, isHeldOut } from "./showing.js";
import { arrivedAt, popups, shownHere } from "./state.js";
import { SECOND } from "./units.js";
import { keepSession } from "./visitor.js";

// Whoever has waited longer than this for the dialog part does something else by now.
const PATIENCE = 5 * SECOND;

/** @type {Record<string, number>} */
const timers = {};
let lastActive = Date.now();

/** The shopper has done something. */
export function stayActive() {
  return (lastActive = Date.now());
}

/**
 * Whether a popup shows, or will as soon as the dialog part is here.
 *
 * @param {Trigger["type"]} type
 * @param {(popup: Popup) => unknown} [suits]
 */
export function fire(type, suits = () => true) {
  if (document.hidden || isBusy()) return false;
  return some(popups, (popup) => popup.trigger.type === type && suits(popup) && tryToShow(popup));
}

/** @param {Popup} popup */
function tryToShow(popup) {
  keepSession();
  if (firstNo(popup)) return false;
  const since = Date.now();
  if (dialogPart() || isHeldOut(popup)) bringUp(popup);
  else fetchPart().then(() => dialogPart() && !document.hidden && Date.now() - since < PATIENCE && tryToShow(popup));
  return true;
}

/** Fetches the dialog part if a popup could show on this page. */
export function prepare() {
  const couldShow = (/** @type {Popup} */ popup) => !brokenRule(popup) && !isHeldOut(popup);
  if (some(popups, couldShow)) fetchPart();
}

export function startTimers() {
  eachKey(timers, (id) => clearTimeout(timers[id]));
  each(popups, (popup) => /time_delay|inactivity/.test(popup.trigger.type) && showInTime(popup));
}

/**
 * Waits on while another dialog is open or nobody is looking. Once refused, it waits for the next time of inactivity.
 *
 * @param {Popup} popup
 * @param {number} [refused]
 */
function showInTime(popup, refused) {
  const from = popup.trigger.type === "inactivity" ? lastActive : arrivedAt;
  const left = from + popup.trigger.delay_seconds * SECOND - Date.now();
  if (left <= 0 && from !== refused && !document.hidden && !isBusy()) {
    if (!tryToShow(popup)) refused = from;
    else if (shownHere[popup.id]) return;
  }
  timers[popup.id] = setTimeout(() => showInTime(popup, refused), left > 0 ? left : SECOND);
}

/** @param {MouseEvent} event */
export function onClick(event) {
  const target = /** @type {Element} */ (event.target);
  // It may be no selector.
  const asksFor = (/** @type {Popup} */ { trigger }) => attempt(() => target.closest(trigger.selector));
  if (fire("click", asksFor)) event.preventDefault();
}
