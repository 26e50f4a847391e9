// Popups for real occasions, to begin with. The words are in templates of their own, by language.

import type { PopupDraft } from "../../api/schema.ts";
import { BLANK } from "../../draft/blank.ts";
import { CONSENT, TEXTS } from "./texts.ts";

export interface Template {
  id: string;
  name: string;
  about: string;
  changes: Partial<{ [K in keyof PopupDraft]: PopupDraft[K] extends object ? Partial<PopupDraft[K]> : PopupDraft[K] }>;
}

const INK = { background_color: "#111827", text_color: "#f9fafb", button_color: "#fbbf24" };
const FOREST = { background_color: "#f2f7f1", text_color: "#1b3a2b", button_color: "#2f6b4f" };
const ROSE = { background_color: "#fff5f5", text_color: "#4a1d24", button_color: "#be123c" };
const SAND = { background_color: "#fdf8ef", text_color: "#43301a", button_color: "#92400e" };
const SKY = { background_color: "#f0f7ff", text_color: "#12304f", button_color: "#1d4ed8" };
const PLAIN = { background_color: "#ffffff", text_color: "#1e293b", button_color: "#0f172a" };

const SHOPPING = { include_pages: ["/cart*"] };

export const TEMPLATES: Template[] = [
  {
    id: "welcome",
    name: "Welcome",
    about: "A discount on the first order, for an e-mail address.",
    changes: {
      design: FOREST,
      offer: { type: "email_capture" },
      targeting: { visitors: "new" },
      frequency: { days_after_close: 14 },
    },
  },
  {
    id: "cart",
    name: "Cart saver",
    about: "Holds back who leaves with a full cart.",
    changes: {
      design: INK,
      offer: { type: "discount" },
      targeting: { ...SHOPPING, min_cart_items: 1 },
      frequency: { days_after_close: 3 },
      priority: 10,
    },
  },
  {
    id: "shipping",
    name: "Free shipping from an amount",
    about: "For carts that almost reach it.",
    changes: {
      design: SKY,
      offer: { type: "free_shipping" },
      trigger: { type: "inactivity", delay_seconds: 20 },
      targeting: { ...SHOPPING, min_cart_value: "30.00", max_cart_value: "49.99" },
    },
  },
  {
    id: "newsletter",
    name: "Newsletter",
    about: "Asks readers who got to the end of a page.",
    changes: {
      design: PLAIN,
      offer: { type: "newsletter" },
      trigger: { type: "scroll_percentage", scroll_percentage: 70 },
      frequency: { days_after_close: 30 },
    },
  },
  {
    id: "sale",
    name: "The sale ends",
    about: "A last call; give it the end of the sale.",
    changes: { design: ROSE, offer: { type: "discount" }, frequency: { days_after_close: 1 }, priority: 5 },
  },
  {
    id: "feedback",
    name: "Can we help?",
    about: "No survey: an open ear for who hesitates.",
    changes: {
      design: SAND,
      trigger: { type: "inactivity", delay_seconds: 45 },
      frequency: { days_after_close: 30 },
    },
  },
  {
    id: "stock",
    name: "Back in stock",
    about: "Writes to them once it is there again.",
    changes: {
      design: SKY,
      offer: { type: "newsletter" },
      trigger: { type: "click", selector: "#tell-me" },
      targeting: { include_pages: ["/products/*"] },
    },
  },
  {
    id: "holiday",
    name: "Holiday",
    about: "A gift for the season, until its last shipping day.",
    changes: {
      design: { ...INK, button_color: "#f87171" },
      offer: { type: "discount" },
      frequency: { days_after_close: 2 },
    },
  },
  {
    id: "returning",
    name: "Good to see you again",
    about: "A thank-you for who comes back.",
    changes: {
      design: SAND,
      offer: { type: "discount" },
      trigger: { type: "time_delay", delay_seconds: 15 },
      targeting: { visitors: "returning" },
      frequency: { days_after_close: 30 },
    },
  },
  {
    id: "guide",
    name: "A guide to take along",
    about: "Knowledge instead of a discount, for an address.",
    changes: { design: FOREST, offer: { type: "email_capture" }, frequency: { days_after_close: 21 } },
  },
  {
    id: "launch",
    name: "Something new",
    about: "Tells of what is new, before they leave.",
    changes: { design: PLAIN, targeting: { exclude_pages: ["/cart*"] }, frequency: { days_after_close: 7 } },
  },
  {
    id: "mobile",
    name: "Only on phones",
    about: "Short words for small screens.",
    changes: {
      design: { ...ROSE, width: 360 },
      offer: { type: "email_capture" },
      targeting: { device_types: ["mobile"] },
      frequency: { days_after_close: 7 },
    },
  },
];

const isRecord = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The popup that a template begins; an unknown one begins an empty popup. */
export function templateOf(id: string | undefined, language = "en"): PopupDraft {
  const template = TEMPLATES.find((each) => each.id === id);
  if (!template) return BLANK;
  const fields = Object.entries(template.changes).map(([key, changes]) => {
    const before = BLANK[key as keyof PopupDraft];
    return [key, isRecord(before) && isRecord(changes) ? { ...before, ...changes } : changes];
  });
  const popup: PopupDraft = { ...BLANK, ...Object.fromEntries(fields), name: template.name };
  const [heading, subheading, button_text] = TEXTS[template.id]?.[language] ?? TEXTS[template.id]?.en ?? ["", "", ""];
  const asksEmail = popup.offer.type === "email_capture" || popup.offer.type === "newsletter";
  const consent_text = asksEmail ? (CONSENT[language] ?? CONSENT.en ?? null) : null;
  return {
    ...popup,
    design: { ...popup.design, heading, subheading, button_text },
    offer: { ...popup.offer, consent_text },
  };
}
