// Amounts as shops' pages have them: numbers, plain decimals, and what Intl prints, for which it takes the second file.

import { fetchPart, part } from "./part.js";
import { shop } from "./state.js";

/**
 * Tells an amount and its currency, which is the shop's where none is named: at once, or once the second file has read
 * it. It tells neither where it cannot be read, and the browser's console why.
 *
 * @param {unknown} value
 * @param {string | undefined} named
 * @param {(money: Money) => void} tell
 */
export function readMoney(value, named, tell) {
  const text = `${value ?? ""}`.trim();
  const currency = (named || shop.currency || "").trim().toUpperCase();
  const found = (/** @type {number} */ amount) => {
    const fits = amount >= 0 && /^([A-Z]{3})?$/.test(currency);
    if (text && !fits) console.warn("Not an amount:", value, named);
    tell(fits ? { amount: +amount.toFixed(4), currency } : {});
  };
  if (!text || Number.isFinite(+text)) found(text ? +text : NaN);
  else fetchPart().then(() => found(part ? part.readAmount(text, currency) : NaN));
}
