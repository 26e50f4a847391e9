// The platforms that report orders by themselves: what each calls what it needs.

import type { PlatformSource } from "../api/schema.ts";

export type Platform = PlatformSource["platform"];

interface Words {
  name: string;
  /** Where its webhooks are made. */
  place: string;
  /** The secret that signs them. */
  secret: string;
  topics: string[];
  /** Each webhook's other settings. */
  settings: string;
  apiPlace: string;
  apiUrl: string;
  apiToken: string;
  tokenHint: string;
}

export const PLATFORMS: Record<Platform, Words> = {
  shopify: {
    name: "Shopify",
    place: "Settings → Notifications → Webhooks",
    secret:
      "It stands below the list of webhooks: “Your webhooks will be signed with …”. An app has a client secret instead.",
    topics: ["Order payment", "Order creation", "Order cancellation", "Refund create"],
    settings: "Format JSON, the newest API version.",
    apiPlace: "A custom app of the shop (Settings → Apps → Develop apps) that may read_orders.",
    apiUrl: "https://SHOP.myshopify.com/admin/api/2026-10/graphql.json",
    apiToken: "Access token",
    tokenHint: "It begins with shpat_.",
  },
  woocommerce: {
    name: "WooCommerce",
    place: "WooCommerce → Settings → Advanced → Webhooks",
    secret: "It was made up here. Copy it now: WooCommerce needs the same, and it is not shown again.",
    topics: ["Order created", "Order updated"],
    settings: "Status Active, the secret from before, API version 3.",
    apiPlace: "WooCommerce → Settings → Advanced → REST API → Add key, permission Read.",
    apiUrl: "https://shop.example/wp-json/wc/v3",
    apiToken: "Consumer key and consumer secret",
    tokenHint: "Both with a colon between them: ck_…:cs_…",
  },
};

/** 24 random bytes as plain letters and digits, which no platform changes. */
export function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
