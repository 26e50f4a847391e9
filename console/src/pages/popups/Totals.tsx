import type { Figures, ShopReport } from "../../api/reports.ts";
import { change, count, money } from "../../numbers.ts";

interface Props {
  now: ShopReport;
  before: Figures | null;
}

/** What the shop's popups did in the period. People are counted, not events. */
export function Totals({ now, before }: Props) {
  return (
    <dl class="tiles">
      <Tile
        label="Viewers"
        value={count(now.unique_viewers)}
        change={change(now.unique_viewers, before?.unique_viewers)}
      />
      <Tile label="E-mails" {...ofType("email_capture", now, before)} />
      <Tile label="Orders" {...orders(now, before)} />
      <Tile
        label="Revenue"
        value={money(now.net_revenue ?? now.revenue, now.currency)}
        change={change(Number(now.net_revenue ?? now.revenue), before && Number(before.net_revenue ?? before.revenue))}
      />
    </dl>
  );
}

function ofType(type: string, now: Figures, before: Figures | null) {
  const number = (figures: Figures | null) => (figures?.converters_by_type ?? figures?.conversions_by_type)?.[type];
  return { value: count(number(now)), change: change(number(now), number(before)) };
}

function orders(now: Figures, before: Figures | null) {
  const number = (figures: Figures | null) => figures?.orders ?? figures?.conversions_by_type.purchase;
  return { value: count(number(now)), change: change(number(now), number(before)) };
}

function Tile({ label, value, change }: { label: string; value: string; change: string | null }) {
  return (
    <div class="tile">
      <dt>{label}</dt>
      <dd>{value}</dd>
      {change && <dd class="change">{change} to the period before</dd>}
    </div>
  );
}
