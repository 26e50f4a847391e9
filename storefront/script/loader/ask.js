// One request and its answer.

import { parse } from "./careful.js";
import { SECOND } from "./units.js";

const ANSWER_WITHIN = 10 * SECOND;

/**
 * @param {string} url
 * @param {RequestInit} [request]
 * @returns {Promise<Reply>}
 */
export async function ask(url, request) {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    const response = await fetch(url, { credentials: "omit", signal, ...request });
    const patience = Number(response.headers.get("Retry-After")) * SECOND;
    return { status: response.status, answer: parse(await response.text()), patience };
  } catch {
    return {};
  }
}
