// Sending what is in the outbox.

import { each } from "../shared/lists.js";
import { ask } from "./ask.js";
import { discard, eachBatch, put } from "./outbox.js";
import { addressOf, settings } from "./settings.js";
import { MINUTE, SECOND } from "./units.js";

const SHORTEST_RETRY = 2 * SECOND;
const LONGEST_RETRY = 5 * MINUTE;

let retryDelay = SHORTEST_RETRY;
let pausedUntil = 0; // by the server's Retry-After
let deliveryTimer = 0;
/** @type {(event: TrackedEvent, answer: Answer, shown: boolean | undefined) => void} */
let onConversion;

/**
 * Who is to hear of conversions that the server has confirmed, and whether the shopper has.
 *
 * @param {typeof onConversion} act
 */
export function whenConverted(act) {
  onConversion = act;
}

/**
 * @param {TrackedEvent} event
 * @param {Entry["settled"]} [settled]
 */
export function record(event, settled) {
  const entry = put(event, settled);
  if (settled) deliver([entry]);
  else deliverIn(SECOND); // Others may join the batch.
  return entry;
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
  if (Date.now() > pausedUntil) eachBatch((batch) => navigator.sendBeacon(urlFor(batch), bodyOf(batch)));
}

/** @param {Entry[]} batch */
function urlFor(batch) {
  if (batch[0].event.type) return addressOf(settings.trackConversion, "track_conversion");
  return addressOf(settings.trackView, "track_view");
}

/** @param {Entry[]} batch */
function bodyOf(batch) {
  let events = "";
  each(batch, ({ event }) => (events += (events && ",") + JSON.stringify(event)));
  return batch[0].event.type ? events : `{"events":[${events}]}`;
}

/**
 * @param {Entry[]} batch
 * @returns {Promise<void>}
 */
export async function deliver(batch) {
  each(batch, (entry) => (entry.sending = true));
  // A string is sent as text/plain, which spares the preflight.
  const request = { method: "POST", body: bodyOf(batch), keepalive: true };
  const { status = 0, answer, patience } = await ask(urlFor(batch), request);
  each(batch, (entry) => (entry.sending = false));
  // A hotel's login page also answers 200: only what our server would say counts as confirmed.
  const confirmed = batch[0].event.type ? answer?.conversion_id : status === 202;
  const refused = status >= 400 && status < 500 && status !== 429 && answer?.code;
  if (refused && batch.length > 1) return void each(batch, (entry) => deliver([entry])); // One is bad, not its neighbours.
  if (confirmed || refused) retryDelay = SHORTEST_RETRY;
  else retryLater(patience || 0);
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
  const shown = settled?.(confirmed, answer);
  if (confirmed && answer && event.type) onConversion(event, answer, shown);
}

/** @param {number} patience */
function retryLater(patience) {
  pausedUntil = Date.now() + patience;
  deliverIn(patience + retryDelay * (0.5 + Math.random())); // Spread, so that shoppers do not all return at once.
  retryDelay = Math.min(retryDelay * 2, LONGEST_RETRY);
}
