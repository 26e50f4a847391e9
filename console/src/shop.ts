// The shop that is signed in: its name, zone and currency, which every page needs.

import { signal } from "@preact/signals";
import { getShop } from "./api/calls.ts";
import type { Shop } from "./api/schema.ts";

export const shop = signal<Shop | null>(null);

let coming: Promise<Shop> | null = null;

/** Fetched once; pages that need it wait for the same answer. */
export function loadShop(): Promise<Shop> {
  coming ??= getShop().then(({ data }) => (shop.value = data));
  coming.catch(() => (coming = null));
  return coming;
}

/** Asked anew, for what orders and events may have changed; the same call where the first is still under way. */
export function freshShop(): Promise<Shop> {
  if (shop.value) coming = null;
  return loadShop();
}
