// Orders, and the popup behind them.

import { eachKey } from "../shared/lists.js";
import { record } from "./delivery.js";
import { eventFor } from "./events.js";
import { readMoney } from "./money.js";
import { DAY } from "./units.js";
import { changeNote, keepSession, note } from "./visitor.js";

const ATTRIBUTED_FOR = 30 * DAY;

/** The order whose amount is still being read. @type {TrackedEvent | null} */
let unread = null;

/** @param {Partial<import("../../index.js").Order>} order */
export function purchase({ order_id, revenue, currency, discount_code } = {}) {
  keepSession();
  if (!order_id || note.order === order_id) return;
  const popupId = popupBehind(discount_code);
  changeNote((note) => {
    note.order = order_id;
    delete note.session.kept; // It has been used, or was not wanted.
  });
  if (!popupId) return;
  const event = {
    ...eventFor(popupId, note.seen[popupId].variant),
    order_id: `${order_id}`,
    discount_code: discount_code || undefined,
  };
  if (discount_code) record({ ...event, type: "discount_code_used" }); // The order's use, named twice.
  recordUnread();
  const order = { ...event, type: "purchase" };
  unread = order;
  readMoney(revenue, currency, (money) => unread === order && recordUnread(money));
}

/**
 * An order counts without its money as well, where that cannot be read or the page goes away before.
 *
 * @param {Money} [money]
 */
export function recordUnread({ amount, currency } = {}) {
  const order = unread;
  unread = null;
  if (order) record(currency ? { ...order, revenue: amount, currency } : order);
}

/**
 * The popup whose code was used; otherwise the one that this visitor saw last.
 *
 * @param {string} [code]
 */
function popupBehind(code) {
  /** @type {string | null} */
  let best = null;
  let bestAt = Date.now() - ATTRIBUTED_FOR;
  eachKey(note.seen, (id) => {
    const { viewed_at: at = 0, code: given } = note.seen[id];
    const when = code && given?.toUpperCase() === code.toUpperCase() ? Infinity : at;
    if (when > bestAt) {
      best = id;
      bestAt = when;
    }
  });
  return best;
}
