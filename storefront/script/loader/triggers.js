// What makes popups show. The server sends the highest priority first: where one event suits several popups, the first
// allowed one shows.

import { each, eachKey, some } from "../shared/lists.js";
import { attempt } from "./careful.js";
import { fetchPart, part } from "./part.js";
import { brokenRule, firstNo, pauseEnd } from "./rules.js";
import { bringUp } from "./showing.js";
import { arrivedAt, popups, shownHere } from "./state.js";
import { SECOND } from "./units.js";
import { keepSession } from "./visitor.js";

// Whoever has waited longer than this for the second file does something else by now.
const PATIENCE = 5 * SECOND;

/** @type {Record<string, number>} */
const timers = {};
let lastActive = Date.now();

/** The shopper has done something. */
export function stayActive() {
  return (lastActive = Date.now());
}

/**
 * Whether a popup shows, or will as soon as the second file is here.
 *
 * @param {Trigger["type"]} type
 * @param {(popup: Popup) => unknown} [suits]
 */
export function fire(type, suits = () => true) {
  return !document.hidden && some(popups, (popup) => popup.trigger.type === type && suits(popup) && tryToShow(popup));
}

/** @param {Popup} popup */
function tryToShow(popup) {
  keepSession();
  if (firstNo(popup)) return false;
  const since = Date.now();
  if (part) bringUp(popup);
  else fetchPart().then(() => part && !document.hidden && Date.now() - since < PATIENCE && tryToShow(popup));
  return true;
}

/** Fetches the second file if a popup could show on this page. */
export function prepare() {
  if (some(popups, (popup) => !brokenRule(popup))) fetchPart().then(() => part?.watch());
}

export function startTimers() {
  eachKey(timers, (id) => clearTimeout(timers[id]));
  each(popups, (popup) => /time_delay|inactivity/.test(popup.trigger.type) && showInTime(popup));
}

/**
 * Waits on while the shopper is busy, or nobody is looking, and until the pause after another popup is over. Once
 * refused, it waits for the next time of inactivity.
 *
 * @param {Popup} popup
 * @param {number} [refused]
 */
function showInTime(popup, refused) {
  const from = popup.trigger.type === "inactivity" ? lastActive : arrivedAt;
  const left = Math.max(from + popup.trigger.delay_seconds * SECOND, pauseEnd()) - Date.now();
  if (left <= 0 && from !== refused && !document.hidden && !part?.hindrance()) {
    if (!tryToShow(popup)) refused = from;
    else if (shownHere[popup.id]) return;
  }
  timers[popup.id] = setTimeout(() => showInTime(popup, refused), left > 0 ? left : SECOND);
}

/**
 * A click on a popup's trigger, which may be in a component's own root. One that asks for a new tab is left alone.
 *
 * @param {MouseEvent} event
 */
export function onClick(event) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const path = /** @type {Element[]} */ (event.composedPath());
  // It may be no selector, and the last of the path are no elements.
  const asksFor = (/** @type {Popup} */ { trigger: { selector } }) =>
    attempt(() => some(path, (element) => element.matches?.(selector)));
  if (fire("click", asksFor)) event.preventDefault();
}
