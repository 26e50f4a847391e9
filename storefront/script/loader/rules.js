// The rules by which a popup may show. Each is named after the field it reads, and the first that says no is what
// explain() reports. A cart nobody told us about is an empty one.

import { eachKey, some } from "../shared/lists.js";
import { matches, onPage } from "./pages.js";
import { note, open, shownHere } from "./state.js";
import { DAY } from "./units.js";
import { deviceType } from "./visitor.js";

/**
 * @template T
 * @param {T[]} list
 * @param {(item: T) => unknown} test
 */
const anyOf = (list, test) => !list.length || some(list, test);

/**
 * @param {number | undefined} at It may never have been.
 * @param {number} days
 */
const passed = (at, days) => !(Date.now() - /** @type {number} */ (at) < days * DAY);
const cart = () => note.session.cart || { value: 0, items: 0 };

/**
 * "shop.example" stands for the host and its subdomains; anything longer is a pattern for the whole address.
 *
 * @param {string} pattern
 */
function cameFrom(pattern) {
  const bare = (/** @type {string} */ text) => text.replace(/^https?:\/\//, "");
  const address = bare(note.session.referrer);
  if (/[*/]/.test(pattern)) return matches(bare(pattern), address);
  return `.${address.split("/")[0]}`.endsWith(`.${pattern}`);
}

/** @type {Record<"targeting" | "frequency", Record<string, (wanted: any, seen: Seen) => boolean>>} */
const RULES = {
  targeting: {
    device_types: (types) => anyOf(types, (type) => type === deviceType()),
    exclude_pages: (pages) => !some(pages, onPage),
    include_pages: (pages) => anyOf(pages, onPage),
    visitors: (kind) => kind !== (note.visits > 1 ? "new" : "returning"),
    referrers: (hosts) => anyOf(hosts, cameFrom),
    utm: (wanted) => !some(Object.keys(wanted), (name) => !matches(wanted[name], note.session.utm[name] || "")),
    min_cart_value: (least) => cart().value >= least,
    max_cart_value: (most) => cart().value <= most,
    min_cart_items: (least) => cart().items >= least,
  },
  frequency: {
    days_after_conversion: (days, seen) => passed(seen.converted_at, days),
    days_after_close: (days, seen) => passed(seen.closed_at, days),
    max_per_session: (most, seen) => seen.session !== note.session.id || /** @type {number} */ (seen.shown) < most,
  },
};

/** Whether a dialog is on screen, ours or the shop's. If the shop has replaced its body, ours is gone. */
export const isBusy = () => open?.card.host.isConnected || document.querySelector(":modal");

/**
 * Why this popup may not show now, or null.
 *
 * @param {Popup} popup
 */
export function firstNo(popup) {
  if (isBusy()) return "another dialog is open";
  if (shownHere[popup.id] && !isAskedFor(popup)) return "already shown on this page";
  return brokenRule(popup);
}

/**
 * However often a popup was closed before, whoever clicks on its trigger asks for it.
 *
 * @param {Popup} popup
 */
const isAskedFor = (popup) => popup.trigger.type === "click";

/**
 * The first rule that says no, or null. A rule that was left out does not say no.
 *
 * @param {Popup} popup
 */
export function brokenRule(popup) {
  const known = note.seen[popup.id] || {};
  const seen = isAskedFor(popup) ? { converted_at: known.converted_at } : known;
  /** @type {string | null} */
  let no = null;
  eachKey(RULES, (key) => {
    const group = /** @type {keyof typeof RULES} */ (key);
    eachKey(RULES[group], (field) => {
      const value = popup[group]?.[field];
      if (!no && value != null && !RULES[group][field](value, seen)) no = `${group}.${field}`;
    });
  });
  return no;
}
