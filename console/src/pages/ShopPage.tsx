import { useState } from "preact/hooks";
import { changeShop, getShop } from "../api/calls.ts";
import { Problem } from "../api/problem.ts";
import type { Answer } from "../api/request.ts";
import { useResource } from "../api/resource.ts";
import { LIMITS, type Shop } from "../api/schema.ts";
import { at, differing, put } from "../draft/paths.ts";
import { useGuard } from "../guard.ts";
import { ago } from "../numbers.ts";
import { Button } from "../parts/Button.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Form } from "../parts/Field.tsx";
import { NumberField, TextField } from "../parts/fields.tsx";
import { ListField } from "../parts/ListField.tsx";
import { Notice, ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { TimeField } from "../parts/TimeField.tsx";
import { mayWrite, READ_ONLY } from "../session.ts";
import { shop as known } from "../shop.ts";
import { say } from "../status.ts";
import { PURCHASE, snippet } from "../words/snippet.ts";
import { Budgets } from "./shop/Budgets.tsx";
import "../style/start.css";

const ZONES = Intl.supportedValuesOf("timeZone");

/** The shop's own settings, and what its pages need. */
export function ShopPage() {
  const stored = useResource("shop", (signal) => getShop(signal));
  // What was saved is the ground from that moment on: nothing is unsaved until it has been fetched again.
  const [saved, setSaved] = useState<Answer<Shop> | null>(null);
  const ground = saved ?? stored.data;
  return (
    <Page title="Shop">
      {stored.problem && <ProblemNotice problem={stored.problem} onRetry={stored.reload} />}
      {ground && <Settings key={ground.etag} stored={ground} onSaved={setSaved} />}
      {stored.data && <Script shop={stored.data.data} />}
    </Page>
  );
}

function Script({ shop }: { shop: Shop }) {
  return (
    <section class="card stack" aria-labelledby="script">
      <h2 id="script">The script</h2>
      {shop.last_event_at ? (
        <Notice kind="good">It works: the shop was last heard {ago(shop.last_event_at)}.</Notice>
      ) : (
        <Notice kind="warning">Nothing was heard from the shop yet, or not in the last 30 days.</Notice>
      )}
      <p>Paste this before the end of the head of every page:</p>
      <Copy text={snippet(shop.id)} label="The tag of the script" />
      <p>On the thank-you page besides, where nothing else reports orders:</p>
      <Copy text={PURCHASE} label="The call on the thank-you page" />
    </section>
  );
}

function Settings({ stored, onSaved }: { stored: Answer<Shop>; onSaved: (answer: Answer<Shop>) => void }) {
  const [draft, setDraft] = useState(stored.data);
  const [problem, setProblem] = useState<Problem | null>(null);
  const changed = differing(stored.data, draft);
  const isDirty = changed.length > 0;
  useGuard(changed);
  const field = <T,>(name: keyof Shop) => ({
    name,
    value: draft[name] as T,
    onChange: (value: unknown) => setDraft((before) => put(before, name, value)),
  });
  const save = async () => {
    try {
      const changes = Object.fromEntries(changed.map((path) => [path, at(draft, path)]));
      const { data, etag } = await changeShop(changes, stored.etag);
      known.value = data;
      onSaved({ data: { ...stored.data, ...data }, etag });
      say("Saved.");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  const off = mayWrite.value ? undefined : READ_ONLY;
  return (
    <Form.Provider value={{ errors: problem?.errors ?? {}, off }}>
      <form class="card stack" onSubmit={(event) => event.preventDefault()}>
        <TextField label="Name" {...field<string>("name")} {...LIMITS.shop.name} />
        <ListField
          label="Where the shop is"
          {...field<string[]>("allowed_origins")}
          placeholder="https://shop.example"
          hint="One address a line. Only pages from there are counted; without any, everybody’s are."
        />
        <div class="columns">
          <TextField
            label="Time zone"
            {...field<string>("time_zone")}
            list={ZONES}
            hint="Days in reports and times of popups are of this zone. Earlier days stay as they were counted."
          />
          <TextField label="Currency" {...field<string>("currency")} maxLength={3} hint="Three letters, such as EUR." />
        </div>
        <ListField
          label="Pages without any popup"
          {...field<string[]>("never_on_pages")}
          lines={6}
          hint="One pattern a line; * stands for anything. Checkouts, unless you change it."
        />
        <div class="columns">
          <NumberField
            label="Popups a visit, at most"
            {...field<number>("popups_per_visit")}
            {...LIMITS.shop.popups_per_visit}
          />
          <NumberField
            label="Pause between two"
            {...field<number>("seconds_between_popups")}
            {...LIMITS.shop.seconds_between_popups}
            unit="seconds"
          />
          <NumberField
            label="See no popup at all"
            {...field<number>("holdout_percent")}
            {...LIMITS.shop.holdout_percent}
            unit="% of visitors"
          />
        </div>
        <TimeField
          label="Only the shop’s own reports of orders count since"
          {...field<string | null>("confirmed_since")}
          timeZone={stored.data.time_zone}
          empty="The first order that the shop or its platform reports sets it"
        />
        <Budgets field={field} met={stored.data.budgets_met} />
        {problem && <ProblemNotice problem={problem} />}
        <div class="actions">
          <Button kind="main" off={off || (!isDirty && "Nothing has changed.")} onPress={save}>
            Save
          </Button>
          {isDirty && <Button onPress={() => setDraft(stored.data)}>Take the changes back</Button>}
        </div>
      </form>
    </Form.Provider>
  );
}
