import type { Address } from "../addresses.ts";
import { getPopup, popupReport } from "../api/calls.ts";
import { useResource } from "../api/resource.ts";
import type { Numbers, PopupReport } from "../api/schema.ts";
import { ago, changeWords, count, counted, money, percent, today } from "../numbers.ts";
import { Button } from "../parts/Button.tsx";
import { download } from "../parts/download.ts";
import { ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { type Days, Period, periodBefore, periodOf } from "../parts/Period.tsx";
import { shop } from "../shop.ts";
import { PopupHead } from "./popup/PopupHead.tsx";
import { Breakdown } from "./popup/results/Breakdown.tsx";
import { ByDay } from "./popup/results/ByDay.tsx";
import { FunnelPicture } from "./popup/results/FunnelPicture.tsx";
import { SourcesCard } from "./popup/results/SourcesCard.tsx";
import "../style/results.css";

export const GOALS: Record<string, string> = {
  click: "pressed the button",
  email_capture: "left their e-mail address",
  purchase: "bought within 7 days",
};

/** What a popup did in a period: people first, then money, then how it came about. */
export function Results({ address }: { address: Address }) {
  const { query } = address;
  const id = address.page === "popup" ? address.id : "";
  const zone = shop.value?.time_zone;
  const asked = zone ? periodOf(query, zone) : null;
  const report = useReport(id, asked);
  const earlier = useReport(id, asked && query.compare === "previous" ? periodBefore(asked) : null);
  const before = query.compare === "previous" ? earlier.data : null;
  const { data } = report;
  const names = useNames(id, !!data?.by_variant.some(({ variant_id }) => variant_id));
  const save = () =>
    download("shop-reports", `/popups/${id}`, { ...asked, format: "csv" }, `results-${data?.from}-${data?.to}.csv`);
  return (
    <Page
      title={data?.name ?? "Results"}
      about={data ? `Results of ${data.name}` : "Results"}
      before={<PopupHead id={id} tab="results" name={data?.name} />}
      actions={<Period query={query} />}
    >
      {report.problem && <ProblemNotice problem={report.problem} onRetry={report.reload} />}
      {!data && !report.problem && <p class="loading">Loading…</p>}
      {data && (
        <>
          <p class="finding">{finding(data)}</p>
          <Figures now={data} before={before} />
          <ByDay report={data} before={before} query={query} today={today(data.time_zone)} />
          <FunnelPicture funnel={data.funnel} goal={GOALS[data.goal] ?? data.goal} />
          <Breakdown report={data} names={names} />
          {asked && <SourcesCard id={id} days={asked} />}
          <p class="actions">
            <Button icon="down" onPress={save}>
              The days as CSV
            </Button>
            <Button kind="quiet" icon="refresh" onPress={report.reload}>
              Refresh
            </Button>
            <span class="hint">
              As of {ago(new Date(report.at).toISOString())}. Days are those in {data.time_zone}. {notCounted(data)}
            </span>
          </p>
        </>
      )}
    </Page>
  );
}

function useReport(id: string, days: Days | null) {
  return useResource(days && JSON.stringify({ id, ...days }), async (signal) => {
    return (await popupReport(id, { ...days }, signal)).data;
  });
}

/** What the variants are called; asked for where there are any. */
function useNames(id: string, hasVariants: boolean) {
  const popup = useResource(hasVariants ? id : null, async (signal) => (await getPopup(id, signal)).data);
  return new Map(popup.data?.variants.map((variant) => [variant.id, variant.name]));
}

function finding({ unique_viewers, converters, conversion_rate, goal, orders, net_revenue, currency }: PopupReport) {
  if (unique_viewers === 0) return "Nobody has seen it for the first time in this period.";
  const did = `${count(converters)} of ${counted(unique_viewers, "viewer")} ${GOALS[goal] ?? goal} (${percent(conversion_rate)}).`;
  return orders > 0 ? `${did} ${counted(orders, "order")} brought ${money(net_revenue, currency)}.` : did;
}

const notCounted = ({ crawlers }: PopupReport) =>
  crawlers > 0 ? `${counted(crawlers, "visit")} of crawlers left out.` : "";

type Figure = [label: string, meaning: string, of: (numbers: Numbers) => number | null, kind?: "money" | "rate"];

const FIGURES: Figure[] = [
  ["Viewers", "People who saw it for the first time", (n) => n.unique_viewers],
  ["Converters", "Of these, who did what it is for", (n) => n.converters],
  ["Rate", "Converters of 100 viewers", (n) => n.conversion_rate, "rate"],
  ["Orders", "Credited to it", (n) => n.orders],
  ["Revenue", "Before refunds", (n) => Number(n.revenue), "money"],
  ["Refunded", "On the days of the refunds", (n) => Number(n.refunded), "money"],
  ["Net revenue", "Revenue without refunds", (n) => Number(n.net_revenue), "money"],
  ["Unconfirmed orders", "Only a browser’s word", (n) => n.unconfirmed_orders],
];

function Figures({ now, before }: { now: Numbers; before: Numbers | null }) {
  const words = { money: (value: number) => money(value, now.currency), rate: percent };
  return (
    <dl class="tiles">
      {FIGURES.map(([label, meaning, of, kind]) => {
        const text = kind ? words[kind] : count;
        const changed = before && changeWords(of(now), of(before), text);
        return (
          <div class="tile" key={label} title={meaning}>
            <dt>{label}</dt>
            <dd>{text(of(now) as number)}</dd>
            <dd class="change">{changed || meaning}</dd>
          </div>
        );
      })}
    </dl>
  );
}
