// What makes popups show. The server sends the highest priority first: where one event suits several popups, the first
// allowed one shows.

import { some } from "../shared/lists.js";
import { attempt } from "./careful.js";
import { part, withPart } from "./part.js";
import { brokenRule, firstNo } from "./rules.js";
import { bringUp } from "./showing.js";
import { popups } from "./state.js";
import { SECOND } from "./units.js";
import { keepSession } from "./visitor.js";

// Whoever has waited longer than this for the second file does something else by now.
const PATIENCE = 5 * SECOND;

/**
 * Whether a popup shows, or will as soon as the second file is here.
 *
 * @param {Trigger["type"]} type
 * @param {(popup: Popup) => unknown} [suits]
 */
export function fire(type, suits = () => true) {
  return !document.hidden && some(popups, (popup) => popup.trigger.type === type && suits(popup) && tryToShow(popup));
}

/** @param {Popup} popup */
function tryToShow(popup) {
  keepSession();
  if (firstNo(popup)) return false;
  const since = Date.now();
  if (part) bringUp(popup);
  else withPart(() => !document.hidden && Date.now() - since < PATIENCE && tryToShow(popup));
  return true;
}

/**
 * Fetches the second file if a popup could show on this page. No rule allowed one before `since`: what was due before it
 * was refused.
 */
export function prepare(since = Date.now()) {
  if (some(popups, (popup) => !brokenRule(popup))) withPart((part) => part.watch(since));
}

/**
 * A click on a popup's trigger, which may be in a component's own root. One that asks for a new tab is left alone.
 *
 * @param {MouseEvent} event
 */
export function onClick(event) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const path = /** @type {Element[]} */ (event.composedPath());
  // It may be no selector, and the last of the path are no elements.
  const asksFor = (/** @type {Popup} */ { trigger: { selector } }) =>
    attempt(() => some(path, (element) => element.matches?.(selector)));
  if (fire("click", asksFor)) event.preventDefault();
}
