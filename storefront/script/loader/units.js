// Milliseconds.

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const DAY = 24 * 60 * MINUTE;

/**
 * Whether that was so recently. It may never have been. What lies in the future was noted by a clock that was wrong, and
 * is long past; a minute is what clocks are put right by.
 *
 * @param {number | undefined} at
 * @param {number} milliseconds
 */
export function within(at, milliseconds) {
  const ago = Date.now() - /** @type {number} */ (at);
  return ago > -MINUTE && ago < milliseconds;
}
