// What a shop's pages may call and set. See README.md.

export interface Cart {
  /** Of the whole cart, as "49.90" or 49.9. */
  value?: string | number;
  /** ISO 4217. */
  currency?: string;
  items?: number;
}

export interface Order {
  order_id: string | number;
  revenue?: string | number;
  /** ISO 4217. */
  currency?: string;
  discount_code?: string;
}

export interface Explanation {
  id: string;
  trigger: string;
  /** The id of the visitor's variant, "holdout", "shop_holdout", or null where the popup has none. */
  variant: string | null;
  would_show: boolean;
  /** The first rule that says no. */
  reason: string | null;
}

export interface ExitIntent {
  /** Whenever the cart changes: targeting's cart fields are compared with it. */
  cart(cart?: Cart): void;
  /** On the thank-you page; reloading it is harmless. */
  purchase(order: Order): void;
  /** What the visitor answered. */
  consent(given: boolean): void;
  /** For each popup: would it show now, and if not, why. */
  explain(): Explanation[];
  /** Shows a popup, or the one with that id, without counting anything. */
  preview(popup: string | object): void;
  /** Which variant that visitor gets. */
  variant(popup: object, visitorId: string): string | null;
  /** The visitor's id, or null without consent. `tell` is called with it once there is consent, and not without. */
  visitor(tell?: (visitor: string) => unknown): string | null;
  /** One call by its name, as before the script has arrived. */
  push(call: Call): void;
}

export type Call =
  | ["cart", Cart]
  | ["purchase", Order]
  | ["consent", boolean]
  | ["preview", string | object]
  | ["visitor", (visitor: string) => unknown];

/** What else the attributes of the script's tag say, for pages that have no such tag. */
export interface Settings {
  shop?: string;
  api?: string;
  getActivePopups?: string;
  trackView?: string;
  trackConversion?: string;
  consent?: "pending" | string;
  words?: string | Record<string, string>;
  /** The address of the cart; empty where there is none. Without it: where a link of the page leads. */
  cart?: string;
  /** The folder of the script's other files, where it is not the script's own. */
  files?: string;
}

declare global {
  interface Window {
    /** A queue of calls until the script has arrived. */
    exitIntent?: ExitIntent | Call[];
    exitIntentSettings?: Settings;
  }
}
