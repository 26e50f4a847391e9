// Hearing events.

/**
 * Hears an event before the page's own listeners, who may stop it.
 *
 * @param {string} name
 * @param {(event: any) => unknown} act
 */
export const listen = (name, act) => addEventListener(name, act, true);
