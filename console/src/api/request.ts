// The one client of the functions.

import { session, signedInAgain } from "../session.ts";
import { say } from "../status.ts";
import { Problem } from "./problem.ts";

/** The names of their services, which content blockers do not know: manage_popups and stats. */
export type FunctionName = "shop-desk" | "shop-reports";

export interface Options {
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  /** The ETag of what is changed: the change is refused where it is not the newest. */
  ifMatch?: string;
  /** One for each thing to make, so that pressing twice makes one. */
  idempotencyKey?: string;
  accept?: string;
  signal?: AbortSignal;
}

export interface Answer<T> {
  data: T;
  etag: string;
}

const MOST_PATIENCE_SECONDS = 60;

/** Beside this folder, unless the page says otherwise. */
const ELSEWHERE: Partial<Record<FunctionName, string>> = JSON.parse(
  document.querySelector<HTMLMetaElement>("meta[name=functions]")?.content || "{}",
);

export function addressOf(name: FunctionName, path: string, query: Options["query"] = {}): string {
  const base = ELSEWHERE[name] ?? new URL(`../${name}`, document.baseURI.replace(/#.*/, "")).href;
  const told = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(told.map(([key, value]) => [key, String(value)])).toString();
  return `${base.replace(/\/$/, "")}${path}${search && `?${search}`}`;
}

/** Answers a response that is a success. Throws Problem; after a 401 it waits until somebody has signed in again. */
export async function send(name: FunctionName, method: string, path: string, options: Options = {}): Promise<Response> {
  const response = await fetchOnce(name, method, path, options, session.value?.key ?? "");
  if (response.ok) return response;
  if (response.status === 401 && session.value) {
    await signedInAgain();
    return send(name, method, path, options);
  }
  if (response.status === 429 && method === "GET" && (await waitAsTold(response, options.signal))) {
    return send(name, method, path, options);
  }
  throw await problemOf(response);
}

/** With a key of its own: for sign-in. */
export async function sendWith(key: string, name: FunctionName, path: string): Promise<Response> {
  const response = await fetchOnce(name, "GET", path, {}, key);
  if (response.ok) return response;
  throw await problemOf(response);
}

export async function request<T>(
  name: FunctionName,
  method: string,
  path: string,
  options?: Options,
): Promise<Answer<T>> {
  const response = await send(name, method, path, options);
  const data = response.status === 204 ? null : await response.json();
  return { data, etag: response.headers.get("ETag") ?? "" };
}

async function fetchOnce(name: FunctionName, method: string, path: string, options: Options, key: string) {
  const headers = new Headers({ Authorization: `Bearer ${key}`, Accept: options.accept ?? "application/json" });
  if (options.body !== undefined) headers.set("Content-Type", "application/json");
  if (options.ifMatch) headers.set("If-Match", options.ifMatch);
  if (options.idempotencyKey) headers.set("Idempotency-Key", options.idempotencyKey);
  const { signal, body } = options;
  const init = { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) };
  try {
    return await fetch(addressOf(name, path, options.query), { ...init, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, {});
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const body = await response.json().catch(() => ({}));
  return new Problem(response.status, body, response.headers.get("ETag") ?? "");
}

/** Whether it was worth waiting for. The page stays as it is meanwhile. */
async function waitAsTold(response: Response, signal?: AbortSignal): Promise<boolean> {
  const seconds = Number(response.headers.get("Retry-After"));
  if (!(seconds > 0 && seconds <= MOST_PATIENCE_SECONDS)) return false;
  say(`Too many requests at once. Going on in ${seconds} seconds.`);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  say("");
  return !signal?.aborted;
}
