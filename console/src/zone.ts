// Times as they are typed: in the shop's zone, which is hardly ever the browser's.

/** "2026-11-28T14:30" of that moment in the zone, as a datetime-local field wants it. */
export function inZone(moment: string, timeZone: string): string {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  }).formatToParts(new Date(moment));
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}`;
}

/**
 * The moment at which the zone's clocks show that time, as RFC 3339 in UTC. Where they show it twice it is the first; where
 * they leap over it, the moment as far after the leap.
 */
export function fromZone(local: string, timeZone: string): string {
  const asked = Date.parse(`${local}:00Z`);
  const offset = (at: number) => Date.parse(`${inZone(new Date(at).toISOString(), timeZone)}:00Z`) - at;
  const candidates = [asked - offset(asked - 86_400_000), asked - offset(asked + 86_400_000)];
  const right = candidates.filter((at) => at + offset(at) === asked);
  return new Date(Math.min(...(right.length > 0 ? right : [candidates[0] ?? asked]))).toISOString();
}
