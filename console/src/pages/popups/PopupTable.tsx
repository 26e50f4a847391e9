import type { Numbers } from "../../api/schema.ts";
import { change, count, money, percent } from "../../numbers.ts";
import { Link } from "../../parts/Link.tsx";
import { StatusBadge } from "../../parts/StatusBadge.tsx";
import type { Listed } from "../Popups.tsx";
import { RowMenu } from "./RowMenu.tsx";
import { StatusSwitch } from "./StatusSwitch.tsx";

type ByPopup = Map<string, Numbers>;

interface Props {
  rows: Listed[];
  figures: ByPopup;
  /** Of the period before; null where nobody compares. */
  before: ByPopup | null;
  onChanged: () => void;
}

export function PopupTable({ rows, figures, before, onChanged }: Props) {
  return (
    <div class="list">
      <table>
        <caption class="sr">Popups, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Live</th>
            <th scope="col" class="number">
              Viewers
            </th>
            <th scope="col" class="number" title="Viewers who did what is counted, each once">
              Converters
            </th>
            <th scope="col" class="number" title="Converters of 100 viewers">
              Rate
            </th>
            <th scope="col" class="number">
              Revenue
            </th>
            <th scope="col">
              <span class="sr">More</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((popup) => (
            <Row
              key={popup.id}
              popup={popup}
              now={figures.get(popup.id)}
              before={before?.get(popup.id)}
              onChanged={onChanged}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  popup: Listed;
  now: Numbers | undefined;
  before: Numbers | undefined;
  onChanged: () => void;
}

function Row({ popup, now, before, onChanged }: RowProps) {
  return (
    <tr>
      <th scope="row">
        <Link to={{ page: "popup", id: popup.id, tab: "design" }}>{popup.name}</Link> <StatusBadge popup={popup} />
      </th>
      <td data-label="Live">
        <StatusSwitch popup={popup} onChanged={onChanged} />
      </td>
      <Cell
        label="Viewers"
        value={count(now?.unique_viewers)}
        change={change(now?.unique_viewers, before?.unique_viewers)}
      />
      <Cell label="Converters" value={count(now?.converters)} change={change(now?.converters, before?.converters)} />
      <Cell label="Rate" value={percent(now?.conversion_rate)} />
      <Cell
        label="Revenue"
        value={now ? money(now.net_revenue, now.currency) : "–"}
        change={change(now && Number(now.net_revenue), before && Number(before.net_revenue))}
      />
      <td class="number">
        <RowMenu popup={popup} onChanged={onChanged} />
      </td>
    </tr>
  );
}

function Cell({ label, value, change: changed }: { label: string; value: string; change?: string | null }) {
  return (
    <td class="number" data-label={label}>
      {value}
      {changed && <span class="change">{changed}</span>}
    </td>
  );
}
