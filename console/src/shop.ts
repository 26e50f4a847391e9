// The shop that is signed in: its name, zone and currency, which every page needs.

import { computed, signal } from "@preact/signals";
import { getShop } from "./api/calls.ts";
import type { Shop } from "./api/schema.ts";
import { moment } from "./numbers.ts";

export const shop = signal<Shop | null>(null);

/** Whose days and times are shown, wherever the browser is. */
export const zone = computed(() => shop.value?.time_zone ?? "UTC");

/** A moment in the shop's zone, whose name stands beside it. */
export const momentHere = (text: string) => `${moment(text, zone.value)} (${zone.value})`;

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
