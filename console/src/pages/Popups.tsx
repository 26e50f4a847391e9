import { useEffect, useState } from "preact/hooks";
import { type Address, hash, type Query } from "../addresses.ts";
import { listPopups, shopReport } from "../api/calls.ts";
import { useResource } from "../api/resource.ts";
import type { Numbers, Popup } from "../api/schema.ts";
import { Empty } from "../parts/Empty.tsx";
import { SelectField, TextField } from "../parts/fields.tsx";
import { Icon } from "../parts/Icon.tsx";
import { ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { Period, periodBefore, periodOf } from "../parts/Period.tsx";
import { setQuery } from "../router.ts";
import { shop } from "../shop.ts";
import type { Goal } from "../words/goals.ts";
import { PopupTable } from "./popups/PopupTable.tsx";
import { Totals } from "./popups/Totals.tsx";

const STATUSES = [
  ["", "All but archived"],
  ["active", "Live"],
  ["draft", "Drafts"],
  ["paused", "Paused"],
  ["archived", "Archived"],
] as const;

const GOALS = [
  ["", "what each is for"],
  ["email_capture", "e-mail addresses"],
  ["click", "clicks"],
  ["purchase", "buyers"],
] as const;

export type Listed = Pick<
  Popup,
  "id" | "name" | "status" | "is_active" | "starts_at" | "ends_at" | "version" | "offer"
>;
const FIELDS = "name,status,is_active,starts_at,ends_at,version,offer";
const ROWS = 100;

/** The popups with their figures: one call for the rows, one for the figures of all of them. */
export function Popups({ address }: { address: Address }) {
  const { query } = address;
  const zone = shop.value?.time_zone;
  const search = useSettled(query.search ?? "");
  const filter = { search, status: query.status, fields: FIELDS, limit: ROWS, cursor: query.cursor };
  const list = useResource(JSON.stringify(filter), async (signal) => (await listPopups(filter, signal)).data);
  const figures = useFigures(query, zone, false);
  const before = useFigures(query, zone, true);
  const popups = (list.data?.popups ?? []) as Listed[];
  const rows = popups.filter(({ status }) => query.status || status !== "archived");
  const isFiltered = !!(search || query.status || query.cursor);
  const next = list.data?.next_cursor;
  // Before there is a popup, nothing is to be searched or counted.
  const isEmpty = list.data && popups.length === 0 && !isFiltered;
  return (
    <Page title="Popups" actions={<NewPopup />}>
      {figures.problem && <ProblemNotice problem={figures.problem} onRetry={figures.reload} />}
      {!isEmpty && <Filters query={query} />}
      {!isEmpty && <Totals now={figures.data} before={before.data} />}
      {list.problem && <ProblemNotice problem={list.problem} onRetry={list.reload} />}
      {!list.data && !list.problem && <p class="loading">Loading…</p>}
      {list.data && rows.length === 0 && (isFiltered ? <NoMatch /> : <FirstPopup />)}
      {rows.length > 0 && (
        <PopupTable
          rows={rows}
          figures={byPopup(figures.data?.popups)}
          before={query.compare ? byPopup(before.data?.popups) : null}
          goal={(query.goal as Goal) || null}
          onChanged={list.reload}
        />
      )}
      {rows.length > 0 && figures.data?.next_cursor && (
        <p class="hint">
          “–”: not among the {ROWS} popups with the most converters of the period. Their figures are in their results.
        </p>
      )}
      {(next || query.cursor) && (
        <p class="actions">
          {query.cursor && <a href={hash({ page: "popups" }, { ...query, cursor: "" })}>Back to the newest</a>}
          {next && <a href={hash({ page: "popups" }, { ...query, cursor: next })}>Older popups</a>}
        </p>
      )}
    </Page>
  );
}

/** The figures of the shop for the period, or for the one before where that is asked for. */
function useFigures(query: Query, zone: string | undefined, isBefore: boolean) {
  const isWanted = zone !== undefined && (!isBefore || query.compare === "previous");
  const period = isWanted ? periodOf(query, zone) : null;
  const asked = period && isBefore ? periodBefore(period) : period;
  const { goal } = query;
  const key = asked && JSON.stringify({ ...asked, goal });
  return useResource(key, async (signal) => (await shopReport({ ...asked, goal, limit: ROWS }, signal)).data);
}

function byPopup(popups: (Numbers & { popup_id: string })[] | undefined) {
  return new Map(popups?.map((popup) => [popup.popup_id, popup]));
}

function Filters({ query }: { query: Query }) {
  return (
    <div class="filters">
      <TextField
        label="Search by name"
        name="search"
        type="search"
        value={query.search ?? ""}
        onChange={(search) => setQuery({ search, cursor: "" })}
        maxLength={200}
      />
      <SelectField
        label="Status"
        name="status"
        value={query.status ?? ""}
        choices={STATUSES}
        onChange={(status) => setQuery({ status, cursor: "" })}
      />
      <SelectField
        label="Converters by"
        name="goal"
        value={(query.goal ?? "") as (typeof GOALS)[number][0]}
        choices={GOALS}
        onChange={(goal) => setQuery({ goal })}
      />
      <Period query={query} />
    </div>
  );
}

function NewPopup() {
  return (
    <a class="button main" href={hash({ page: "new" })}>
      <Icon name="plus" />
      New popup
    </a>
  );
}

function NoMatch() {
  return (
    <Empty title="No popup matches">
      <p>Change the search or the status above.</p>
      <a href={hash({ page: "popups" })}>Show all popups</a>
    </Empty>
  );
}

function FirstPopup() {
  return (
    <Empty title="No popup yet">
      <p>Choose a template, change its words, and see it as your shoppers will before anybody else does.</p>
      <div class="actions">
        <NewPopup />
        <a class="button plain" href={hash({ page: "start" })}>
          Set up the shop first
        </a>
      </div>
    </Empty>
  );
}

const SETTLED_MS = 250;

/** The text, once nobody has typed for a moment: a search is one call, not one for each letter. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
