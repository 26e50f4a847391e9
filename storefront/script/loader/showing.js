// The decision that a popup shows; the second file carries it out.

import { some } from "../shared/lists.js";
import { isAskedFor } from "../shared/popups.js";
import { part, withPart } from "./part.js";
import { note, noteShown } from "./state.js";
import { isCompared, myVariant } from "./variants.js";

/** @param {Popup} popup */
export function bringUp(popup) {
  noteShown(popup.id, isAskedFor(popup));
  part?.bringUp(popup, myVariant(popup), isCompared(popup));
}

/** Codes that came when their popups were gone, or that were closed: the second file has what becomes of them. */
export function bringDue() {
  const isDue = note.session.kept || some(Object.keys(note.seen), (id) => note.seen[id].due);
  if (isDue) withPart((part) => part.bringDue());
}
