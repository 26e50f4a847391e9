// What the shopper does that the loader need not know on every page.

import { loader } from "../dialog/loader.js";
import { drop } from "../dialog/showing.js";
import { listen } from "../shared/listen.js";
import { some } from "../shared/lists.js";
import { watchTyping } from "./busy.js";
import { watchExits } from "./exits.js";
import { onScroll, startAtTop } from "./scrolling.js";
import { startTimers, stopTimers } from "./timers.js";

let watching = false;
let watchingScroll = false;

/** On a page that was not loaded. */
export function arrive() {
  startAtTop();
  stopTimers();
  drop();
}

/**
 * Called whenever a popup could show that perhaps could not before. What was due before `since` was refused.
 *
 * @param {number} since
 */
export function watch(since) {
  if (!watching) {
    watching = true;
    watchTyping();
    watchExits();
    listen("touchmove", () => watchScrollingFor(/exit/));
  }
  watchScrollingFor(/scroll|inact/);
  startTimers(since);
}

/**
 * Scrolling is a page's busiest time, so it is left alone where nobody asks for it; exits do once there is a finger.
 *
 * @param {RegExp} types of triggers
 */
function watchScrollingFor(types) {
  if (watchingScroll || !some(loader.served(), ({ trigger: { type } }) => types.test(type))) return;
  watchingScroll = true;
  listen("scroll", (event) => {
    loader.onActivity(event);
    onScroll(event);
  });
}
