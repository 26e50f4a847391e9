import type { Numbers } from "../../api/schema.ts";
import { change, count, money, percent } from "../../numbers.ts";
import { Link } from "../../parts/Link.tsx";
import { StatusBadge } from "../../parts/StatusBadge.tsx";
import { converted, type Goal, goalNoun, goalOf } from "../../words/goals.ts";
import type { Listed } from "../Popups.tsx";
import { RowMenu } from "./RowMenu.tsx";
import { StatusSwitch } from "./StatusSwitch.tsx";

type ByPopup = Map<string, Numbers>;

interface Props {
  rows: Listed[];
  figures: ByPopup;
  /** Of the period before; null where nobody compares. */
  before: ByPopup | null;
  /** By what converters are counted; null is what each popup is for. */
  goal: Goal | null;
  onChanged: () => void;
}

export function PopupTable({ rows, figures, before, goal, onChanged }: Props) {
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
            <th scope="col" class="number" title="Viewers who did what the popup is for, each once">
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
              goal={goal ?? goalOf(popup.offer)}
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
  goal: Goal;
  onChanged: () => void;
}

function Row({ popup, now, before, goal, onChanged }: RowProps) {
  const did = now && converted(now, goal);
  const didBefore = before && converted(before, goal);
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
      <Cell
        label="Converters"
        value={count(did?.converters)}
        unit={did && goalNoun(goal, did.converters)}
        change={change(did?.converters, didBefore?.converters)}
      />
      <Cell label="Rate" value={percent(did?.rate)} />
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

interface CellProps {
  label: string;
  value: string;
  unit?: string;
  change?: string | null;
}

function Cell({ label, value, unit, change: changed }: CellProps) {
  return (
    <td class="number" data-label={label}>
      {value} {unit && <span class="hint">{unit}</span>}
      {changed && <span class="change">{changed}</span>}
    </td>
  );
}
