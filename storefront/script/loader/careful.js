// What may fail on pages that are not ours.

/**
 * @template T
 * @param {() => T} act
 * @returns {T | undefined}
 */
export function attempt(act) {
  try {
    return act();
  } catch (error) {
    console.debug(error); // For whoever looks into it: storage may be blocked, a call of the shop's be wrong.
  }
}

/** @param {string | null | undefined} text */
export const parse = (text) => attempt(() => JSON.parse(/** @type {string} */ (text)));

/**
 * Hears an event before the page's own listeners, who may stop it.
 *
 * @param {string} name
 * @param {(event: any) => unknown} act
 */
export const listen = (name, act) => addEventListener(name, act, true);
