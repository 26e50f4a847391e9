// An experiment's outcome in a sentence. The server decides; this only says it.

import type { ComparedVariant, Experiment } from "../api/schema.ts";
import { count } from "../numbers.ts";

const nameOf = ({ variants }: Experiment, id: string | null) => {
  const variant = variants.find(({ variant_id }) => variant_id === id);
  return variant ? variant.name || variant.variant_id : (id ?? "");
};

export function verdict(experiment: Experiment): string {
  switch (experiment.verdict) {
    case "winner":
      return `“${nameOf(experiment, experiment.best)}” is better. You can stop.`;
    case "no_difference":
      return "There is no difference that matters. Keep whichever you like.";
    case "undecided":
      return "It ran to its end, and neither is better for sure.";
    case "keep_running":
      return "Nothing is certain yet. Let it run.";
    default:
      return "It is too early to say anything.";
  }
}

/** "Needs about 12 000 viewers more", while it runs. */
export function stillNeeded({ stop, viewers_needed, variants }: Experiment): string {
  if (stop || viewers_needed === null) return "";
  const seen = variants.reduce((sum, { viewers }) => sum + viewers, 0);
  return `${count(seen)} viewers so far; about ${count(viewers_needed)} more are needed.`;
}

/** What choosing it now could cost, in people. */
export function risk({ expected_loss }: ComparedVariant): string {
  if (expected_loss === null) return "";
  const of1000 = expected_loss * 1000;
  return of1000 < 0.1 ? "costs next to nothing" : `could cost up to ${of1000.toFixed(1)} converters in 1000 viewers`;
}

export const HEALTH: Record<string, string> = {
  sample_ratio: "The variants were not shown as often as their weights say",
  less_than_a_week: "It has run for less than a week",
  too_few_viewers: "Too few people have converted",
  changed_midway: "It was changed while it ran",
  viewers_in_two_variants: "Some viewers saw two variants",
  crawlers: "Many crawlers came",
  skewed: "A few large orders decide the revenue",
};
