// Sending what is in the outbox.

import { each, eachKey } from "../shared/lists.js";
import { ask, retryIn } from "./ask.js";
import { noteConversion } from "./events.js";
import { discard, eachBatch, put } from "./outbox.js";
import { addressOf, settings } from "./settings.js";
import { lookForCodes } from "./showing.js";
import { SECOND } from "./units.js";

let failures = 0;
let pausedUntil = 0; // by the server's Retry-After
let deliveryTimer = 0;

/**
 * @param {TrackedEvent} event
 * @param {Entry["settled"]} [settled]
 */
export function record(event, settled) {
  const entry = put(event, settled);
  if (settled) deliver([entry]);
  else if (event.list !== "closes") deliverIn(SECOND); // Others may join the batch, and closes go with what comes next.
}

/** All but what is under way, unless the server has asked for a pause. */
export function deliverAll() {
  const pause = pausedUntil - Date.now();
  if (pause > 0) deliverIn(pause);
  else eachBatch(deliver);
}

/** @param {number} milliseconds */
function deliverIn(milliseconds) {
  clearTimeout(deliveryTimer);
  deliveryTimer = setTimeout(deliverAll, milliseconds);
}

/** The page is going away: whatever is not under way is handed to the browser, and stays in storage as well. */
export function deliverBlindly() {
  if (Date.now() > pausedUntil) eachBatch(deliverLast);
}

/**
 * Content blockers take a beacon to another origin for a spy's, so it is only for what cannot be fetched.
 *
 * @param {Entry[]} batch
 */
function deliverLast(batch) {
  const beacon = () => navigator.sendBeacon(urlFor(batch), bodyOf(batch));
  if ("keepalive" in Request.prototype) fetch(urlFor(batch), requestFor(batch)).catch(beacon);
  else beacon();
}

/** @param {Entry[]} batch */
function urlFor(batch) {
  if (batch[0].event.type) return addressOf(settings.trackConversion, "track_conversion");
  return addressOf(settings.trackView, "track_view");
}

/** @param {Entry[]} batch */
function bodyOf(batch) {
  if (batch[0].event.type) return JSON.stringify(batch[0].event);
  /** @type {Record<string, string>} */
  const lists = {};
  each(batch, ({ event: { list = "events", ...event } }) => {
    lists[list] = `${lists[list] || ""},${JSON.stringify(event)}`;
  });
  let body = "";
  eachKey(lists, (list) => (body += `,"${list}":[${lists[list].slice(1)}]`));
  return `{${body.slice(1)}}`;
}

/**
 * A string is sent as text/plain, which spares the preflight.
 *
 * @param {Entry[]} batch
 * @returns {RequestInit}
 */
const requestFor = (batch) => ({ method: "POST", body: bodyOf(batch), keepalive: true, credentials: "omit" });

/**
 * @param {Entry[]} batch
 * @returns {Promise<void>}
 */
export async function deliver(batch) {
  each(batch, (entry) => (entry.sending = true));
  const { status, answer, refused: unwanted, patience } = await ask(urlFor(batch), requestFor(batch));
  each(batch, (entry) => (entry.sending = false));
  // A hotel's login page also answers 200: only what our server would say counts as confirmed.
  const confirmed = batch[0].event.type ? answer?.conversion_id : status === 202;
  const refused = unwanted && answer?.code;
  if (refused && batch.length > 1) return void each(batch, (entry) => deliver([entry])); // One is bad, not its neighbours.
  if (confirmed || refused) failures = 0;
  else retryLater(patience);
  // Without the event: consoles are recorded, and it may hold an address.
  if (refused) console.warn("Refused:", answer);
  each(batch, (entry) => settle(entry, confirmed, refused, answer));
}

/**
 * @param {Entry} entry
 * @param {unknown} confirmed
 * @param {unknown} refused
 * @param {Answer} [answer]
 */
function settle({ event, settled }, confirmed, refused, answer) {
  if (confirmed || refused) discard(/** @type {string} */ (event.event_id));
  // An order whose money the server does not take counts without.
  if (refused && event.type === "purchase" && event.revenue != null) {
    record({ ...event, revenue: undefined, currency: undefined });
  }
  const shown = settled?.(confirmed, answer);
  if (confirmed && event.type) {
    noteConversion(event, /** @type {Answer} */ (answer), shown);
    lookForCodes();
  }
}

/** @param {number} patience */
function retryLater(patience) {
  pausedUntil = Date.now() + patience;
  deliverIn(retryIn(++failures, patience));
}
