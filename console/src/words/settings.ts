// A popup's settings as sentences: who will see what, where, when and how often.

import type { DiscountCode, PopupDraft, Shop, Targeting } from "../api/schema.ts";
import { armOf } from "../draft/arms.ts";
import { moment, money } from "../numbers.ts";

export interface Sentence {
  topic: string;
  text: string;
  /** The section of the builder where it is set. */
  section: string;
}

export const plural = (number: number, one: string, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

const list = (items: string[], and = "or"): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} ${and} ${items.at(-1)}`;

const DEVICES = { desktop: "on computers", mobile: "on phones", tablet: "on tablets" };

export function who({ visitors, device_types, referrers, utm }: Targeting): string {
  const people = { all: "Everyone", new: "New visitors", returning: "Returning visitors" }[visitors] ?? "Some visitors";
  const devices = device_types.length === 3 ? "" : ` ${list(device_types.map((type) => DEVICES[type]))}`;
  const from = referrers.length > 0 ? ` who come from ${list(referrers)}` : "";
  const tags = Object.entries(utm).map(([name, value]) => `utm_${name} ${value}`);
  return `${people}${devices}${from}${tags.length > 0 ? ` whose link has ${list(tags, "and")}` : ""}`;
}

export function cart({ min_cart_value, max_cart_value, min_cart_items }: Targeting, currency: string): string {
  const parts = [
    min_cart_value && `worth ${money(min_cart_value, currency)} or more`,
    max_cart_value && `worth at most ${money(max_cart_value, currency)}`,
    min_cart_items && `of ${plural(min_cart_items, "item")} or more`,
  ].filter((part) => !!part);
  return parts.length > 0 ? `with a cart ${list(parts as string[], "and")}` : "";
}

export function where({ include_pages, exclude_pages }: Targeting): string {
  const on = include_pages.length > 0 ? `On ${list(include_pages)}` : "On every page";
  return exclude_pages.length > 0 ? `${on}, but not on ${list(exclude_pages)}` : on;
}

export function when({ trigger }: Pick<PopupDraft, "trigger">): string {
  switch (trigger.type) {
    case "exit_intent":
      return "When they are about to leave the page";
    case "time_delay":
      return `${plural(trigger.delay_seconds, "second")} after the page has opened`;
    case "scroll_percentage":
      return `Once they have scrolled through ${trigger.scroll_percentage} % of the page`;
    case "inactivity":
      return `After ${plural(trigger.delay_seconds, "second")} without doing anything`;
    case "click":
      return trigger.selector ? `When they click on ${trigger.selector}` : "When they click on a part of the page";
    default:
      return `On ${trigger.type}`;
  }
}

export function howOften({ frequency }: Pick<PopupDraft, "frequency">): string {
  const { max_per_session, days_after_close, days_after_conversion } = frequency;
  const visit = max_per_session === 1 ? "Once a visit" : `At most ${max_per_session} times a visit`;
  const closed =
    days_after_close === 0
      ? "again at once after closing it"
      : `not for ${plural(days_after_close, "day")} after closing it`;
  const done =
    days_after_conversion === 0
      ? "and again after they said yes"
      : `and not for ${plural(days_after_conversion, "day")} after they said yes`;
  return `${visit}, ${closed}, ${done}`;
}

export function schedule({ starts_at, ends_at, view_limit }: PopupDraft, zone: string): string {
  const from = starts_at ? `From ${moment(starts_at, zone)}` : "From now on";
  const until = ends_at ? `until ${moment(ends_at, zone)}` : "with no end";
  const limit = view_limit ? `, or until it was seen ${view_limit} times` : "";
  return `${from}, ${until}${limit}${starts_at || ends_at ? ` (${zone})` : ""}`;
}

export function offer({ offer: given }: Pick<PopupDraft, "offer">, codes: DiscountCode[], currency: string): string {
  const code = codes.find(({ id }) => id === given.discount_code_id);
  const gets = code
    ? ` They get ${codeWords(code, currency)}.`
    : given.discount_code_id
      ? " They get a discount code."
      : "";
  const consent = given.consent_text ? " They must tick the consent." : "";
  switch (given.type) {
    case "email_capture":
    case "newsletter":
      return `They leave their e-mail address.${consent}${gets}`;
    case "discount":
    case "free_shipping":
      return gets ? `They press the button.${gets}` : "They press the button, which closes the popup.";
    default:
      return `A message with a button.${gets}`;
  }
}

/** What each variant offers instead, by its name, where that is something else. */
function otherOffers(popup: PopupDraft, codes: DiscountCode[], currency: string): [string, string][] {
  const usual = offer(popup, codes, currency);
  return popup.variants
    .map((variant): [string, string] => [variant.name || variant.id, offer(armOf(popup, variant), codes, currency)])
    .filter(([, text]) => text !== usual);
}

/** What everybody is offered, and who is offered something else. */
export function offers(popup: PopupDraft, codes: DiscountCode[], currency: string): string {
  const others = otherOffers(popup, codes, currency).map(([name, text]) => ` ${name}: ${text}`);
  return `${offer(popup, codes, currency)}${others.join("")}`;
}

export function codeWords({ code, type, value, single_use }: DiscountCode, currency: string): string {
  const amount = type === "percentage" ? `${Number(value)} %` : money(value, currency);
  return `${single_use || !code ? "a code of their own" : `the code ${code}`} (${amount} off)`;
}

export function experiment({ variants, holdout_percent }: Pick<PopupDraft, "variants" | "holdout_percent">): string {
  const total = variants.reduce((sum, { weight }) => sum + weight, 0);
  const share = (weight: number) => (total > 0 ? Math.round((weight / total) * 100) : 0);
  const arms = variants.map(({ id, name, weight }) => `${share(weight)} % see ${name || id}`);
  const shown = variants.length > 1 ? `${list(arms, "and")}.` : "Everyone sees the same.";
  return holdout_percent > 0 ? `${shown} ${holdout_percent} % see nothing, to compare with.` : shown;
}

export function sentences(popup: PopupDraft, shop: Shop, codes: DiscountCode[]): Sentence[] {
  const inCart = cart(popup.targeting, shop.currency);
  return [
    { topic: "Who", text: `${who(popup.targeting)}${inCart && ` ${inCart}`}.`, section: "audience" },
    { topic: "Where", text: `${where(popup.targeting)}.`, section: "audience" },
    { topic: "When", text: `${when(popup)}.`, section: "trigger" },
    { topic: "What", text: offer(popup, codes, shop.currency), section: "offer" },
    ...otherOffers(popup, codes, shop.currency).map(([name, text]) => ({
      topic: `What, in ${name}`,
      text,
      section: "offer",
    })),
    { topic: "How often", text: `${howOften(popup)}.`, section: "frequency" },
    { topic: "How long", text: `${schedule(popup, shop.time_zone)}.`, section: "schedule" },
    { topic: "Experiment", text: experiment(popup), section: "experiment" },
  ];
}
