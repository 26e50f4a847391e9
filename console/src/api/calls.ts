// Each call of the functions, once.

import { type Answer, type Options, request, sendWith } from "./request.ts";
import type {
  ApiKeys,
  CustomerRequests,
  DiscountCode,
  DiscountCodes,
  Experiment,
  Explain,
  Explanations,
  History,
  KeyInUse,
  NewApiKey,
  OrderSource,
  Orders,
  PlatformSource,
  PlatformSources,
  PoolCodes,
  Popup,
  PopupDraft,
  PopupReport,
  Popups,
  Shop,
  ShopReport,
  Sources,
  Subscribers,
  SubscriberWithConsents,
} from "./schema.ts";

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

export const makeDiscountCode = (code: object, idempotencyKey: string) =>
  manage<DiscountCode>("POST", "/discount-codes", { body: code, idempotencyKey });

export const getDiscountCode = (id: string, signal?: AbortSignal) =>
  manage<DiscountCode>("GET", `/discount-codes/${id}`, { signal });

export const changeDiscountCode = (id: string, changes: object, etag: string) =>
  manage<DiscountCode>("PATCH", `/discount-codes/${id}`, { body: changes, ifMatch: etag });

export const deleteDiscountCode = (id: string, etag: string) =>
  manage<null>("DELETE", `/discount-codes/${id}`, { ifMatch: etag });

export const addPoolCodes = (id: string, codes: string[], idempotencyKey: string) =>
  manage<PoolCodes>("POST", `/discount-codes/${id}/codes`, { body: { codes }, idempotencyKey });

export const popupReport = (id: string, query: Options["query"], signal?: AbortSignal) =>
  stats<PopupReport>(`/popups/${id}`, { query, signal });

export const popupSources = (id: string, query: Options["query"], signal?: AbortSignal) =>
  stats<Sources>(`/popups/${id}/sources`, { query, signal });

export const experimentReport = (id: string, query: Options["query"], signal?: AbortSignal) =>
  stats<Experiment>(`/popups/${id}/experiment`, { query, signal });

export const listVersions = (id: string, query: Options["query"], signal?: AbortSignal) =>
  manage<History>("GET", `/popups/${id}/history`, { query, signal });

export const explain = (shopper: Partial<Explain>, signal?: AbortSignal) =>
  manage<Explanations>("POST", "/explain", { body: shopper, signal });

export const changeShop = (changes: Partial<Shop>, etag: string) =>
  manage<Shop>("PATCH", "/shop", { body: changes, ifMatch: etag });

export const listKeys = (signal?: AbortSignal) => manage<ApiKeys>("GET", "/api-keys", { signal });

export const makeKey = (name: string, rights: "read" | "write", idempotencyKey: string) =>
  manage<NewApiKey>("POST", "/api-keys", { body: { name, rights }, idempotencyKey });

export const revokeKey = (id: string) => manage<null>("DELETE", `/api-keys/${id}`);

export const listSubscribers = (query: Options["query"], signal?: AbortSignal) =>
  manage<Subscribers>("GET", "/subscribers", { query, signal });

export const getSubscriber = (id: string, signal?: AbortSignal) =>
  manage<SubscriberWithConsents>("GET", `/subscribers/${id}`, { signal });

export const unsubscribe = (id: string) =>
  manage<unknown>("POST", `/subscribers/${id}/unsubscribe`, { idempotencyKey: crypto.randomUUID() });

export const eraseSubscriber = (id: string) => manage<null>("DELETE", `/subscribers/${id}`);

export const listOrders = (query: Options["query"], signal?: AbortSignal) =>
  manage<Orders>("GET", "/orders", { query, signal });

export const deleteOrder = (id: string) => manage<null>("DELETE", `/orders/${encodeURIComponent(id)}`);

export const listSources = (signal?: AbortSignal) => manage<PlatformSources>("GET", "/order-sources", { signal });

export const connectSource = (source: Partial<OrderSource>, idempotencyKey: string) =>
  manage<PlatformSource>("POST", "/order-sources", { body: source, idempotencyKey });

export const changeSource = (id: string, changes: object) =>
  manage<PlatformSource>("PATCH", `/order-sources/${id}`, { body: changes });

export const disconnectSource = (id: string) => manage<null>("DELETE", `/order-sources/${id}`);

export const listRequests = (id: string, signal?: AbortSignal) =>
  manage<CustomerRequests>("GET", `/order-sources/${id}/requests`, { signal });

export const dropRequest = (id: string, requestId: string) =>
  manage<null>("DELETE", `/order-sources/${id}/requests/${encodeURIComponent(requestId)}`);
