// The decision that a popup shows; the second file carries it out.

import { some } from "../shared/lists.js";
import { isAskedFor } from "../shared/popups.js";
import { part, withPart } from "./part.js";
import { noteShown, shop } from "./state.js";
import { myVariant } from "./variants.js";
import { note } from "./visitor.js";

/** @param {Popup} popup */
export function bringUp(popup) {
  noteShown(popup.id, isAskedFor(popup));
  part?.bringUp(popup, myVariant(popup), shop);
}

/** Codes that came when their popups were gone, or that were closed: the second file has what becomes of them. */
export function lookForCodes() {
  const isDue = note.session.kept || some(Object.keys(note.seen), (id) => note.seen[id].due);
  if (isDue) withPart((part) => part.bringDue());
}
