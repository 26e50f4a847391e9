// What the shopper does, and where: the page's listeners.

import { listen } from "../shared/listen.js";
import { each } from "../shared/lists.js";
import { idle } from "./careful.js";
import { notePointer } from "./devices.js";
import { isExcluded, pageAddress } from "./pages.js";
import { part } from "./part.js";
import { loadPopups } from "./popups.js";
import { bringDue } from "./showing.js";
import { arriveAt, note, page, popups, trouble } from "./state.js";
import { onClick, prepare, startTimers, stayActive } from "./triggers.js";
import { MINUTE } from "./units.js";
import { keepSession } from "./visitor.js";

let watching = false;

/** The popups have come, or the shopper to another page. */
export function begin() {
  if (!watching && (popups.length || trouble)) watch();
  startTimers();
  bringDue();
  idle().then(prepare);
}

function watch() {
  watching = true;
  each(["pointermove", "pointerdown"], (name) => listen(name, notePointer));
  each(["pointermove", "pointerdown", "keydown", "touchmove"], (name) => listen(name, onActivity));
  listen("click", onClick);
  listen("popstate", noticePage);
  listen("pageshow", (event) => event.persisted && arrive());
  window.navigation?.addEventListener("currententrychange", noticePage);
}

export function onActivity() {
  if (stayActive() - note.session.at > MINUTE) {
    keepSession();
    prepare();
  }
  noticePage();
}

function noticePage() {
  if (pageAddress() !== page) arrive();
}

/** On a page that was not loaded: its address has changed, or the shopper has come back to it. */
function arrive() {
  arriveAt(pageAddress());
  keepSession(null, true);
  part?.startAtTop();
  part?.drop(isExcluded);
  if (trouble) loadPopups(begin);
  else begin();
}
