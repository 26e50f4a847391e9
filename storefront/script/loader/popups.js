// The shop's popups, as the server gives them.

import { each } from "../shared/lists.js";
import { ask, retryIn } from "./ask.js";
import { addressOf, settings } from "./settings.js";
import { takePopups } from "./state.js";

// The edition of the targeting rules in rules.js (common/shop/targeting_rules.py). Popups of a newer one are not sent to us.
const RULES = 1;

let failures = 0;
let timer = 0;

/**
 * Calls `then` once the popups are here, and again if they come later.
 *
 * @param {() => unknown} then
 */
export async function loadPopups(then) {
  clearTimeout(timer);
  const address = addressOf(settings.getActivePopups, "get_active_popups");
  const query = `?shop_id=${encodeURIComponent(settings.shop || "")}&rules=${RULES}`;
  const { status, answer, refused, patience } = await ask(address + query);
  const given = answer?.popups;
  /** @type {Popup[]} */
  const list = [];
  each(given, (popup) => popup?.trigger && (list[list.length] = popup));
  takePopups(list, answer?.shop || {}, given ? "" : status ? `answered ${status}` : "no answer");
  if (!given && !refused) timer = setTimeout(() => loadPopups(then), retryIn(++failures, patience));
  await then();
}
