import { useState } from "preact/hooks";
import { popupSources } from "../../../api/calls.ts";
import { useResource } from "../../../api/resource.ts";
import type { Source, Sources } from "../../../api/schema.ts";
import { count } from "../../../numbers.ts";
import { Button } from "../../../parts/Button.tsx";
import { download } from "../../../parts/download.ts";
import { ChoiceField } from "../../../parts/fields.tsx";
import { ProblemNotice } from "../../../parts/Notice.tsx";
import type { Days } from "../../../parts/Period.tsx";

const KINDS = [
  ["pages", "Page"],
  ["referrers", "Site"],
  ["utm_sources", "utm_source"],
  ["utm_mediums", "utm_medium"],
  ["utm_campaigns", "utm_campaign"],
] as const;

type Kind = (typeof KINDS)[number][0];

/** On which pages it was seen, and where its viewers came from. Asked for once somebody opens it. */
export function SourcesCard({ id, days }: { id: string; days: Days }) {
  const [isOpen, setOpen] = useState(false);
  const key = isOpen ? JSON.stringify({ id, ...days }) : null;
  const sources = useResource(key, async (signal) => (await popupSources(id, { ...days }, signal)).data);
  const { data, problem } = sources;
  const file = `sources-${days.from}-${days.to}.csv`;
  return (
    <details class="card more" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>Where it was seen</h2>
      </summary>
      <div class="stack">
        {problem && <ProblemNotice problem={problem} onRetry={sources.reload} />}
        {sources.isLoading && <p class="loading">Loading…</p>}
        {data && <Lists sources={data} />}
        {data && (
          <p class="actions">
            <Button
              icon="down"
              onPress={() => download("shop-reports", `/popups/${id}/sources`, { ...days, format: "csv" }, file)}
            >
              These as CSV
            </Button>
            {!data.is_complete && (
              <span class="hint">
                Of {count(data.views_read)} of {count(data.views)} views, the newest.
              </span>
            )}
          </p>
        )}
      </div>
    </details>
  );
}

function Lists({ sources }: { sources: Sources }) {
  const [kind, setKind] = useState<Kind>("pages");
  const rows = sources[kind];
  const words = KINDS.find(([key]) => key === kind)?.[1] ?? kind;
  return (
    <>
      <div class="quiet-legend">
        <ChoiceField label="By" name="kind" value={kind} choices={KINDS} onChange={setKind} />
      </div>
      {rows.length === 0 ? (
        <p class="hint">Nothing is known of that: {EMPTY[kind]}</p>
      ) : (
        <table class="bars">
          <caption class="sr">Views by {words}</caption>
          <thead>
            <tr>
              <th scope="col">{words}</th>
              <th scope="col" class="number">
                Views
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.name} row={row} most={Math.max(...rows.map(({ views }) => views))} />
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

const EMPTY: Record<Kind, string> = {
  pages: "the pages were not told.",
  referrers: "they came from the shop itself, or typed its address.",
  utm_sources: "no link had a utm_source.",
  utm_mediums: "no link had a utm_medium.",
  utm_campaigns: "no link had a utm_campaign.",
};

function Row({ row: { name, views }, most }: { row: Source; most: number }) {
  return (
    <tr>
      <th scope="row">
        <span class="bar" style={{ width: `${(views / most) * 100}%` }} />
        <bdi>{name ?? "All others"}</bdi>
      </th>
      <td class="number">{count(views)}</td>
    </tr>
  );
}
