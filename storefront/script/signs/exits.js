// Signs that the shopper is about to leave.

import { loader } from "../dialog/loader.js";
import { listen } from "../shared/listen.js";

const JUST_NOW_MS = 1000;
const SHORT_AWAY_MS = 5000;

let lastClick = 0;
let lastSwipe = 0;

/** Whether a finger moved over the screen just now. */
export const justSwiped = () => Date.now() - lastSwipe < JUST_NOW_MS;

/**
 * A click may have opened a menu or the developer tools, which take the pointer out of the page as well, or have asked
 * for the way back to the top.
 */
export const exit = () =>
  Date.now() - Math.max(loader.arrivedAt(), lastClick) > JUST_NOW_MS && loader.fire("exit_intent");

export function watchExits() {
  listen("click", noteClick);
  listen("touchmove", () => (lastSwipe = Date.now()));
  watchMouse();
  watchAbsence();
}

function noteClick() {
  lastClick = Date.now();
}

/** Not what a phone takes a finger for. */
function watchMouse() {
  const NOWHERE = -Infinity;
  let lastY = NOWHERE;
  // Lists and menus that the browser opens take the pointer away, until it moves over the page again.
  const lose = () => (lastY = NOWHERE);
  listen("contextmenu", lose);
  listen("pointerdown", (event) => {
    lose();
    if (event.pointerType !== "touch") noteClick(); // A finger may be about to scroll.
  });
  listen("pointermove", (event) => event.buttons || (lastY = event.clientY));
  listen("pointerout", ({ relatedTarget, clientY, buttons, pointerType }) => {
    const byTheTop = !relatedTarget && clientY <= 0 && lastY > clientY;
    if (byTheTop && !buttons && pointerType === "mouse" && loader.deviceType() !== "mobile") exit();
  });
}

/**
 * On a touch screen the way out is up: back to the address bar after having read (scrolling.js), or off to another tab.
 * The back button stays the shopper's.
 */
function watchAbsence() {
  let awayAt = 0;
  /** @type {boolean | undefined} */
  let touched;
  const touching = () => touched ?? loader.deviceType() !== "desktop";
  listen("pointerdown", (event) => (touched = event.pointerType === "touch"));
  listen("visibilitychange", () => {
    if (!document.hidden && awayAt && Date.now() - awayAt > SHORT_AWAY_MS && touching()) exit();
    awayAt = document.hidden ? Date.now() : 0;
  });
}
