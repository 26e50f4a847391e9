// Signs that the shopper is about to leave.

import { listen } from "./careful.js";
import { arrivedAt, lastClick } from "./state.js";
import { fire } from "./triggers.js";
import { SECOND } from "./units.js";

const SHORT_AWAY = 5 * SECOND;

/**
 * A click may have opened a menu or the developer tools, which take the pointer out of the page as well, or have asked
 * for the way back to the top.
 */
export const exit = () => Date.now() - Math.max(arrivedAt, lastClick) > SECOND && fire("exit_intent");

export function watchMouse() {
  const NOWHERE = -Infinity;
  let lastY = NOWHERE;
  listen("mousemove", (event) => (lastY = event.clientY));
  listen("contextmenu", () => (lastY = NOWHERE)); // Until the pointer is back on the page.
  listen("mouseout", (event) => {
    const byTheTop = !event.relatedTarget && event.clientY <= 0 && lastY > event.clientY;
    if (byTheTop && !event.buttons && !document.querySelector("select:focus")) exit();
  });
}

/**
 * On a touch screen the way out is up: back to the address bar after having read, or off to another tab. The back button
 * stays the shopper's.
 */
export function watchTouch() {
  let awayAt = 0;
  listen("visibilitychange", () => {
    if (!document.hidden && awayAt && Date.now() - awayAt > SHORT_AWAY) exit();
    awayAt = document.hidden ? Date.now() : 0;
  });
}
