// How far the page was scrolled, and how fast.

import { exit } from "./exits.js";
import { isBusy } from "./rules.js";
import { fire } from "./triggers.js";

let percent = 0; // of the page, as far as it was scrolled
/** What scrolls: the page, or most of it. @type {Element | undefined} */
let scrolled;
let lastTop = 0;
let deepest = 0; // in pixels
let rushFrom = 0;
let rushSince = 0;

/** On another page nothing has been read yet. */
export function startAtTop() {
  deepest = percent = 0;
}

/**
 * @param {Event} event
 * @param {boolean} touch
 */
export function onScroll(event, touch) {
  const area = event.target === document ? document.scrollingElement : /** @type {Element} */ (event.target);
  if (!area || area.clientHeight < innerHeight / 2) return; // A list or a carousel, not the page.
  const top = area.scrollTop;
  const room = area.scrollHeight - area.clientHeight;
  const now = room && (top / room) * 100 + 0.5; // Fractions of a pixel must not keep anyone from 100 %.
  if (!isBusy()) {
    fire("scroll_percentage", ({ trigger: { scroll_percentage: due } }) => percent < due && due <= now);
    percent = Math.max(percent, now);
  }
  if (touch) noticeRush(area, top);
}

/**
 * Half a screen upwards within 300 ms, after at least one screen of reading down.
 *
 * @param {Element} area
 * @param {number} top
 */
function noticeRush(area, top) {
  const now = Date.now();
  if (area !== scrolled) {
    scrolled = area;
    lastTop = top;
    deepest = 0;
  }
  deepest = Math.max(deepest, top);
  if (top >= lastTop || now - rushSince > 300) {
    rushFrom = Math.max(top, lastTop);
    rushSince = now;
  }
  lastTop = top;
  if (deepest >= innerHeight && rushFrom - top > innerHeight / 2) exit();
}
