// One request and its answer, and when to ask again.

import { parse } from "./careful.js";
import { DAY, MINUTE, SECOND } from "./units.js";

const ANSWER_WITHIN = 10 * SECOND;
const LONGEST_RETRY = 5 * MINUTE;

/**
 * @param {string} url
 * @param {RequestInit} [request]
 * @returns {Promise<Reply>}
 */
export async function ask(url, request) {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    const response = await fetch(url, { credentials: "omit", ...request, signal });
    const { status } = response;
    return {
      status,
      answer: parse(await response.text()),
      // Of other failures it may recover.
      refused: /^4(?!29)/.test(`${status}`),
      // Timers know no more than 24 days.
      patience: Math.min(+(/** @type {any} */ (response.headers.get("Retry-After"))) * SECOND || 0, DAY),
    };
  } catch {
    return { patience: 0 };
  }
}

/**
 * Each time twice as long as before, and spread, so that shoppers do not all return at once.
 *
 * @param {number} failures in a row
 * @param {number} patience What the server asked for.
 */
export const retryIn = (failures, patience) =>
  patience + Math.min(2 ** failures * SECOND, LONGEST_RETRY) * (0.5 + Math.random());
