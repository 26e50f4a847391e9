// Each call of the functions, once.

import { Problem } from "./problem.ts";
import type { ShopReport } from "./reports.ts";
import { type Answer, type Options, request, sendWith } from "./request.ts";
import type { KeyInUse, Popup, PopupDraft, Shop } from "./schema.ts";

type Changes<T> = { [K in keyof T]?: T[K] extends object ? unknown : T[K] | null };

const manage = <T>(method: string, path: string, options?: Options) => request<T>("shop-desk", method, path, options);
const stats = <T>(path: string, options?: Options) => request<T>("shop-reports", "GET", path, options);

/** Whose key it is. */
export async function whoIs(key: string): Promise<KeyInUse> {
  const response = await sendWith(key, "shop-desk", "/key").catch((error) => {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  });
  return response ? response.json() : whoIsByList(key);
}

/** For a release before GET /key. */
async function whoIsByList(key: string): Promise<KeyInUse> {
  const read = async (path: string) => (await sendWith(key, "shop-desk", path)).json();
  const [shop, keys] = await Promise.all([read("/shop"), read("/api-keys")]);
  const own = keys.api_keys.find(({ prefix }: { prefix: string }) => prefix && key.startsWith(prefix));
  return { id: "", name: "", prefix: "", rights: "read", ...own, shop_id: shop.id };
}

export const getShop = (signal?: AbortSignal) => manage<Shop>("GET", "/shop", { signal });
export const getPopup = (id: string, signal?: AbortSignal) => manage<Popup>("GET", `/popups/${id}`, { signal });

export interface PopupPage {
  popups: Partial<Popup>[];
  next_cursor: string | null;
}

export const listPopups = (query: Options["query"], signal?: AbortSignal) =>
  manage<PopupPage>("GET", "/popups", { query, signal });

export const createPopup = (popup: Partial<PopupDraft>, idempotencyKey: string) =>
  manage<Popup>("POST", "/popups", { body: popup, idempotencyKey });

/** A merge patch: what is null goes back to its default, and lists are replaced as a whole. */
export const changePopup = (id: string, changes: Changes<PopupDraft>, etag: string): Promise<Answer<Popup>> =>
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
