// Page patterns tried out, by the storefront script's own matcher.

import { matches } from "../../../storefront/script/loader/pages.js";

/** What a shopper's browser compares: the path as people read it, and the query where the pattern asks for one. */
function comparable(address: string, withQuery: boolean): string {
  const { pathname, search } = new URL(address.trim() || "/", "https://shop.invalid");
  const path = pathname + (withQuery ? search : "");
  try {
    return decodeURI(path);
  } catch {
    return path; // What is not UTF-8 is compared as it is.
  }
}

/** A pattern as the server keeps it: without the shop's own address, from the path's slash on. */
function kept(pattern: string): string {
  const [, rest] = /^(?:(?:https?|\*):)?\/\/[^/?#*]*(.*)$/is.exec(pattern.trim()) ?? [null, pattern.trim()];
  const path = rest === "" ? "/" : /^[/*]/.test(rest ?? "") ? (rest ?? "") : `/${rest}`;
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

const isOn = (patterns: string[], address: string) =>
  patterns.find((pattern) => pattern.trim() && matches(kept(pattern), comparable(address, pattern.includes("?"))));

export interface PageVerdict {
  isShown: boolean;
  text: string;
}

/** Whether the popup may show on that page, and the pattern that decides. */
export function onPage(address: string, include: string[], exclude: string[], never: string[] = []): PageVerdict {
  const forbidden = isOn(never, address);
  if (forbidden) return { isShown: false, text: `No popup shows here: the shop says so with ${forbidden}` };
  const excluded = isOn(exclude, address);
  if (excluded) return { isShown: false, text: `Not here: excluded by ${excluded}` };
  if (!include.some((pattern) => pattern.trim())) return { isShown: true, text: "Here, as on every page" };
  const included = isOn(include, address);
  return included
    ? { isShown: true, text: `Here: included by ${included}` }
    : { isShown: false, text: "Not here: no pattern includes this page" };
}
