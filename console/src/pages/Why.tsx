import { useState } from "preact/hooks";
import { type Address, hash, type Query } from "../addresses.ts";
import { explain } from "../api/calls.ts";
import { useResource } from "../api/resource.ts";
import type { Explain, Explained } from "../api/schema.ts";
import { Button } from "../parts/Button.tsx";
import { Empty } from "../parts/Empty.tsx";
import { Form } from "../parts/Field.tsx";
import { ChoiceField, NumberField, TextField } from "../parts/fields.tsx";
import { Link } from "../parts/Link.tsx";
import { ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { setQuery } from "../router.ts";
import { shop } from "../shop.ts";
import { reasonOf, unchecked } from "../words/reasons.ts";

const NEWCOMER = {
  url: "/",
  device_type: "desktop",
  visitors: "new",
  referrer: "",
  cart_value: "",
  cart_items: "",
  visitor_id: "",
};

type Shopper = typeof NEWCOMER;

const DEVICES = [
  ["desktop", "Computer"],
  ["mobile", "Phone"],
  ["tablet", "Tablet"],
] as const;

const VISITORS = [
  ["new", "New"],
  ["returning", "Returning"],
] as const;

/** A shopper goes in; every popup comes out, with the first rule that says no. Who was asked for is in the address. */
export function Why({ address: { query } }: { address: Address }) {
  const [shopper, setShopper] = useState<Shopper>({ ...NEWCOMER, ...query });
  const answer = useResource(query.url ? JSON.stringify(query) : null, async (signal) => {
    return (await explain(asked(query), signal)).data.popups;
  });
  const { problem } = answer;
  const field = (name: keyof Shopper) => ({
    name,
    value: shopper[name],
    onChange: (value: string) => setShopper((before) => ({ ...before, [name]: value })),
  });
  const ask = () => {
    setQuery(shopper);
    answer.reload();
  };
  return (
    <Page title="Why is it (not) shown?">
      <Form.Provider value={{ errors: problem?.errors ?? {} }}>
        <form class="card stack" onSubmit={(event) => event.preventDefault()}>
          <TextField
            label="The page"
            {...field("url")}
            maxLength={2048}
            hint="Its address, or the path such as /cart."
          />
          <div class="row">
            <ChoiceField label="Device" {...field("device_type")} choices={DEVICES} />
            <ChoiceField label="Visitor" {...field("visitors")} choices={VISITORS} />
          </div>
          <div class="columns">
            <TextField
              label={`Cart (${shop.value?.currency ?? "amount"})`}
              {...field("cart_value")}
              placeholder="empty"
            />
            <NumberField
              label="Items in it"
              name="cart_items"
              value={shopper.cart_items === "" ? null : Number(shopper.cart_items)}
              onChange={(number) => field("cart_items").onChange(number === null ? "" : String(number))}
              min={0}
              placeholder="none"
            />
            <TextField label="Came from" {...field("referrer")} placeholder="https://news.example/" />
          </div>
          <details open={!!query.visitor_id}>
            <summary>A visitor of whom something is known</summary>
            <TextField label="visitor_id" {...field("visitor_id")} hint="Then what they have done is asked, too." />
          </details>
          <div class="actions">
            <Button kind="main" type="submit" onPress={ask}>
              Ask
            </Button>
          </div>
        </form>
      </Form.Provider>
      {problem && <ProblemNotice problem={problem} />}
      {answer.data && !problem && <Answers found={answer.data} />}
    </Page>
  );
}

/** What is not given is left to the server's defaults. */
function asked(query: Query): Partial<Explain> {
  const told = Object.entries(query).map(([name, value]) => [name, value.trim()] as const);
  const { cart_items, ...rest } = Object.fromEntries(told.filter(([name, value]) => name in NEWCOMER && value));
  return { ...rest, ...(cart_items && { cart_items: Number(cart_items) }) };
}

function Answers({ found }: { found: Explained[] }) {
  if (found.length === 0) {
    return (
      <Empty title="There is no popup yet">
        <p>Once there is one, this page says on which pages, to whom and why (not) it shows.</p>
      </Empty>
    );
  }
  const open = [...new Set(found.filter(({ would_show }) => would_show).flatMap(({ not_checked }) => not_checked))];
  return (
    <>
      <div class="list">
        <table>
          <caption class="sr">Every popup</caption>
          <thead>
            <tr>
              <th scope="col">Popup</th>
              <th scope="col">Shows</th>
              <th scope="col">Because</th>
            </tr>
          </thead>
          <tbody>
            {found.map((each) => (
              <Answer key={each.popup_id} answer={each} />
            ))}
          </tbody>
        </table>
      </div>
      {open.length > 0 && <p class="hint">Only the shopper’s browser knows {unchecked(open).join("; ")}.</p>}
    </>
  );
}

function Answer({ answer }: { answer: Explained }) {
  const { popup_id, name, would_show, reason, variant } = answer;
  const { text, section } = reasonOf(reason ?? "");
  const place = { page: "popup", id: popup_id ?? "", tab: "design" } as const;
  return (
    <tr>
      <th scope="row">
        <Link to={place}>{name}</Link>
      </th>
      <td data-label="Shows">
        <span class={`badge ${would_show ? "active" : ""}`}>{would_show ? "Yes" : "No"}</span>
      </td>
      <td class="wide" data-label="Because">
        {would_show ? `Nothing is in its way${variant ? `; they get variant ${variant}` : ""}.` : text}{" "}
        {!would_show && (
          <a
            href={section === "shop" ? hash({ page: "shop" }) : hash(place, { section })}
            aria-label={`Change it: ${name}`}
          >
            Change it
          </a>
        )}
      </td>
    </tr>
  );
}
