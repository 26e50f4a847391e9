// One request and its answer, and when to ask again.

import { parse } from "./careful.js";
import { DAY, MINUTE, SECOND } from "./units.js";

const ANSWER_WITHIN = 10 * SECOND;
const SHORTEST_RETRY = 2 * SECOND;
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
    // Timers know no more than 24 days.
    const patience = Math.min(Number(response.headers.get("Retry-After")) * SECOND || 0, DAY);
    return { status: response.status, answer: parse(await response.text()), patience };
  } catch {
    return { patience: 0 };
  }
}

/**
 * Whether asking again may help: no network, too many requests, or a server in trouble.
 *
 * @param {Reply} reply
 */
export const mayRecover = ({ status = 500 }) => status >= 500 || status === 429;

/** Delays, each twice as long as the one before, and spread, so that shoppers do not all return at once. */
export function retryDelays() {
  let delay = SHORTEST_RETRY;
  return {
    /** @param {number} patience What the server asked for. */
    next(patience) {
      const now = patience + delay * (0.5 + Math.random());
      delay = Math.min(delay * 2, LONGEST_RETRY);
      return now;
    },
    reset() {
      delay = SHORTEST_RETRY;
    },
  };
}
