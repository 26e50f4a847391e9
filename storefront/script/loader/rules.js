// The rules by which a popup may show. Each is named after the field it reads, and the first that says no is what
// explain() reports. A cart nobody told us about is an empty one.

import { eachKey, some } from "../shared/lists.js";
import { isAskedFor } from "../shared/popups.js";
import { deviceType } from "./devices.js";
import { isForbidden, matches, onPage } from "./pages.js";
import { part } from "./part.js";
import { shop, shownHere, unaskedHere } from "./state.js";
import { DAY, SECOND, within } from "./units.js";
import { note } from "./visitor.js";

/**
 * @template T
 * @param {T[]} list
 * @param {(item: T) => unknown} test
 */
const anyOf = (list, test) => !list.length || some(list, test);

/** @returns {NotedCart} */
const cart = () => note.session.cart || { value: 0, items: 0 };

/** What the cart is worth in the shop's currency. Another one cannot be compared, nor what could not be read. */
function worth() {
  const { value, currency } = cart();
  return value != null && (!currency || !shop.currency || currency === shop.currency) ? value : NaN;
}

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
    min_cart_value: (least) => worth() >= least,
    max_cart_value: (most) => worth() <= most,
    min_cart_items: (least) => cart().items >= least,
  },
  frequency: {
    days_after_conversion: (days, seen) => !within(seen.converted_at, days * DAY),
    days_after_close: (days, seen) => !within(seen.closed_at, days * DAY),
    max_per_session: (most, seen) => seen.session !== note.session.id || /** @type {number} */ (seen.shown) < most,
  },
};

/**
 * Why this popup may not show now, or null. What is on screen is asked last: it takes a search of the page.
 *
 * @param {Popup} popup
 */
export const firstNo = (popup) => refusal(popup) || part?.hindrance(isAskedFor(popup));

/** @param {Popup} popup */
function refusal(popup) {
  if (isAskedFor(popup)) return brokenRule(popup);
  if (shownHere[popup.id]) return "already shown on this page";
  if (unaskedHere) return "another was shown on this page";
  return brokenRule(popup) || brokenCap();
}

/** Until when the shop wants a pause after the popup before. */
export function pauseEnd() {
  const pause = (shop.seconds_between_popups || 0) * SECOND;
  const { shown_at } = note.session;
  return within(shown_at, pause) ? /** @type {number} */ (shown_at) + pause : 0;
}

/** What holds for all popups together that come unasked. Nothing is as large as a cap that the server does not name. */
function brokenCap() {
  if ((note.session.unasked || 0) >= /** @type {number} */ (shop.popups_per_visit)) return "shop.popups_per_visit";
  return pauseEnd() ? "shop.seconds_between_popups" : null;
}

/**
 * The first rule that says no, or null. A rule that was left out does not say no.
 *
 * @param {Popup} popup
 */
export function brokenRule(popup) {
  const known = note.seen[popup.id] || {};
  const seen = isAskedFor(popup) ? { converted_at: known.converted_at } : known;
  let no = isForbidden() ? "shop.never_on_pages" : null;
  eachKey(RULES, (key) => {
    const group = /** @type {keyof typeof RULES} */ (key);
    eachKey(RULES[group], (field) => {
      const value = popup[group]?.[field];
      if (!no && value != null && !RULES[group][field](value, seen)) no = `${group}.${field}`;
    });
  });
  return no;
}
