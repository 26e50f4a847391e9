import type { Numbers, ShopReport } from "../../api/schema.ts";
import { changeWords, count, money, NONE } from "../../numbers.ts";

interface Props {
  /** Null until it has come: the page does not jump once it does. */
  now: ShopReport | null;
  before: Numbers | null;
}

/** What the shop's popups did in the period. People are counted, not events. */
export function Totals({ now, before }: Props) {
  const figures: [string, (numbers: Numbers) => number | undefined, (value: number) => string][] = [
    ["Viewers", (numbers) => numbers.unique_viewers, count],
    ["E-mails", (numbers) => numbers.converters_by_type.email_capture, count],
    ["Orders", (numbers) => numbers.orders, count],
    ["Revenue", (numbers) => Number(numbers.net_revenue), (value) => money(value, now?.currency ?? "")],
  ];
  return (
    <dl class="tiles">
      {figures.map(([label, of, text]) => {
        const changed = now && before && changeWords(of(now), of(before), text);
        return (
          <div class="tile" key={label}>
            <dt>{label}</dt>
            <dd>{now ? text(of(now) ?? 0) : NONE}</dd>
            {changed && <dd class="change">{changed}</dd>}
          </div>
        );
      })}
    </dl>
  );
}
