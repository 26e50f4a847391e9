// What the functions answer and take. Written by hand until `python -m openapi` writes it from the schemas.

export type PopupStatus = "draft" | "active" | "paused" | "archived";
export type TriggerType = "exit_intent" | "time_delay" | "scroll_percentage" | "inactivity" | "click";
export type DeviceType = "desktop" | "mobile" | "tablet";
export type OfferType = "none" | "email_capture" | "newsletter" | "discount" | "free_shipping";

export interface Trigger {
  type: TriggerType;
  delay_seconds: number;
  scroll_percentage: number;
  selector: string | null;
}

export interface Design {
  heading: string;
  subheading: string;
  button_text: string;
  background_color: string;
  text_color: string;
  button_color: string;
  image_url: string | null;
  layout: "centered" | "left" | "right";
  width: number;
  border_radius: number;
  padding: number;
}

export interface Targeting {
  include_pages: string[];
  exclude_pages: string[];
  device_types: DeviceType[];
  visitors: "all" | "new" | "returning";
  referrers: string[];
  utm: Record<string, string>;
  min_cart_value?: string;
  max_cart_value?: string;
  min_cart_items?: number;
}

export interface Frequency {
  max_per_session: number;
  days_after_close: number;
  days_after_conversion: number;
}

export interface Offer {
  type: OfferType;
  discount_code_id: string | null;
  consent_text: string | null;
  when_empty?: "without_code" | "fallback" | "stop";
  fallback_discount_code_id?: string;
}

export interface Variant {
  id: string;
  name: string;
  weight: number;
  design: Partial<Design>;
  offer: Partial<Offer>;
}

/** A popup as merchants write it. */
export interface PopupDraft {
  name: string;
  description: string;
  status: PopupStatus;
  trigger: Trigger;
  design: Design;
  targeting: Targeting;
  frequency: Frequency;
  offer: Offer;
  variants: Variant[];
  holdout_percent: number;
  starts_at: string | null;
  ends_at: string | null;
  priority: number;
  view_limit: number | null;
  experiment?: { planned_viewers: number | null };
}

export interface Popup extends PopupDraft {
  id: string;
  view_count: number;
  conversion_count: number;
  is_active: boolean;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface PopupVersion {
  version: number;
  action: "created" | "changed" | "restored" | "deleted";
  changed_at: string;
  changed_by: string | null;
  changed_fields: string[];
  popup: PopupDraft;
}

export interface Shop {
  id: string;
  name: string;
  time_zone: string;
  currency: string;
  allowed_origins: string[];
  popups_per_visit: number;
  seconds_between_popups: number;
  never_on_pages: string[];
  holdout_percent: number;
  confirmed_since?: string | null;
  budgets_met?: { budget: string; refused: number; last_refused_at: string }[];
  created_at: string;
  updated_at: string;
}

export interface KeyInUse {
  id: string;
  name: string;
  prefix: string;
  rights: "read" | "write";
  shop_id: string;
}

export interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  rights: "read" | "write";
  created_at: string;
  last_used_at: string | null;
}

export interface DiscountCode {
  id: string;
  code: string | null;
  type: "percentage" | "fixed";
  value: string;
  minimum_purchase: string | null;
  maximum_discount: string | null;
  starts_at: string | null;
  expires_at: string | null;
  usage_limit: number | null;
  used_count: number;
  single_use: boolean;
  is_active: boolean;
  low_stock?: boolean;
  pool?: { total: number; left: number; claimed: number; used: number };
  created_at: string;
  updated_at: string;
}

/** Figures of a group: a period, a day, a device, a variant, a popup. Those of a newer release may be missing. */
export interface Figures {
  views: number;
  unique_viewers: number;
  conversions: number;
  conversions_by_type: Record<string, number>;
  conversion_rate: number | null;
  revenue: string;
  currency: string;
  converters?: number;
  converters_by_type?: Record<string, number>;
  active_viewers?: number;
  active_viewers_estimated?: boolean;
  closes?: number;
  exposures?: number | null;
  orders?: number;
  refunded?: string;
  net_revenue?: string;
  unconfirmed_orders?: number;
  revenue_per_viewer?: string | null;
}

export interface RankedPopup extends Figures {
  popup_id: string;
  name: string;
  status: PopupStatus;
}

export interface Report extends Figures {
  from: string;
  to: string;
  time_zone: string;
  goal?: string;
  crawlers: number;
  by_day: (Figures & { day: string })[];
  by_device: (Figures & { device_type: string })[];
  previous?: Figures & { from: string; to: string };
}

export interface ShopReport extends Report {
  shop_id: string;
  popups: RankedPopup[];
  next_cursor?: string | null;
}

export interface PopupReport extends Report {
  popup_id: string;
  by_variant: (Figures & { variant_id: string | null })[];
}

/** What the schemas allow. Characters, numbers, entries. */
export const LIMITS = {
  name: { maxLength: 200 },
  description: { maxLength: 2000 },
  "trigger.delay_seconds": { min: 0, max: 3600 },
  "trigger.scroll_percentage": { min: 1, max: 100 },
  "trigger.selector": { maxLength: 200 },
  "design.heading": { maxLength: 200 },
  "design.subheading": { maxLength: 1000 },
  "design.button_text": { maxLength: 100 },
  "design.image_url": { maxLength: 2008 },
  "design.width": { min: 200, max: 1200 },
  "design.border_radius": { min: 0, max: 50 },
  "design.padding": { min: 10, max: 100 },
  "targeting.min_cart_items": { min: 1, max: 1_000_000 },
  "frequency.max_per_session": { min: 1, max: 100 },
  "frequency.days_after_close": { min: 0, max: 3650 },
  "frequency.days_after_conversion": { min: 0, max: 3650 },
  "offer.consent_text": { maxLength: 1000 },
  holdout_percent: { min: 0, max: 100 },
  priority: { min: -1000, max: 1000 },
  view_limit: { min: 1, max: 1_000_000_000_000 },
  "experiment.planned_viewers": { min: 100, max: 100_000_000 },
} as const;
