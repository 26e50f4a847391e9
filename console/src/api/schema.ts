// Written by `python -m openapi` from the schemas of the functions: change those.
// What a page sends may lack each field that has a default: send a Partial of these types.

export interface AmountEstimate {
  value: string;
  interval: string[];
}

export interface Annotation {
  version: number;
  action: string;
  changed_at: string;
  day: string;
  api_key_name: string | null;
  changed_fields: string[];
  status: string | null;
}

export interface Api {
  url: string;
  token: string;
}

export interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  rights: "read" | "write";
  created_at: string;
  last_used_at: string | null;
}

export interface ApiKeys {
  api_keys: ApiKey[];
}

export interface BudgetMet {
  budget: string;
  refused: number;
  last_met_at: string;
}

export interface ComparedVariant {
  variant_id: string;
  name: string;
  weight: number;
  viewers: number;
  converters: number;
  rate: number | null;
  revenue_per_viewer: string | null;
  credible_interval: number[] | null;
  chance_to_be_best: number | null;
  expected_loss: number | null;
  lift: number | null;
  lift_interval: number[] | null;
  beats_first: boolean;
}

export interface Consent {
  type: "given" | "withdrawn";
  consent_text: string | null;
  popup_id: string | null;
  popup_version: number | null;
  recorded_at: string;
}

export interface CustomerRequest {
  request_id: string;
  email: string | null;
  customer_id: string | null;
  order_ids: string[];
  requested_at: string;
}

export interface CustomerRequests {
  requests: CustomerRequest[];
}

export interface Day {
  exposures: number | null;
  views: number;
  unique_viewers: number;
  active_viewers: number;
  closes: number;
  converters: number;
  converters_by_type: Record<string, number>;
  conversion_rate: number | null;
  conversions: number;
  conversions_by_type: Record<string, number>;
  orders: number;
  revenue: string;
  refunded: string;
  net_revenue: string;
  unconfirmed_orders: number;
  revenue_per_viewer: string | null;
  average_order_value: string | null;
  currency: string;
  revenue_by_currency: Record<string, string>;
  refunded_by_currency: Record<string, string>;
  day: string;
}

