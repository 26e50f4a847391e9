import { useState } from "preact/hooks";
import { hash } from "../addresses.ts";
import { explain } from "../api/calls.ts";
import { Problem } from "../api/problem.ts";
import type { Explain, Explained } from "../api/schema.ts";
import { Button } from "../parts/Button.tsx";
import { Form } from "../parts/Field.tsx";
import { ChoiceField, NumberField, TextField } from "../parts/fields.tsx";
import { Link } from "../parts/Link.tsx";
import { ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { shop } from "../shop.ts";
import { reasonOf, unchecked } from "../words/reasons.ts";

type Shopper = Pick<Explain, "url" | "device_type" | "referrer"> & {
  visitors: "new" | "returning";
  cart_value: string;
  cart_items: number | null;
  visitor_id: string;
};

const NEWCOMER: Shopper = {
  url: "/",
  device_type: "desktop",
  visitors: "new",
  referrer: "",
  cart_value: "",
  cart_items: null,
  visitor_id: "",
};

const DEVICES = [
  ["desktop", "Computer"],
  ["mobile", "Phone"],
  ["tablet", "Tablet"],
] as const;

const VISITORS = [
  ["new", "New"],
  ["returning", "Returning"],
] as const;

/** A shopper goes in; every popup comes out, with the first rule that says no. */
export function Why() {
  const [shopper, setShopper] = useState(NEWCOMER);
  const [found, setFound] = useState<Explained[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const field = <K extends keyof Shopper>(name: K) => ({
    name,
    value: shopper[name],
    onChange: (value: Shopper[K]) => setShopper((before) => ({ ...before, [name]: value })),
  });
  const ask = async () => {
    setProblem(null);
    try {
      setFound((await explain(asked(shopper))).data.popups);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
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
            <NumberField label="Items in it" {...field("cart_items")} min={0} placeholder="none" />
            <TextField label="Came from" {...field("referrer")} placeholder="https://news.example/" />
          </div>
          <details>
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
      {found && <Answers found={found} />}
    </Page>
  );
}

function asked({ cart_value, cart_items, visitor_id, ...rest }: Shopper): Partial<Explain> {
  return {
    ...rest,
    ...(cart_value.trim() && { cart_value: cart_value.trim() }),
    ...(cart_items !== null && { cart_items }),
    ...(visitor_id && { visitor_id }),
  };
}

function Answers({ found }: { found: Explained[] }) {
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
      {found.length === 0 && <p>There is no popup yet.</p>}
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
      <td data-label="Because">
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
