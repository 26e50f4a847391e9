// What a merchant should know before a popup goes live. None of it forbids: the server does that.

import type { DiscountCode, PopupDraft, Shop } from "../api/schema.ts";
import { armOf } from "../draft/arms.ts";
import { contrast, isHex, LEGIBLE } from "./contrast.ts";
import { onPage } from "./pages.ts";

export interface Warning {
  text: string;
  section: string;
}

type Check = (popup: PopupDraft, shop: Shop, codes: DiscountCode[], now: number) => Warning | false | null | undefined;

/** Of what a variant may have of its own: its words, look and offer. */
const OF_ARMS: Check[] = [
  ({ design }) =>
    !design.heading && !design.subheading && { text: "It has neither a heading nor a text.", section: "content" },
  ({ design: { text_color, background_color } }) =>
    isHex(text_color) &&
    isHex(background_color) &&
    contrast(text_color, background_color) < LEGIBLE && {
      text: "Its text is hard to read on its background.",
      section: "look",
    },
  ({ offer: { type, consent_text } }) =>
    isEmail(type) &&
    !consent_text && {
      text: "Without a consent text you may not write to these addresses in many countries.",
      section: "offer",
    },
  ({ offer: { type, discount_code_id } }) =>
    (type === "discount" || type === "free_shipping") &&
    !discount_code_id && { text: "It promises a discount and gives no code.", section: "offer" },
  ({ offer: { discount_code_id, when_empty } }, _shop, codes) => {
    const code = codes.find(({ id }) => id === discount_code_id);
    if (!code) return null;
    if (!code.is_active) return { text: "Its discount code cannot be used now.", section: "offer" };
    const runsOut = code.low_stock && when_empty !== "fallback" && when_empty !== "stop";
    return runsOut && { text: "Its discount code is about to run out; then it goes on without one.", section: "offer" };
  },
  ({ offer: { discount_code_id }, ends_at }, _shop, codes) => {
    const end = codes.find(({ id }) => id === discount_code_id)?.expires_at;
    return (
      !!end &&
      (!ends_at || end < ends_at) && { text: "Its discount code expires before the popup ends.", section: "schedule" }
    );
  },
];

const CHECKS: Check[] = [
  ({ ends_at }, _shop, _codes, now) =>
    !!ends_at && Date.parse(ends_at) <= now && { text: "Its end is over: nobody will see it.", section: "schedule" },
  ({ frequency }) =>
    frequency.days_after_close === 0 && {
      text: "Who closes it sees it again on the next visit to a page.",
      section: "frequency",
    },
  ({ trigger }) =>
    trigger.type === "time_delay" &&
    trigger.delay_seconds < 3 && { text: "It comes before anybody can have read the page.", section: "trigger" },
  ({ targeting: { include_pages } }, shop) =>
    include_pages.length > 0 &&
    include_pages.every((page) => !onPage(page.replaceAll("*", ""), [], [], shop.never_on_pages).isShown) && {
      text: "It is for pages on which the shop wants no popup.",
      section: "audience",
    },
  ({ variants }) =>
    variants.length === 1 && { text: "An experiment needs two variants at least.", section: "experiment" },
  ({ holdout_percent }) =>
    holdout_percent > 50 && { text: `${holdout_percent} % of the shoppers will not see it.`, section: "experiment" },
];

const isEmail = (type: string) => type === "email_capture" || type === "newsletter";

export function warnings(popup: PopupDraft, shop: Shop, codes: DiscountCode[], now = Date.now()): Warning[] {
  const found = (checks: Check[], of: PopupDraft) =>
    checks.map((check) => check(of, shop, codes, now)).filter((each) => !!each);
  const whole = found([...OF_ARMS, ...CHECKS], popup);
  const isNews = ({ text }: Warning) => !whole.some((each) => each.text === text);
  const ofVariants = popup.variants.flatMap((variant) =>
    found(OF_ARMS, armOf(popup, variant))
      .filter(isNews)
      .map(({ text, section }) => ({ text: `${variant.name || variant.id}: ${text}`, section })),
  );
  return [...whole, ...ofVariants];
}

/** What makes a running experiment another one where it is edited. */
export const EXPERIMENT_FIELDS = ["design", "offer", "variants", "holdout_percent", "trigger", "targeting"];

export function changesExperiment(stored: PopupDraft, paths: string[]): boolean {
  const runs = stored.status === "active" && (stored.variants.length > 1 || stored.holdout_percent > 0);
  return runs && paths.some((path) => EXPERIMENT_FIELDS.includes(path.split(".")[0] ?? ""));
}