export interface DeletedPopups {
  popups: number;
  views: number;
  conversions: number;
  orders: number;
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

export interface Device {
  exposures: number | null;
  views: number;
  unique_viewers: number;
  active_viewers: number;
  closes: number;
  converters: number;
  converters_by_type: Record<string, number>;
  conversion_rate: number | null;
  conversions: number;
  conversions_by_type: Record<string, number>;
  orders: number;
  revenue: string;
  refunded: string;
  net_revenue: string;
  unconfirmed_orders: number;
  revenue_per_viewer: string | null;
  average_order_value: string | null;
  currency: string;
  revenue_by_currency: Record<string, string>;
  refunded_by_currency: Record<string, string>;
  device_type: "desktop" | "mobile" | "tablet" | null;
}

export interface DiscountCode {
  code: string | null;
  type: "percentage" | "fixed";
  value: string;
  minimum_purchase: string | null;
  maximum_discount: string | null;
  starts_at: string | null;
  expires_at: string | null;
  usage_limit: number | null;
  single_use: boolean;
  is_active: boolean;
  id: string;
  currency: string;
  usage_count: number;
  pool: Pool | null;
  low_stock: boolean;
  budgets_met: BudgetMet[];
  created_at: string;
  updated_at: string;
}

export interface DiscountCodeDraft {
  code: string | null;
  type: "percentage" | "fixed";
  value: string;
  minimum_purchase: string | null;
  maximum_discount: string | null;
  starts_at: string | null;
  expires_at: string | null;
  usage_limit: number | null;
  single_use: boolean;
  is_active: boolean;
}

export interface DiscountCodes {
  next_cursor: string | null;
  discount_codes: DiscountCode[];
}

export interface Estimate {
  value: number;
  interval: number[];
}

export interface Experiment {
  popup_id: string;
  goal: "email_capture" | "click" | "purchase" | "revenue";
  currency: string;
  stretch: number;
  experiment_started_at: string | null;
  verdict: "collecting" | "keep_running" | "winner" | "no_difference" | "undecided";
  stop: boolean;
  best: string | null;
  reason: string;
  viewers_needed: number | null;
  variants: ComparedVariant[];
  orders_left_out: number;
  holdout: Holdout | null;
  health: HealthNote[];
}

export interface ExperimentPlan {
  viewers_per_variant: number;
  viewers: number;
  days: number;
}

export interface Explain {
  url: string;
  device_type: "desktop" | "mobile" | "tablet";
  visitor_id: string | null;
  visitor: string | null;
  visitors: "new" | "returning" | null;
  referrer: string;
  cart_value: string;
  cart_items: number;
  popup: PopupDraft | null;
}

export interface Explained {
  popup_id: string | null;
  name: string;
  would_show: boolean;
  reason: string | null;
  variant: string | null;
  not_checked: string[];
}

export interface Explanation {
  popup_id: string;
  would_show: boolean;
  reason: string | null;
  trigger: string;
  variant: string | null;
  not_checked: string[];
}

export interface Explanations {
  popups: Explained[];
}

export interface Frequency {
  max_per_session: number;
  days_after_close: number;
  days_after_conversion: number;
}

export interface Funnel {
  exposures: number | null;
  viewers: number;
  closes: number;
  converters: number;
  codes_used: number;
  orders: number;
}

export interface HealthNote {
  code: "sample_ratio" | "less_than_a_week" | "too_few_viewers" | "changed_midway" | "viewers_in_two_variants" | "crawlers" | "skewed";
  detail: string;
}

export interface History {
  next_cursor: string | null;
  versions: Version[];
}

export interface Holdout {
  viewers: number;
  shown_viewers: number;
  increment: Increment | null;
  refused: string | null;
}

export interface Hour {
  hour: number;
  views: number;
}

export interface Increment {
  conversions: Estimate;
  revenue: AmountEstimate;
}

export interface KeyInUse {
  id: string;
  name: string;
  prefix: string;
  rights: "read" | "write";
  shop_id: string;
}

export interface KeyName {
  id: string;
  name: string | null;
  prefix: string | null;
}

export interface NewApiKey {
  id: string;
  name: string;
  prefix: string;
  rights: "read" | "write";
  created_at: string;
  last_used_at: string | null;
  key: string;
}

export interface Numbers {
  exposures: number | null;
  views: number;
  unique_viewers: number;
  active_viewers: number;
  closes: number;
  converters: number;
  converters_by_type: Record<string, number>;
  conversion_rate: number | null;
  conversions: number;
  conversions_by_type: Record<string, number>;
  orders: number;
  revenue: string;
  refunded: string;
  net_revenue: string;
  unconfirmed_orders: number;
  revenue_per_viewer: string | null;
  average_order_value: string | null;
  currency: string;
  revenue_by_currency: Record<string, string>;
  refunded_by_currency: Record<string, string>;
}

export interface Offer {
  type: "none" | "email_capture" | "newsletter" | "discount" | "free_shipping";
  discount_code_id: string | null;
  consent_text: string | null;
  when_empty?: "without_code" | "fallback" | "stop";
  fallback_discount_code_id?: string;
}

export interface Order {
  order_id: string;
  source: "browser" | "api" | "shopify" | "woocommerce";
  confirmed: boolean;
  revenue: string | null;
  currency: string | null;
  refunded: string | null;
  ordered_at: string;
  recognised_by: "visitor_id" | "code" | "email" | "browser" | null;
  popup_id: string | null;
  variant_id: string | null;
  reason: "code" | "click" | "view" | "report" | "stored" | null;
}

export interface OrderSource {
  platform: "shopify" | "woocommerce";
  secrets: string[];
  api: Api | null;
}

export interface Orders {
  next_cursor: string | null;
  orders: Order[];
}

export interface PlannedExperiment {
  planned_viewers: number | null;
}

export interface PlatformApi {
  url: string;
}

export interface PlatformSource {
  id: string;
  platform: "shopify" | "woocommerce";
  url: string;
  secrets_count: number;
  api: PlatformApi | null;
  last_order_at: string | null;
  reconciled_at: string | null;
  reconcile_error: string | null;
  created_at: string;
  updated_at: string;
}

export interface PlatformSources {
  order_sources: PlatformSource[];
}

export interface Pool {
  codes: number;
  claimed: number;
  left: number;
}

export interface PoolCodes {
  added: number;
  duplicates: string[];
  pool: Pool;
  codes?: string[];
}

export interface PoolCodesDraft {
  codes: string[] | null;
  count: number | null;
}

export interface Popup {
  name: string;
  description: string;
  status: "draft" | "active" | "paused" | "archived";
  trigger: Trigger;
  design: Design;
  targeting: Targeting;
  frequency: Frequency;
  offer: Offer;
  variants: Variant[];
  holdout_percent: number;
  experiment: PlannedExperiment;
  starts_at: string | null;
  ends_at: string | null;
  priority: number;
  view_limit: number | null;
  id: string;
  view_count: number;
  conversion_count: number;
  is_active: boolean;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface PopupDraft {
  name: string;
  description: string;
  status: "draft" | "active" | "paused" | "archived";
  trigger: Trigger;
  design: Design;
  targeting: Targeting;
  frequency: Frequency;
  offer: Offer;
  variants: Variant[];
  holdout_percent: number;
  experiment: PlannedExperiment;
  starts_at: string | null;
  ends_at: string | null;
  priority: number;
  view_limit: number | null;
}

export interface PopupPart {
  name?: string;
  description?: string;
  status?: "draft" | "active" | "paused" | "archived";
  trigger?: Trigger;
  design?: Design;
  targeting?: Targeting;
  frequency?: Frequency;
  offer?: Offer;
  variants?: Variant[];
  holdout_percent?: number;
  experiment?: PlannedExperiment;
  starts_at?: string | null;
  ends_at?: string | null;
  priority?: number;
  view_limit?: number | null;
  id: string;
  view_count?: number;
  conversion_count?: number;
  is_active?: boolean;
  version?: number;
  created_at?: string;
  updated_at?: string;
}

export interface PopupReport {
  exposures: number | null;
  views: number;
  unique_viewers: number;
  active_viewers: number;
  closes: number;
  converters: number;
  converters_by_type: Record<string, number>;
  conversion_rate: number | null;
  conversions: number;
  conversions_by_type: Record<string, number>;
  orders: number;
  revenue: string;
  refunded: string;
  net_revenue: string;
  unconfirmed_orders: number;
  revenue_per_viewer: string | null;
  average_order_value: string | null;
  currency: string;
  revenue_by_currency: Record<string, string>;
  refunded_by_currency: Record<string, string>;
  from: string;
  to: string;
  time_zone: string;
  attribution: "last_touch" | "code" | "click" | "view";
  window_days: number;
  goal: "click" | "email_capture" | "purchase";
  active_viewers_estimated: boolean;
  funnel: Funnel;
  previous?: Previous;
  crawlers: number;
  conversions_in_unknown_currency?: number;
  by_day: Day[];
  by_device: Device[];
  popup_id: string;
  name: string;
  status: string;
  by_variant: VariantNumbers[];
  by_variant_and_device: VariantAndDevice[];
  variants_left_out: number;
  annotations: Annotation[];
}

export interface Popups {
  next_cursor: string | null;
  popups: PopupPart[];
}

export interface Previous {
  exposures: number | null;
  views: number;
  unique_viewers: number;
  active_viewers: number;
  closes: number;
  converters: number;
  converters_by_type: Record<string, number>;
  conversion_rate: number | null;
  conversions: number;
  conversions_by_type: Record<string, number>;
  orders: number;
  revenue: string;
  refunded: string;
  net_revenue: string;
  unconfirmed_orders: number;
  revenue_per_viewer: string | null;
  average_order_value: string | null;
  currency: string;
  revenue_by_currency: Record<string, string>;
  refunded_by_currency: Record<string, string>;
  from: string;
  to: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id: string;
  errors?: Record<string, string[]>;
}

export interface RankedPopup {
  exposures: number | null;
  views: number;
  unique_viewers: number;
  active_viewers: number;
  closes: number;
  converters: number;
  converters_by_type: Record<string, number>;
  conversion_rate: number | null;
  conversions: number;
  conversions_by_type: Record<string, number>;
  orders: number;
  revenue: string;
  refunded: string;
  net_revenue: string;
  unconfirmed_orders: number;
  revenue_per_viewer: string | null;
  average_order_value: string | null;
  currency: string;
  revenue_by_currency: Record<string, string>;
  refunded_by_currency: Record<string, string>;
  popup_id: string;
  name: string;
  status: string;
}

export interface Refund {
  order_id: string;
  refund_id: string;
}

export interface Release {
  withdrawn: number;
  added: number;
  withdrawn_codes: string[];
  codes: string[];
  has_more: boolean;
  pool: Pool;
}

export interface Rollback {
  version: number;
}

export interface Shop {
  name: string;
  time_zone: string;
  currency: string;
  allowed_origins: string[];
  popups_per_visit: number;
  seconds_between_popups: number;
  never_on_pages: string[];
  holdout_percent: number;
  codes_per_hour: number;
  codes_per_network_per_hour: number;
  code_uses_per_network_per_hour: number;
  confirmed_since: string | null;
  budgets_met: BudgetMet[];
  last_event_at: string | null;
  id: string;
  created_at: string;
  updated_at: string;
}

export interface ShopHoldout {
  viewers: number;
  shown_viewers: number;
  increment: Increment | null;
  refused: string | null;
  started_at: string | null;
  currency: string;
}

export interface ShopReport {
  exposures: number | null;
  views: number;
  unique_viewers: number;
  active_viewers: number;
  closes: number;
  converters: number;
  converters_by_type: Record<string, number>;
  conversion_rate: number | null;
  conversions: number;
  conversions_by_type: Record<string, number>;
  orders: number;
  revenue: string;
  refunded: string;
  net_revenue: string;
  unconfirmed_orders: number;
  revenue_per_viewer: string | null;
  average_order_value: string | null;
  currency: string;
  revenue_by_currency: Record<string, string>;
  refunded_by_currency: Record<string, string>;
  from: string;
  to: string;
  time_zone: string;
  attribution: "last_touch" | "code" | "click" | "view";
  window_days: number;
  goal: "click" | "email_capture" | "purchase";
  active_viewers_estimated: boolean;
  funnel: Funnel;
  previous?: Previous;
  crawlers: number;
  conversions_in_unknown_currency?: number;
  by_day: Day[];
  by_device: Device[];
  shop_id: string;
  popups: RankedPopup[];
  next_cursor: string | null;
  deleted_popups: DeletedPopups;
  holdout: ShopHoldout | null;
}

export interface Source {
  name: string | null;
  views: number;
}

export interface Sources {
  popup_id: string;
  from: string;
  to: string;
  time_zone: string;
  views: number;
  views_read: number;
  is_complete: boolean;
  pages: Source[];
  referrers: Source[];
  utm_sources: Source[];
  utm_mediums: Source[];
  utm_campaigns: Source[];
  hours_of_today: Hour[];
  is_today_complete: boolean;
}

export interface Subscriber {
  id: string;
  email: string;
  name: string | null;
  popup_id: string;
  is_active: boolean;
  consent_text: string | null;
  consented_at: string | null;
  unsubscribed_at: string | null;
  created_at: string;
}

export interface SubscriberWithConsents {
  id: string;
  email: string;
  name: string | null;
  popup_id: string;
  is_active: boolean;
  consent_text: string | null;
  consented_at: string | null;
  unsubscribed_at: string | null;
  created_at: string;
  consents: Consent[];
  next_cursor: string | null;
}

export interface Subscribers {
  next_cursor: string | null;
  subscribers: Subscriber[];
}

export interface Targeting {
  include_pages: string[];
  exclude_pages: string[];
  device_types: ("desktop" | "mobile" | "tablet")[];
  visitors: "all" | "new" | "returning";
  referrers: string[];
  utm: Record<string, string>;
  min_cart_value?: string;
  max_cart_value?: string;
  min_cart_items?: number;
}

export interface Trigger {
  type: "exit_intent" | "time_delay" | "scroll_percentage" | "inactivity" | "click";
  delay_seconds: number;
  scroll_percentage: number;
  selector: string | null;
}

export interface Unsubscribed {
  id: string;
  is_active: boolean;
  unsubscribed_at: string;
}

export interface Variant {
  id: string;
  name: string;
  weight: number;
  design: Partial<Design>;
  offer: Partial<Offer>;
}

export interface VariantAndDevice {
  exposures: number | null;
  views: number;
  unique_viewers: number;
  active_viewers: number;
  closes: number;
  converters: number;
  converters_by_type: Record<string, number>;
  conversion_rate: number | null;
  conversions: number;
  conversions_by_type: Record<string, number>;
  orders: number;
  revenue: string;
  refunded: string;
  net_revenue: string;
  unconfirmed_orders: number;
  revenue_per_viewer: string | null;
  average_order_value: string | null;
  currency: string;
  revenue_by_currency: Record<string, string>;
  refunded_by_currency: Record<string, string>;
  device_type: "desktop" | "mobile" | "tablet" | null;
  variant_id: string | null;
}

export interface VariantNumbers {
  exposures: number | null;
  views: number;
  unique_viewers: number;
  active_viewers: number;
  closes: number;
  converters: number;
  converters_by_type: Record<string, number>;
  conversion_rate: number | null;
  conversions: number;
  conversions_by_type: Record<string, number>;
  orders: number;
  revenue: string;
  refunded: string;
  net_revenue: string;
  unconfirmed_orders: number;
  revenue_per_viewer: string | null;
  average_order_value: string | null;
  currency: string;
  revenue_by_currency: Record<string, string>;
  refunded_by_currency: Record<string, string>;
  variant_id: string | null;
}

export interface Version {
  version: number;
  action: "created" | "changed" | "restored" | "deleted";
  restored_version: number | null;
  changed_at: string;
  api_key: KeyName;
  changed_fields: string[];
  popup: PopupDraft | null;
}

/** What the schemas allow, by document and path. `*` is each object of a list, `items` its texts. */
export const LIMITS = {
  popup: {
    name: { minLength: 1, maxLength: 200 },
    description: { maxLength: 2000 },
    status: { choices: ["draft", "active", "paused", "archived"] },
    "trigger.type": { choices: ["exit_intent", "time_delay", "scroll_percentage", "inactivity", "click"] },
    "trigger.delay_seconds": { min: 0, max: 3600 },
    "trigger.scroll_percentage": { min: 1, max: 100 },
    "trigger.selector": { minLength: 1, maxLength: 200 },
    "design.heading": { maxLength: 200 },
    "design.subheading": { maxLength: 1000 },
    "design.button_text": { maxLength: 100 },
    "design.background_color": { pattern: "^(?:#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6}))$" },
    "design.text_color": { pattern: "^(?:#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6}))$" },
    "design.button_color": { pattern: "^(?:#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6}))$" },
    "design.image_url": { pattern: "^(?:https://[^\\s\"'<>\\\\]{1,2000})$" },
    "design.layout": { choices: ["centered", "left", "right"] },
    "design.width": { min: 200, max: 1200 },
    "design.border_radius": { min: 0, max: 50 },
    "design.padding": { min: 10, max: 100 },
    "targeting.include_pages": { maxItems: 50, items: { minLength: 1, maxLength: 500 } },
    "targeting.exclude_pages": { maxItems: 50, items: { minLength: 1, maxLength: 500 } },
    "targeting.device_types": { minItems: 1, maxItems: 3, items: { choices: ["desktop", "mobile", "tablet"] } },
    "targeting.visitors": { choices: ["all", "new", "returning"] },
    "targeting.referrers": { maxItems: 50, items: { minLength: 1, maxLength: 500 } },
    "targeting.min_cart_value": { min: 0, max: 1000000000000 },
    "targeting.max_cart_value": { min: 0, max: 1000000000000 },
    "targeting.min_cart_items": { min: 1, max: 1000000 },
    "frequency.max_per_session": { min: 1, max: 100 },
    "frequency.days_after_close": { min: 0, max: 3650 },
    "frequency.days_after_conversion": { min: 0, max: 3650 },
    "offer.type": { choices: ["none", "email_capture", "newsletter", "discount", "free_shipping"] },
    "offer.consent_text": { minLength: 1, maxLength: 1000 },
    "offer.when_empty": { choices: ["without_code", "fallback", "stop"] },
    variants: { maxItems: 10 },
    "variants.*.id": { pattern: "^(?:[a-z0-9_-]{1,32})$" },
    "variants.*.name": { maxLength: 200 },
    "variants.*.weight": { min: 0, max: 1000 },
    holdout_percent: { min: 0, max: 100 },
    "experiment.planned_viewers": { min: 100, max: 1000000000 },
    priority: { min: -1000, max: 1000 },
    view_limit: { min: 1, max: 1000000000000 },
  },
  shop: {
    name: { minLength: 1, maxLength: 200 },
    currency: { minLength: 3, maxLength: 3 },
    allowed_origins: { maxItems: 50, items: { minLength: 1, maxLength: 300 } },
    popups_per_visit: { min: 0, max: 100 },
    seconds_between_popups: { min: 0, max: 86400 },
    never_on_pages: { maxItems: 50, items: { minLength: 1, maxLength: 500 } },
    holdout_percent: { min: 0, max: 100 },
    codes_per_hour: { min: 0, max: 1000000 },
    codes_per_network_per_hour: { min: 0, max: 1000000 },
    code_uses_per_network_per_hour: { min: 0, max: 1000000 },
  },
  discount_code: {
    type: { choices: ["percentage", "fixed"] },
    value: { above: 0, max: 9999999999.99 },
    minimum_purchase: { above: 0, max: 9999999999.99 },
    maximum_discount: { above: 0, max: 9999999999.99 },
    usage_limit: { min: 1, max: 1000000000 },
  },
  pool_codes: {
    codes: { minItems: 1, maxItems: 10000 },
    count: { min: 1, max: 10000 },
  },
} as const;
