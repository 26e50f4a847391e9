import type { Query } from "../addresses.ts";
import { daysBefore, today } from "../numbers.ts";
import { setQuery } from "../router.ts";

const PERIODS = [
  ["7", "Last 7 days"],
  ["30", "Last 30 days"],
  ["90", "Last 90 days"],
  ["365", "Last 365 days"],
] as const;

const DEFAULT = "30";

export interface Days {
  from: string;
  to: string;
}

/** The shop's days that the address asks for, today included. */
export function periodOf(query: Query, timeZone: string): Days {
  if (query.from && query.to) return { from: query.from, to: query.to };
  const to = today(timeZone);
  return { from: daysBefore(to, (Number(query.days) || Number(DEFAULT)) - 1), to };
}

/** As many days before. */
export function periodBefore({ from, to }: Days): Days {
  const days = Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000) + 1;
  return { from: daysBefore(from, days), to: daysBefore(from, 1) };
}

/** The period of the address, and whether it is compared with the one before. */
export function Period({ query }: { query: Query }) {
  return (
    <div class="period">
      <label>
        <span class="sr">Period</span>
        <select
          value={query.days || DEFAULT}
          onChange={(event) => setQuery({ days: event.currentTarget.value, from: "", to: "" })}
        >
          {PERIODS.map(([days, text]) => (
            <option key={days} value={days}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={query.compare === "previous"}
          onChange={(event) => setQuery({ compare: event.currentTarget.checked ? "previous" : "" })}
        />
        <span>Compare with the period before</span>
      </label>
    </div>
  );
}
