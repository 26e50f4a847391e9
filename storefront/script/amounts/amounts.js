// Amounts as Intl prints them, in any language: a file of its own, for the few pages that have them.

const THREE_DECIMALS = /^(BHD|IQD|JOD|KWD|LYD|OMR|TND)$/;

/**
 * Neither an amount nor a currency where they cannot be read, which the browser's console says.
 *
 * @param {string} text
 * @param {string} currency
 * @returns {Money}
 */
export function readMoney(text, currency) {
  const amount = Number.isFinite(+text) ? +text : readAmount(text, currency);
  if (amount >= 0 && /^([A-Z]{3})?$/.test(currency)) return { amount: +amount.toFixed(4), currency };
  console.warn("Not an amount:", text, currency);
  return {};
}

/**
 * "1,234.50", "1.234,50 €", "CHF 1’234.50", "١٬٢٣٤٫٥٠"; NaN for anything else. Three digits behind the only
 * sign, as in "1.234 €", are thousands, but for currencies that have three decimals.
 *
 * @param {string} text
 * @param {string} currency
 */
function readAmount(text, currency) {
  const plain = text.replace(/\p{Nd}/gu, inAscii).replace(/(\d)['’٬\s](?=\d)/g, "$1");
  const digits = /^[^\d(−-]*(\d(?:[\d.,٫]*\d)?)\D*$/.exec(plain)?.[1] || "";
  const at = Math.max(digits.lastIndexOf("."), digits.lastIndexOf(","), digits.lastIndexOf("٫"));
  if (at < 0) return digits ? +digits : NaN;
  const whole = digits.slice(0, at);
  const rest = digits.slice(at + 1);
  const alone = /^[1-9]\d{0,2}$/.test(whole);
  const groups =
    whole.includes(digits[at]) || (alone && rest.length === 3 && !THREE_DECIMALS.test(currency) && digits[at] !== "٫");
  return +`${whole.replace(/[.,]/g, "")}${groups ? "" : "."}${rest}`;
}

/**
 * A digit of any script: in Unicode zeros end in 0 or 6.
 *
 * @param {string} digit
 */
function inAscii(digit) {
  const code = /** @type {number} */ (digit.codePointAt(0));
  return `${(code & 15) - (/\p{Nd}/u.test(String.fromCodePoint(code & ~15)) ? 0 : 6)}`;
}
