// The first file of the script: from the page's load to the first trigger, in pieces, so that between two of them the
// page has the main thread to itself.

import { each } from "../shared/lists.js";
import { calls } from "./calls.js";
import { attempt, listen } from "./careful.js";
import { deliverAll, deliverBlindly, whenConverted } from "./delivery.js";
import { noteConversion } from "./events.js";
import { pageAddress } from "./pages.js";
import { loadPopups } from "./popups.js";
import { settings } from "./settings.js";
import { bringDue } from "./showing.js";
import { arriveAt, arrivedAt, lasting, note, popups, setArrivedAt, trouble } from "./state.js";
import { NOTE } from "./storage.js";
import { prepare, startTimers } from "./triggers.js";
import { DAY, SECOND } from "./units.js";
import { keepSession } from "./visitor.js";
import { watch } from "./watching.js";

/** @type {any} */
let queued = window.exitIntent;

// Written for browsers since March 2023; older ones are left in peace. A second tag of the same script does nothing.
if ("adoptedStyleSheets" in document && !queued?.explain) {
  if (settings.shop) takeOver();
  else console.warn("No popups: no data-shop");
}

function takeOver() {
  window.exitIntent = calls;
  whenConverted((event, answer, shown) => {
    noteConversion(event, answer, shown);
    bringDue();
  });
  listen("pagehide", leave);
  if (document.readyState === "complete") start();
  else listen("load", start);
}

/** What the page asked for before this file had arrived. Its mistakes are not to stop the rest. */
function catchUp() {
  each(queued, (call) => attempt(() => calls.push(call)));
  queued = null;
}

const idle = () => new Promise((done) => (window.requestIdleCallback || setTimeout)(done, { timeout: 2 * SECOND }));

async function start() {
  arriveAt(pageAddress());
  await idle();
  catchUp();
  await loadPopups();
  await idle();
  keepSession();
  await idle();
  if (popups.length || trouble) watch();
  startTimers();
  bringDue();
  await idle();
  listen("online", deliverAll);
  listen("visibilitychange", () => document.hidden && deliverAll());
  listen("storage", ({ key, newValue }) => lasting && key === NOTE && !newValue && calls.consent(false));
  deliverAll();
  prepare();
}

/** Before the popups have come, too: a shopper in a hurry still came from somewhere, and may have bought something. */
function leave() {
  catchUp();
  if (!note) keepSession();
  deliverBlindly();
  setArrivedAt(arrivedAt + DAY); // Nothing is an exit until the shopper is back.
}
