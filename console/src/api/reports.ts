// What stats answers. Written by hand for as long as some of it is only promised; the rest is in schema.ts.

import type { Popup } from "./schema.ts";

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
  status: Popup["status"];
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
