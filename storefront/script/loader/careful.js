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

/** A moment in which the page has nothing to do. */
export const idle = () => new Promise((done) => (window.requestIdleCallback || setTimeout)(done, { timeout: 2000 }));

/** @param {string | null | undefined} text */
export const parse = (text) => attempt(() => JSON.parse(/** @type {string} */ (text)));
