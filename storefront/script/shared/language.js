// The page's language. Where the style sheet resets everything, Chromium forgets it, and with it how words are parted.

/** As far as the page says it; some write en_US. */
export const language = () =>
  /** @type {HTMLElement | null} */ (document.body.closest("[lang]"))?.lang.replace(/_/g, "-") || "";

/**
 * The last day on which a code works; nothing where there is none.
 *
 * @param {Discount} discount
 */
export function lastDay({ valid_until_day, expires_at }) {
  // The server's word is the shop's day. A code that came before it said so is over at a moment, in the shopper's day.
  if (valid_until_day) return written(new Date(valid_until_day), "UTC");
  if (expires_at) return written(new Date(Date.parse(expires_at) - 1));
}

/**
 * @param {Date} day
 * @param {string} [timeZone]
 */
function written(day, timeZone) {
  /** @type {Intl.DateTimeFormatOptions} */
  const options = { dateStyle: "long", timeZone };
  try {
    return day.toLocaleDateString(language() || undefined, options);
  } catch {
    return day.toLocaleDateString(undefined, options); // What the page says is the name of no language.
  }
}
