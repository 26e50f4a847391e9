// Each call of the functions, once.

import type { ShopReport } from "./reports.ts";
import { type Answer, type Options, request, sendWith } from "./request.ts";
import type { DiscountCodes, KeyInUse, Popup, PopupDraft, Popups, Shop } from "./schema.ts";

const manage = <T>(method: string, path: string, options?: Options) => request<T>("shop-desk", method, path, options);
const stats = <T>(path: string, options?: Options) => request<T>("shop-reports", "GET", path, options);

/** Whose key it is. */
export async function whoIs(key: string): Promise<KeyInUse> {
  return (await sendWith(key, "shop-desk", "/key")).json();
}

export const getShop = (signal?: AbortSignal) => manage<Shop>("GET", "/shop", { signal });
export const getPopup = (id: string, signal?: AbortSignal) => manage<Popup>("GET", `/popups/${id}`, { signal });

export const listPopups = (query: Options["query"], signal?: AbortSignal) =>
  manage<Popups>("GET", "/popups", { query, signal });

export const createPopup = (popup: Partial<PopupDraft>, idempotencyKey: string) =>
  manage<Popup>("POST", "/popups", { body: popup, idempotencyKey });

/** A merge patch: what is null goes back to its default, and lists are replaced as a whole. */
export const changePopup = (id: string, changes: object, etag: string): Promise<Answer<Popup>> =>
  manage("PATCH", `/popups/${id}`, { body: changes, ifMatch: etag });

export const deletePopup = (id: string) => manage<null>("DELETE", `/popups/${id}`);

export const duplicatePopup = (id: string, idempotencyKey: string) =>
  manage<Popup>("POST", `/popups/${id}/duplicate`, { idempotencyKey });

export const rollbackPopup = (id: string, version: number, etag: string) =>
  manage<Popup>("POST", `/popups/${id}/rollback`, {
    body: { version },
    ifMatch: etag,
    idempotencyKey: crypto.randomUUID(),
  });

export const shopReport = (query: Options["query"], signal?: AbortSignal) =>
  stats<ShopReport>("/shop", { query, signal });

export const listDiscountCodes = (query: Options["query"], signal?: AbortSignal) =>
  manage<DiscountCodes>("GET", "/discount-codes", { query, signal });
