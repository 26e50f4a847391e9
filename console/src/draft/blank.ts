// A popup with every default of the schemas, to begin with.

import type { Popup, PopupDraft } from "../api/schema.ts";

export const BLANK: PopupDraft = {
  name: "",
  description: "",
  status: "draft",
  trigger: { type: "exit_intent", delay_seconds: 5, scroll_percentage: 50, selector: null },
  design: {
    heading: "",
    subheading: "",
    button_text: "",
    background_color: "#ffffff",
    text_color: "#1e293b",
    button_color: "#4f46e5",
    image_url: null,
    layout: "centered",
    width: 500,
    border_radius: 12,
    padding: 32,
  },
  targeting: {
    include_pages: [],
    exclude_pages: [],
    device_types: ["desktop", "mobile", "tablet"],
    visitors: "all",
    referrers: [],
    utm: {},
  },
  frequency: { max_per_session: 1, days_after_close: 1, days_after_conversion: 365 },
  offer: { type: "none", discount_code_id: null, consent_text: null },
  variants: [],
  holdout_percent: 0,
  experiment: { planned_viewers: null },
  starts_at: null,
  ends_at: null,
  priority: 0,
  view_limit: null,
};

const SERVERS = ["id", "view_count", "conversion_count", "is_active", "version", "created_at", "updated_at"];

/** What a merchant may write of it. Fields of a newer release are kept untouched. */
export function writable(popup: Popup): PopupDraft {
  const fields = Object.entries(popup).filter(([name]) => !SERVERS.includes(name));
  return Object.fromEntries(fields) as unknown as PopupDraft;
}
