import type { Query } from "../../../addresses.ts";
import type { Day, PopupReport } from "../../../api/schema.ts";
import { count, day as dayWords, money, percent } from "../../../numbers.ts";
import { Chart } from "../../../parts/Chart.tsx";
import { ChoiceField } from "../../../parts/fields.tsx";
import { Scroll } from "../../../parts/Scroll.tsx";
import { setQuery } from "../../../router.ts";
import { fieldNames } from "../../../words/fields.ts";

const MEASURES = [
  ["viewers", "Viewers"],
  ["converters", "Converters"],
  ["rate", "Rate"],
  ["revenue", "Net revenue"],
] as const;

type Measure = (typeof MEASURES)[number][0];

const VALUES: Record<Measure, (day: Day) => number | null> = {
  viewers: (day) => day.unique_viewers,
  converters: (day) => day.converters,
  rate: (day) => day.conversion_rate,
  revenue: (day) => Number(day.net_revenue),
};

interface Props {
  report: PopupReport;
  before: PopupReport | null;
  query: Query;
  today: string;
}

/** One measure by day, with the edits of the popup marked, and the same as a table. */
export function ByDay({ report, before, query, today }: Props) {
  const measure = (MEASURES.find(([key]) => key === query.measure)?.[0] ?? "viewers") as Measure;
  const words = MEASURES.find(([key]) => key === measure)?.[1] ?? measure;
  const format = (value: number) =>
    measure === "rate" ? percent(value) : measure === "revenue" ? money(value, report.currency) : count(value);
  const marks = report.annotations.map(({ day, version, changed_fields, api_key_name }) => ({
    day,
    text: `Version ${version} by ${api_key_name ?? "somebody"}: ${fieldNames(changed_fields) || "Status"}`,
  }));
  const days = report.by_day.map(({ day }) => day);
  return (
    <section class="card stack" aria-labelledby="by-day">
      <header class="page-head quiet-legend">
        <h2 id="by-day">By day</h2>
        <ChoiceField
          label="Measure"
          name="measure"
          value={measure}
          choices={MEASURES}
          onChange={(key) => setQuery({ measure: key === "viewers" ? "" : key })}
        />
      </header>
      <Chart
        title={`${words} by day, from ${dayWords(report.from)} to ${dayWords(report.to)}`}
        days={days}
        values={report.by_day.map(VALUES[measure])}
        before={before?.by_day.map(VALUES[measure])}
        today={today}
        marks={marks.filter(({ day }) => days.includes(day))}
        format={format}
        whole={measure === "viewers" || measure === "converters"}
      />
      <details>
        <summary>The days as a table</summary>
        <Scroll label="The days">
          <table>
            <thead>
              <tr>
                <th scope="col">Day</th>
                {MEASURES.map(([key, text]) => (
                  <th key={key} scope="col" class="number">
                    {text}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {report.by_day.map((each) => (
                <tr key={each.day}>
                  <th scope="row">{dayWords(each.day)}</th>
                  <td class="number">{count(each.unique_viewers)}</td>
                  <td class="number">{count(each.converters)}</td>
                  <td class="number">{percent(each.conversion_rate)}</td>
                  <td class="number">{money(each.net_revenue, report.currency)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </details>
    </section>
  );
}
