import type { Numbers, ShopReport } from "../../api/schema.ts";
import { change, count, money } from "../../numbers.ts";

interface Props {
  now: ShopReport;
  before: Numbers | null;
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
        value={money(now.net_revenue, now.currency)}
        change={change(Number(now.net_revenue), before && Number(before.net_revenue))}
      />
    </dl>
  );
}

function ofType(type: string, now: Numbers, before: Numbers | null) {
  const number = (figures: Numbers | null) => figures?.converters_by_type[type];
  return { value: count(number(now)), change: change(number(now), number(before)) };
}

function orders(now: Numbers, before: Numbers | null) {
  const number = (figures: Numbers | null) => figures?.orders;
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
