// Numbers, money, days and times as people read them. Days come from the server as text and never become a moment: the
// shop's day is not the browser's.

const plain = new Intl.NumberFormat("en");

export const NONE = "–";

export const count = (value: number | null | undefined) => (value == null ? NONE : plain.format(value));
/** "1 order", "3,004 orders". */
export const counted = (value: number, one: string, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** A share of 0..1. A rate over nobody is no rate. */
export function percent(share: number | null | undefined, decimals = 1): string {
  return share == null ? NONE : `${(share * 100).toFixed(decimals)} %`;
}

export function money(amount: string | number | null | undefined, currency: string): string {
  if (amount == null) return NONE;
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).format(Number(amount));
  } catch {
    return `${amount} ${currency}`; // A currency that the browser does not know.
  }
}

/** How much it has changed, "+12 %". From nothing there is no percentage. */
export function change(now: number | null | undefined, before: number | null | undefined): string | null {
  if (now == null || before == null || before === 0) return null;
  const percents = Math.round(((now - before) / before) * 100);
  return percents === 0 ? "±0 %" : `${percents > 0 ? "+" : "−"}${plain.format(Math.abs(percents))} %`;
}

/** The same beside what it was: "+12 %, was 3,004". */
export function changeWords(
  now: number | null | undefined,
  before: number | null | undefined,
  text: (value: number) => string,
): string | null {
  const changed = change(now, before);
  return changed && before != null ? `${changed}, was ${text(before)}` : null;
}

const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/** "2026-11-28" as "28 Nov". */
export const day = (text: string) => dayFormat.format(new Date(`${text}T00:00:00Z`));

/** A moment in the shop's zone: "28 Nov 2026, 14:30". */
export function moment(text: string | null | undefined, timeZone: string): string {
  if (!text) return NONE;
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone }).format(new Date(text));
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
] as const;

/** "in 3 hours", "2 days ago". */
export function ago(text: string, now = Date.now()): string {
  const seconds = (Date.parse(text) - now) / 1000;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["minute", 60];
  return Math.abs(seconds) < 60 ? "just now" : relative.format(Math.trunc(seconds / size), unit);
}

/** Today in the shop, "2026-11-28". */
export const today = (timeZone: string, now = new Date()) =>
  new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }).format(now);

export function daysBefore(text: string, days: number): string {
  const moved = new Date(`${text}T00:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() - days);
  return moved.toISOString().slice(0, 10);
}
