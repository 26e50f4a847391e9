// The note about the visitor and this visit, as all tabs share it.

import { eachKey } from "../shared/lists.js";
import { newId } from "./ids.js";
import { collectEvents, discard, keepEvent, outbox } from "./outbox.js";
import { settings } from "./settings.js";
import { eraseNotes, lasting, NOTE, setLasting, store, stored } from "./storage.js";
import { MINUTE, within } from "./units.js";

/** What is known about the visitor; nothing before the page is idle. @type {Note} */
export let note;

const SESSION_IDLE = 30 * MINUTE;

/**
 * Addresses are kept and sent without query and fragment: shops put tokens and e-mail addresses there.
 *
 * @param {string} address
 */
export const plainAddress = (address) => address.replace(/[?#].*/, "").slice(0, 512);

/** @param {(note: Note) => unknown} change */
export function changeNote(change) {
  const kept = stored(NOTE);
  note = kept?.seen ? kept : note || { visits: 0, seen: {} };
  change(note);
  store(NOTE, note);
}

/**
 * @param {string} popupId
 * @param {(seen: Seen, note: Note) => unknown} change
 */
export function changeSeen(popupId, change) {
  changeNote((note) => change((note.seen[popupId] ||= {}), note));
}

/** A refusal holds for the tab; agreement is the visitor's and stays until it is withdrawn. */
function openNote() {
  const ofTab = stored(NOTE);
  if (ofTab?.refused) return;
  setLasting(true);
  setLasting(settings.consent !== "pending" || !!stored(NOTE)?.agreed);
  if (lasting && ofTab?.seen) moveIn(ofTab);
}

/**
 * What this tab kept for itself, before the visitor agreed or for want of room, joins what all tabs know.
 *
 * @param {Note} ofTab
 */
export function moveIn(ofTab) {
  setLasting(false);
  collectEvents();
  eraseNotes();
  setLasting(true);
  const older = stored(NOTE) || { visits: 0 };
  const joined = { ...older, ...ofTab, seen: { ...older.seen, ...ofTab.seen } };
  if (older.session?.id !== joined.session.id) joined.visits += older.visits;
  joined.visitor = older.visitor || joined.visitor || joined.session.id; // The variant stays, too.
  note = joined;
  store(NOTE, note);
  eachKey(outbox, keepEvent);
}

/** What was closed in this visit stays closed, and what was shown counts as shown. */
export function refuse() {
  const { session, seen } = note;
  const id = newId();
  eachKey(seen, (popup) => {
    if (seen[popup].session === session.id) seen[popup].session = id;
  });
  eachKey(outbox, discard);
  setLasting(true);
  eraseNotes();
  setLasting(false);
  eraseNotes();
  note = { refused: true, visits: 1, seen, session: { ...session, id } };
  store(NOTE, note);
}

/**
 * A session is one visit: it ends after half an hour without a sign of life. Everything that reads or changes the note
 * starts here, so that storage is not touched before the page is idle.
 *
 * @param {(() => unknown) | null} [change]
 */
export function keepSession(change, arriving = !note) {
  if (!note) openNote();
  changeNote((note) => {
    const now = Date.now();
    if (lasting && !note.visitor) note.visitor = newId();
    if (!note.session || !within(note.session.at, SESSION_IDLE)) {
      note.session = /** @type {Visit} */ ({ id: newId(), referrer: "", utm: {}, cart: note.session?.cart });
      note.visits++;
    }
    note.session.at = now;
    if (arriving) noteArrival(note.session);
    change?.();
  });
}

/**
 * Where the visit came from is known on its first page only, unless the shopper comes in by another link.
 *
 * @param {Visit} session
 */
function noteArrival(session) {
  const referrer = plainAddress(document.referrer);
  if (referrer && referrer.split("/")[2] !== location.host) session.referrer = referrer;
  /** @type {Visit["utm"] | undefined} */
  let utm;
  new URLSearchParams(location.search).forEach((value, name) => {
    if (name.startsWith("utm_")) (utm ||= {})[name.slice(4)] = value;
  });
  if (utm) session.utm = utm; // Two links are never mixed.
}
