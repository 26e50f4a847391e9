// What a popup is for, and what it is called when somebody did it. The same as in the functions' reports.

import type { Numbers, Offer } from "../api/schema.ts";

export type Goal = "email_capture" | "click" | "purchase";

const NOUNS: Record<Goal, [string, string]> = {
  email_capture: ["e-mail", "e-mails"],
  click: ["click", "clicks"],
  purchase: ["buyer", "buyers"],
};

export const goalOf = ({ type }: Pick<Offer, "type">): Goal =>
  type === "email_capture" || type === "newsletter" ? "email_capture" : "click";

export const goalNoun = (goal: Goal, number: number) => NOUNS[goal][number === 1 ? 0 : 1];

/** Who did it, of the people who saw the popup for the first time; and their share, which nobody has none of. */
export function converted(figures: Numbers, goal: Goal): { converters: number; rate: number | null } {
  const converters = figures.converters_by_type[goal] ?? 0;
  return { converters, rate: figures.unique_viewers > 0 ? converters / figures.unique_viewers : null };
}
