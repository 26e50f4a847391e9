// What the shopper does, and where: the page's listeners.

import { listen } from "../shared/listen.js";
import { each } from "../shared/lists.js";
import { idle } from "./careful.js";
import { notePointer } from "./devices.js";
import { part } from "./part.js";
import { loadPopups } from "./popups.js";
import { lookForCodes } from "./showing.js";
import { arrive, lastActive, page, pageAddress, popups, stayActive, trouble } from "./state.js";
import { onClick, prepare } from "./triggers.js";
import { MINUTE } from "./units.js";
import { keepSession, note } from "./visitor.js";

let watching = false;

/** The popups have come, or the shopper to another page. */
export function begin() {
  if (!watching && (popups.length || trouble)) watch();
  lookForCodes();
  idle().then(() => prepare(0));
}

function watch() {
  watching = true;
  each(["pointermove", "pointerdown", "keydown", "touchmove"], (name) => listen(name, onActivity));
  listen("click", onClick);
  listen("popstate", noticePage);
  listen("pageshow", (event) => event.persisted && restart());
  window.navigation?.addEventListener("currententrychange", noticePage);
}

/** @param {Event} event */
export function onActivity(event) {
  notePointer(event);
  stayActive();
  if (lastActive - note.session.at > MINUTE) {
    keepSession();
    prepare();
  }
  noticePage();
}

function noticePage() {
  if (pageAddress() !== page) restart();
}

/** On a page that was not loaded: its address has changed, or the shopper has come back to it. */
function restart() {
  arrive();
  keepSession(null, true);
  part?.arrive();
  if (trouble) loadPopups(begin);
  else begin();
}
