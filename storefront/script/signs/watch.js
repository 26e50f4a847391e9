// What the shopper does that the loader need not know on every page.

import { loader } from "../dialog/loader.js";
import { listen } from "../shared/listen.js";
import { some } from "../shared/lists.js";
import { watchTyping } from "./busy.js";
import { watchExits } from "./exits.js";
import { onScroll } from "./scrolling.js";

export { startAtTop } from "./scrolling.js";

let watching = false;
let watchingScroll = false;

/** Called whenever popups have come, or a page without loading. */
export function watch() {
  if (!watching) {
    watching = true;
    watchTyping();
    watchExits();
  }
  if (!watchingScroll && some(loader.popups(), needsScrolling)) watchScrolling();
}

/**
 * Scrolling is a page's busiest time, so it is left alone where nobody asks for it.
 *
 * @param {Popup} popup
 */
const needsScrolling = ({ trigger: { type } }) =>
  /scroll|inact/.test(type) || (type === "exit_intent" && navigator.maxTouchPoints > 0);

function watchScrolling() {
  watchingScroll = true;
  listen("scroll", (event) => {
    loader.onActivity();
    onScroll(event);
  });
}
