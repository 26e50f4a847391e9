// The first file of the script: from the page's load to the first trigger, in pieces, so that between two of them the
// page has the main thread to itself.

import { listen } from "../shared/listen.js";
import { each } from "../shared/lists.js";
import { calls } from "./calls.js";
import { attempt, idle } from "./careful.js";
import { deliverAll, deliverBlindly, record } from "./delivery.js";
import { deviceType } from "./devices.js";
import { eventFor } from "./events.js";
import { discard } from "./outbox.js";
import { isExcluded } from "./pages.js";
import { offer } from "./part.js";
import { loadPopups } from "./popups.js";
import { recordUnread } from "./purchases.js";
import { watchPlatform } from "./recognition.js";
import { pauseEnd } from "./rules.js";
import { settings } from "./settings.js";
import { lookForCodes } from "./showing.js";
import { arrive, arrivedAt, goAway, lastActive, popups } from "./state.js";
import { lasting, NOTE } from "./storage.js";
import { fire } from "./triggers.js";
import { changeSeen, keepSession, note } from "./visitor.js";
import { begin, onActivity } from "./watching.js";

/** @type {any} */
let queued = window.exitIntent;

// Written for browsers since March 2023; older ones are left in peace. Container queries, which the style sheet uses, are
// younger than :modal everywhere, and asking for them is cheaper. A second tag of the same script does nothing.
if ("adoptedStyleSheets" in document && "CSSContainerRule" in window && !queued?.explain) {
  if (settings.shop) takeOver();
  else console.warn("No popups: no data-shop");
}

function takeOver() {
  window.exitIntent = calls;
  offer({
    arrivedAt: () => arrivedAt,
    lastActive: () => lastActive,
    served: () => popups,
    settings,
    note: () => note,
    isExcluded,
    pauseEnd,
    deviceType,
    fire,
    onActivity,
    lookForCodes,
    changeSeen,
    eventFor,
    record,
    discard,
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

async function start() {
  const loadedAt = Date.now();
  await idle();
  arrive(loadedAt);
  await loadPopups(async () => {
    await idle();
    keepSession();
    catchUp(); // Now that the shop's currency is known.
    await idle();
    begin();
  });
  await idle();
  listen("online", deliverAll);
  listen("visibilitychange", () => document.hidden && deliverAll());
  listen("storage", ({ key, newValue }) => lasting && key === NOTE && !newValue && calls.consent(false));
  deliverAll();
  watchPlatform();
}

/** Before the popups have come, too: a shopper in a hurry still came from somewhere, and may have bought something. */
function leave() {
  catchUp();
  if (!note) keepSession();
  recordUnread();
  deliverBlindly();
  goAway();
}
