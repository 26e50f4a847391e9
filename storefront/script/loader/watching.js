// What the shopper does, and where: the page's listeners.

import { each } from "../shared/lists.js";
import { listen } from "./careful.js";
import { watchMouse, watchTouch } from "./exits.js";
import { pageAddress } from "./pages.js";
import { loadPopups } from "./popups.js";
import { onScroll, startAtTop } from "./scrolling.js";
import { bringDue, leavePage } from "./showing.js";
import { arriveAt, note, noteClick, page, trouble } from "./state.js";
import { onClick, prepare, startTimers, stayActive } from "./triggers.js";
import { MINUTE } from "./units.js";
import { deviceType, keepSession } from "./visitor.js";

export function watch() {
  const touch = deviceType() !== "desktop"; // Whether the shopper has fingers here, and no mouse.
  each(["mousemove", "pointerdown", "keydown", "touchmove", "scroll"], (name) => {
    listen(name, onActivity);
  });
  listen("scroll", (event) => onScroll(event, touch));
  listen(touch ? "click" : "pointerdown", noteClick);
  listen("click", onClick);
  listen("popstate", noticePage);
  listen("pageshow", (event) => event.persisted && arrive());
  window.navigation?.addEventListener("currententrychange", noticePage);
  if (touch) watchTouch();
  else watchMouse();
}

function onActivity() {
  if (stayActive() - note.session.at > MINUTE) keepSession();
  noticePage();
}

function noticePage() {
  if (pageAddress() !== page) arrive();
}

/** On a page that was not loaded: its address has changed, or the shopper has come back to it. */
function arrive() {
  arriveAt(pageAddress());
  startAtTop();
  keepSession(null, true);
  leavePage();
  if (trouble) loadPopups().then(begin);
  else begin();
  bringDue();
}

function begin() {
  startTimers();
  prepare();
}
