// Amounts as shops' pages have them: numbers, plain decimals, and what Intl prints, which takes another file.

import { importFile } from "./files.js";
import { shop } from "./state.js";

/**
 * Tells an amount and its currency, which is the shop's where none is named: at once, or once another file has read
 * it. It tells neither where it cannot be read, and the browser's console why.
 *
 * @param {unknown} value
 * @param {string | undefined} named
 * @param {(money: Money) => void} tell
 */
export function readMoney(value, named, tell) {
  const text = `${value ?? ""}`.trim();
  const currency = (named || shop.currency || "").trim().toUpperCase();
  const unread = (/** @type {unknown} */ error) => {
    console.warn("Not an amount:", text, error);
    tell({});
  };
  if (!text) return tell({});
  const isPlain = /^\d+(\.\d+)? ([A-Z]{3})?$/.test(`${text} ${currency}`);
  if (isPlain) return tell({ amount: +(+text).toFixed(4), currency });
  importFile(AMOUNTS_FILE).then(({ readMoney }) => tell(readMoney(text, currency)), unread);
}
