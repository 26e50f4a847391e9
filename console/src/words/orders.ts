// An order in words: on whose word it is known, and why a popup has the credit for it.

import type { Order } from "../api/schema.ts";

export const SOURCES: Record<Order["source"], string> = {
  shopify: "Shopify",
  woocommerce: "WooCommerce",
  api: "Your server",
  browser: "Only a browser",
};

const REASONS: Record<NonNullable<Order["reason"]>, string> = {
  code: "Its discount code was used.",
  click: "They pressed its button or left their address within the 7 days before.",
  view: "They saw it within the 7 days before.",
  report: "The page that reported the order named it.",
  stored: "Credited when it was stored, before there were rules.",
};

const KNOWN_BY: Record<NonNullable<Order["recognised_by"]>, string> = {
  visitor_id: "The report named the visitor.",
  code: "It used a code that was given to one person.",
  email: "The buyer’s address is a subscriber’s.",
  browser: "The buyer’s browser reported it.",
};

const NOBODY = "Nobody knows whose it was: it came without a visitor, a code of a popup or a subscriber’s address.";

/** Why the popup has the credit, or why none has. */
export function credit({ popup_id, reason, recognised_by }: Pick<Order, "popup_id" | "reason" | "recognised_by">) {
  if (popup_id) return reason ? REASONS[reason] : "";
  return recognised_by ? "They met no popup in the 7 days before." : NOBODY;
}

/** How it is known whose order it was. */
export const knownBy = ({ recognised_by }: Pick<Order, "recognised_by">) =>
  recognised_by ? KNOWN_BY[recognised_by] : "";

/** Whether all that was paid was paid back. */
export const isPaidBack = ({ revenue, refunded }: Pick<Order, "revenue" | "refunded">) =>
  Number(refunded) > 0 && Number(refunded) >= Number(revenue);
