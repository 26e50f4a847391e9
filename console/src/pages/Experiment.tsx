import { type Address, hash } from "../addresses.ts";
import { changePopup, experimentReport, getPopup, rollbackPopup } from "../api/calls.ts";
import { useResource } from "../api/resource.ts";
import type { ComparedVariant, Experiment as Report } from "../api/schema.ts";
import { count, money, percent } from "../numbers.ts";
import { Button } from "../parts/Button.tsx";
import { download } from "../parts/download.ts";
import { Empty } from "../parts/Empty.tsx";
import { SelectField } from "../parts/fields.tsx";
import { Intervals } from "../parts/Intervals.tsx";
import { Notice, ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { setQuery } from "../router.ts";
import { mayWrite, READ_ONLY } from "../session.ts";
import { momentHere } from "../shop.ts";
import { say } from "../status.ts";
import { HEALTH, risk, stillNeeded, verdict } from "../words/verdict.ts";
import { PopupHead } from "./popup/PopupHead.tsx";
import "../style/results.css";
import { Scroll } from "../parts/Scroll.tsx";

const GOALS = [
  ["", "What the offer is for"],
  ["email_capture", "E-mail addresses"],
  ["click", "Clicks"],
  ["purchase", "Purchases"],
  ["revenue", "Revenue"],
] as const;

/** The verdict first, then its picture, then the numbers; and the reasons always. */
export function Experiment({ address }: { address: Address }) {
  const id = address.page === "popup" ? address.id : "";
  const { goal = "" } = address.query;
  const state = useResource(JSON.stringify({ id, goal }), async (signal) => {
    const [report, popup] = await Promise.all([experimentReport(id, { goal }, signal), getPopup(id, signal)]);
    return { report: report.data, popup: popup.data };
  });
  const report = state.data?.report;
  const name = state.data?.popup.name;
  const isThere = report && (report.variants.length > 1 || report.holdout);
  return (
    <Page
      title={name ?? "Experiment"}
      about={name ? `Experiment of ${name}` : "Experiment"}
      before={<PopupHead id={id} tab="experiment" name={name} />}
      actions={
        <SelectField
          label="Compared by"
          name="goal"
          value={goal as (typeof GOALS)[number][0]}
          choices={GOALS}
          onChange={(key) => setQuery({ goal: key })}
        />
      }
    >
      {state.problem && <ProblemNotice problem={state.problem} onRetry={state.reload} />}
      {!report && !state.problem && <p class="loading">Loading…</p>}
      {report && !isThere && <None id={id} />}
      {report && isThere && (
        <>
          {report.variants.length > 1 && <Verdict report={report} id={id} onApplied={state.reload} />}
          {report.variants.length > 1 && <Compared report={report} />}
          {report.holdout && <Held report={report} />}
          <p class="actions">
            <Button icon="down" onPress={() => save(id, goal)}>
              This as CSV
            </Button>
          </p>
        </>
      )}
    </Page>
  );
}

const save = (id: string, goal: string) =>
  download("shop-reports", `/popups/${id}/experiment`, { goal, format: "csv" }, "experiment.csv");

function None({ id }: { id: string }) {
  return (
    <Empty title="Nothing is compared yet">
      <p>Give the popup a second version of its words or look, or show it to fewer people, and learn what it brings.</p>
      <a class="button plain" href={hash({ page: "popup", id, tab: "design" })}>
        Add a variant
      </a>
    </Empty>
  );
}

function Verdict({ report, id, onApplied }: { report: Report; id: string; onApplied: () => void }) {
  const since = report.experiment_started_at;
  return (
    <section class="card stack" aria-labelledby="verdict">
      <h2 id="verdict" class="verdict">
        {verdict(report)}
      </h2>
      <p>{report.reason}</p>
      <p class="hint">
        {stillNeeded(report)} {since && `Since ${momentHere(since)}.`}
      </p>
      {report.health.map(({ code, detail }) => (
        <Notice key={code} kind="warning">
          <b>{HEALTH[code] ?? code}</b>
          <p>{detail}</p>
        </Notice>
      ))}
      {report.stop && report.best && (
        <div class="actions">
          <Button kind="main" off={!mayWrite.value && READ_ONLY} onPress={() => applyWinner(id, report, onApplied)}>
            Show the better one to everyone
          </Button>
          <span class="hint">Its words and look become the popup’s, and the comparison ends. It can be undone.</span>
        </div>
      )}
    </section>
  );
}

/** One change: the winner's design and offer into the popup, without variants. */
async function applyWinner(id: string, { best }: Report, done: () => void) {
  const { data: popup, etag } = await getPopup(id);
  const winner = popup.variants.find((variant) => variant.id === best);
  if (!winner) return say("The variant is not there any more.");
  const changes = { design: winner.design, offer: winner.offer, variants: [] };
  const changed = await changePopup(id, changes, etag);
  done();
  say("Everyone sees the better one now.", async () => {
    await rollbackPopup(id, popup.version, changed.etag);
    done();
    say("The comparison is as it was.");
  });
}

function Compared({ report }: { report: Report }) {
  const isMoney = report.goal === "revenue";
  const format = (value: number) => (isMoney ? money(value, report.currency) : percent(value));
  const measured = (variant: ComparedVariant) => (isMoney ? Number(variant.revenue_per_viewer) : (variant.rate ?? 0));
  const ranges = report.variants.flatMap((variant) => {
    const [low, high] = variant.credible_interval ?? [];
    if (low === undefined || high === undefined) return [];
    const isBest = report.stop && report.best === variant.variant_id;
    return [{ name: variant.name || variant.variant_id, value: measured(variant), low, high, isBest }];
  });
  return (
    <section class="card stack" aria-labelledby="compared">
      <h2 id="compared">How sure that is</h2>
      {ranges.length > 0 && <Intervals title={isMoney ? "Revenue per viewer" : "Rate"} rows={ranges} format={format} />}
      <Scroll label="The variants">
        <table>
          <caption class="sr">The variants</caption>
          <thead>
            <tr>
              <th scope="col">Variant</th>
              <th scope="col" class="number">
                Viewers
              </th>
              <th scope="col" class="number">
                Converters
              </th>
              <th scope="col" class="number">
                {isMoney ? "Per viewer" : "Rate"}
              </th>
              <th scope="col" class="number">
                Compared with the first
              </th>
              <th scope="col">Choosing it now</th>
            </tr>
          </thead>
          <tbody>
            {report.variants.map((variant) => (
              <tr key={variant.variant_id}>
                <th scope="row">{variant.name || variant.variant_id}</th>
                <td class="number">{count(variant.viewers)}</td>
                <td class="number">{count(variant.converters)}</td>
                <td class="number">{variant.viewers > 0 ? format(measured(variant)) : "–"}</td>
                <td class="number">{lift(variant)}</td>
                <td>{isMoney ? "" : risk(variant)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function lift({ lift: value, lift_interval }: ComparedVariant): string {
  if (value === null) return "–";
  const sign = (number: number) => `${number > 0 ? "+" : ""}${percent(number, 0)}`;
  const [low, high] = lift_interval ?? [];
  return low === undefined || high === undefined ? sign(value) : `${sign(value)} (${sign(low)} to ${sign(high)})`;
}

function Held({ report }: { report: Report }) {
  const { holdout, currency } = report;
  if (!holdout) return null;
  const { increment, refused } = holdout;
  return (
    <section class="card stack" aria-labelledby="held">
      <h2 id="held">What the popup brings at all</h2>
      <p>
        {count(holdout.viewers)} people were not shown it, {count(holdout.shown_viewers)} were.
      </p>
      {increment ? (
        <p>
          It brought {count(Math.round(increment.conversions.value))} conversions more than would have come without it
          (between {increment.conversions.interval.map((each) => count(Math.round(each))).join(" and ")}), and{" "}
          {money(increment.revenue.value, currency)} (
          {increment.revenue.interval.map((each) => money(each, currency)).join(" to ")}).
        </p>
      ) : (
        <p>{refused ?? "That cannot be said yet."}</p>
      )}
    </section>
  );
}
