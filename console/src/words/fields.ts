// Fields of a popup as the builder calls them, and their values: nobody has to know the API's names.

import type { Variant } from "../api/schema.ts";

const NAMES: Record<string, string> = {
  name: "Name",
  description: "Notes",
  status: "Status",
  trigger: "When it shows",
  "trigger.type": "When it shows",
  "trigger.delay_seconds": "Seconds until it shows",
  "trigger.scroll_percentage": "Scrolled part of the page",
  "trigger.selector": "What they click on",
  design: "Words and look",
  "design.heading": "Heading",
  "design.subheading": "Text",
  "design.button_text": "Button",
  "design.background_color": "Background colour",
  "design.text_color": "Text colour",
  "design.button_color": "Button colour",
  "design.image_url": "Image",
  "design.layout": "Layout",
  "design.width": "Width",
  "design.border_radius": "Rounded corners",
  "design.padding": "Space around the text",
  targeting: "Who sees it, and where",
  "targeting.include_pages": "Only on these pages",
  "targeting.exclude_pages": "Never on these pages",
  "targeting.device_types": "Devices",
  "targeting.visitors": "Visitors",
  "targeting.referrers": "Only from these sites",
  "targeting.utm": "utm parameters",
  "targeting.min_cart_value": "Cart worth at least",
  "targeting.max_cart_value": "Cart worth at most",
  "targeting.min_cart_items": "Items in the cart",
  frequency: "How often",
  "frequency.max_per_session": "Times a visit",
  "frequency.days_after_close": "Days after closing it",
  "frequency.days_after_conversion": "Days after saying yes",
  offer: "Offer",
  "offer.type": "What it offers",
  "offer.discount_code_id": "Discount code",
  "offer.consent_text": "Consent",
  "offer.when_empty": "If no code is left",
  "offer.fallback_discount_code_id": "The other code",
  variants: "Variants",
  holdout_percent: "Share that sees nothing",
  experiment: "Experiment",
  "experiment.planned_viewers": "Planned viewers",
  starts_at: "From",
  ends_at: "Until",
  priority: "Priority",
  view_limit: "Views in all",
  // Of the shop.
  allowed_origins: "Where the shop is",
  currency: "Currency",
  never_on_pages: "Pages without any popup",
  popups_per_visit: "Popups a visit",
  seconds_between_popups: "Pause between two",
  time_zone: "Time zone",
};

const IN_VARIANT = /^variants\.(\d+)\.(.+)$/;

/** "design.heading" as "Heading". A field of a newer release keeps the API's name. */
export function fieldName(path: string): string {
  const [, index, field = ""] = IN_VARIANT.exec(path) ?? [];
  if (index !== undefined) return `Variant ${Number(index) + 1}: ${fieldName(field)}`;
  return NAMES[path] ?? NAMES[path.replace(/\.\d+$/, "")] ?? path;
}

export const fieldNames = (paths: readonly string[]) => [...new Set(paths.map(fieldName))].join(", ");

const isVariant = (value: unknown): value is Variant =>
  typeof value === "object" && value !== null && "weight" in value;

function variantWords({ id, name, weight, design, offer }: Variant): string {
  const own = Object.entries({ ...prefixed("design", design), ...prefixed("offer", offer) });
  const changes = own.map(([path, value]) => `${fieldName(path)} “${valueWords(value)}”`).join(", ");
  return `${name || id} (${weight}): ${changes || "as the popup"}`;
}

const prefixed = (prefix: string, fields: object | undefined) =>
  Object.fromEntries(Object.entries(fields ?? {}).map(([key, value]) => [`${prefix}.${key}`, value]));

/** A value in a comparison of two. */
export function valueWords(value: unknown): string {
  if (value === undefined || value === null || value === "") return "nothing";
  if (Array.isArray(value)) return value.map(valueWords).join(", ") || "nothing";
  if (isVariant(value)) return variantWords(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
