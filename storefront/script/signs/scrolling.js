// How far the page was scrolled, and how fast.

import { loader } from "../dialog/loader.js";
import { hindrance } from "./busy.js";
import { exit, justSwiped } from "./exits.js";

const RUSH_MS = 300;
const RUSH_EVENTS = 3;

let percent = 0; // of the page, as far as it was scrolled
let deepest = 0; // in pixels
/** What scrolls, and how large it is. */
let scrolled = "";
let lastTop = 0;
// The way up: from where, since when, in how many events.
let rushFrom = 0;
let rushSince = 0;
let rushEvents = 0;

/** On another page nothing has been read yet. */
export function startAtTop() {
  deepest = percent = 0;
}

/** @param {Event} event */
export function onScroll(event) {
  const area = event.target === document ? document.scrollingElement : /** @type {Element} */ (event.target);
  if (!area || area.clientHeight < innerHeight / 2) return; // A list or a carousel, not the page.
  const top = area.scrollTop;
  const room = area.scrollHeight - area.clientHeight;
  noticeProgress(room && (top / room) * 100 + 0.5); // Fractions of a pixel must not keep anyone from 100 %.
  noticeRush(`${area.id} ${area.scrollHeight} ${area.clientWidth}`, top);
}

/** @param {number} now in percent */
function noticeProgress(now) {
  let due = false;
  const passes = (/** @type {Popup} */ { trigger: { scroll_percentage: at } }) =>
    percent < at && at <= now && (due = true);
  loader.fire("scroll_percentage", passes);
  if (!due || !hindrance()) percent = Math.max(percent, now); // Else it is due later.
}

/**
 * Half a screen upwards within 300 ms by a finger, after at least one screen of reading down. What a page does by itself
 * is no rush: it scrolls without a finger, at a stroke, or because it has become shorter or was turned.
 *
 * @param {string} size
 * @param {number} top
 */
function noticeRush(size, top) {
  const now = Date.now();
  deepest = Math.max(deepest, top);
  if (size !== scrolled || top >= lastTop || now - rushSince > RUSH_MS) {
    rushFrom = size === scrolled ? Math.max(top, lastTop) : top;
    rushSince = now;
    rushEvents = 0;
  }
  scrolled = size;
  lastTop = top;
  rushEvents++;
  const far = deepest >= innerHeight && rushFrom - top > innerHeight / 2;
  if (far && rushEvents >= RUSH_EVENTS && justSwiped() && exit()) startAtTop();
}
