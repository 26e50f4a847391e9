// Popups that come after a time on the page, or without a sign of the shopper.

import { loader } from "../dialog/loader.js";
import { each, eachKey } from "../shared/lists.js";
import { hindrance } from "./busy.js";

const SECOND = 1000;

/** By the popup's id. @type {Record<string, number>} */
let timers = {};
let running = false;

/** On another page all begin anew. */
export function stopTimers() {
  eachKey(timers, (id) => clearTimeout(timers[id]));
  timers = {};
  running = false;
}

/**
 * Once a page. What was due before `since` was refused.
 *
 * @param {number} since
 */
export function startTimers(since) {
  if (running) return;
  running = true;
  each(loader.served(), (popup) => {
    if (/time_delay|inactivity/.test(popup.trigger.type)) showInTime(popup, dueAt(popup) < since ? from(popup) : NaN);
  });
}

/** @param {Popup} popup */
const from = ({ trigger: { type } }) => (type === "inactivity" ? loader.lastActive() : loader.arrivedAt());

/** @param {Popup} popup */
const dueAt = (popup) => from(popup) + popup.trigger.delay_seconds * SECOND;

/**
 * Waits on while the shopper is busy, or nobody is looking, and until the pause after another popup is over. Once
 * refused, it waits for the next time of inactivity.
 *
 * @param {Popup} popup
 * @param {number} refused Of which time that is.
 */
function showInTime(popup, refused) {
  const left = Math.max(dueAt(popup), loader.pauseEnd()) - Date.now();
  if (left <= 0 && from(popup) !== refused && !document.hidden && !hindrance()) {
    if (loader.fire(popup.trigger.type, (one) => one === popup)) return;
    refused = from(popup);
  }
  timers[popup.id] = setTimeout(() => showInTime(popup, refused), left > 0 ? left : SECOND);
}
