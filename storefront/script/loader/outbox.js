// Events that the server has not confirmed yet. They stay in storage until then. Sending twice is harmless, since the
// server counts an event_id once; losing one is not. So when in doubt it is sent again: later, or on the next page.

import { eachKey } from "../shared/lists.js";
import { newId, timeOfId } from "./ids.js";
import { eachStoredEvent, NOTE, store, stored, unstore } from "./storage.js";
import { DAY } from "./units.js";

const BATCH_EVENTS = 40; // With addresses of 512 characters below the 64 KiB that the server and keepalive allow.
const KEEP_FOR = 7 * DAY;

/** By event_id. @type {Record<string, Entry>} */
export const outbox = {};

/**
 * @param {TrackedEvent} event
 * @param {Entry["settled"]} [settled]
 */
export function put(event, settled) {
  const id = (event.event_id ||= newId());
  outbox[id] = { event, settled };
  keepEvent(id);
  return outbox[id];
}

/**
 * What is no view lies in an object of its own: older editions of the script, in another tab, would send it as one.
 *
 * @param {string} id
 */
export function keepEvent(id) {
  const { event } = outbox[id];
  store(`${NOTE}:${id}`, event.list ? { event } : event);
}

/** @param {string} id */
export function discard(id) {
  delete outbox[id];
  unstore(`${NOTE}:${id}`);
}

/** Events of earlier pages, and of tabs since closed, are found in storage. */
export function collectEvents() {
  eachStoredEvent((key) => {
    const id = key.slice(NOTE.length + 1);
    const kept = stored(key);
    outbox[id] ||= { event: kept?.event || kept };
  });
  eachKey(outbox, (id) => {
    if (!outbox[id].event?.popup_id || Date.now() - timeOfId(id) > KEEP_FOR) discard(id);
  });
}

/**
 * Conversions, which have a type, go one a request, all others together.
 *
 * @param {(batch: Entry[]) => unknown} send
 */
export function eachBatch(send) {
  /** @type {Entry[]} */
  let views = [];
  collectEvents();
  eachKey(outbox, (id) => {
    const entry = outbox[id];
    if (entry.sending) return;
    if (entry.event.type) return send([entry]);
    views[views.length] = entry;
    if (views.length < BATCH_EVENTS) return;
    send(views);
    views = [];
  });
  if (views.length) send(views);
}
