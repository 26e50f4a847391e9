import type { Numbers, PopupReport } from "../../../api/schema.ts";
import { count, money, percent } from "../../../numbers.ts";
import { Scroll } from "../../../parts/Scroll.tsx";

const DEVICES: Record<string, string> = { desktop: "Computers", mobile: "Phones", tablet: "Tablets" };

/** The same figures by device, and by variant where there are any. */
export function Breakdown({ report, names }: { report: PopupReport; names: Map<string, string> }) {
  const variants = report.by_variant.filter(({ variant_id }) => variant_id);
  const called = (id: string | null | undefined) => names.get(id ?? "") || id || "none";
  return (
    <div class="two">
      <Table
        title="Devices"
        rows={report.by_device.map((each) => [DEVICES[each.device_type ?? ""] ?? "Unknown", each])}
      />
      {variants.length > 0 && <Table title="Variants" rows={variants.map((each) => [called(each.variant_id), each])} />}
    </div>
  );
}

function Table({ title, rows }: { title: string; rows: [string, Numbers][] }) {
  return (
    <section class="card stack">
      <h2>{title}</h2>
      <Scroll label={title}>
        <table>
          <caption class="sr">{title}</caption>
          <thead>
            <tr>
              <th scope="col">{title.slice(0, -1)}</th>
              <th scope="col" class="number">
                Viewers
              </th>
              <th scope="col" class="number">
                Converters
              </th>
              <th scope="col" class="number">
                Rate
              </th>
              <th scope="col" class="number">
                Net revenue
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([name, numbers]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{count(numbers.unique_viewers)}</td>
                <td class="number">{count(numbers.converters)}</td>
                <td class="number">{percent(numbers.conversion_rate)}</td>
                <td class="number">{money(numbers.net_revenue, numbers.currency)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}
