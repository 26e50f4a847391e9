import { type Address, hash, type Query } from "../addresses.ts";
import { listOrders } from "../api/calls.ts";
import { useResource } from "../api/resource.ts";
import type { Order } from "../api/schema.ts";
import { moment } from "../numbers.ts";
import { Empty } from "../parts/Empty.tsx";
import { type Choices, SelectField } from "../parts/fields.tsx";
import { Notice, ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { setQuery } from "../router.ts";
import { shop } from "../shop.ts";
import { SOURCES } from "../words/orders.ts";
import { type Named, useNames } from "./orders/names.ts";
import { OrdersHead } from "./orders/OrdersHead.tsx";
import { OrderTable } from "./orders/OrderTable.tsx";
import "../style/orders.css";

/** The orders that count, each with the popup that has the credit and why: every euro of revenue can be followed. */
export function Orders({ address }: { address: Address }) {
  const { query } = address;
  const { source, popup_id, cursor } = query;
  const asked = { source, popup_id, cursor, limit: 50 };
  const list = useResource(JSON.stringify(asked), async (signal) => (await listOrders(asked, signal)).data);
  const names = useNames();
  const orders = list.data?.orders ?? [];
  const isFiltered = !!(source || popup_id || cursor);
  const isEmpty = list.data && orders.length === 0;
  const next = list.data?.next_cursor;
  return (
    <Page title="Orders" before={<OrdersHead page="orders" />}>
      {(isFiltered || !isEmpty) && <Filters query={query} names={names} />}
      {list.problem && <ProblemNotice problem={list.problem} onRetry={list.reload} />}
      {!list.data && !list.problem && <p class="loading">Loading…</p>}
      {isEmpty && (isFiltered ? <NoMatch /> : <NoOrder />)}
      {orders.length > 0 && (
        <>
          <Trust orders={orders} />
          <OrderTable orders={orders} names={names} zone={zone()} onRemoved={list.reload} />
        </>
      )}
      {(next || cursor) && (
        <p class="actions">
          {cursor && <a href={hash({ page: "orders" }, { ...query, cursor: "" })}>Back to the newest</a>}
          {next && <a href={hash({ page: "orders" }, { ...query, cursor: next })}>Older orders</a>}
        </p>
      )}
    </Page>
  );
}

const zone = () => shop.value?.time_zone ?? "UTC";

const REPORTED_BY = [["", "Anybody"], ...Object.entries(SOURCES)] as unknown as Choices<string>;

function Filters({ query, names }: { query: Query; names: Map<string, Named> }) {
  const { source = "", popup_id = "" } = query;
  const popups: [string, string][] = [...names.values()].map(({ id, name }) => [id, name]);
  if (popup_id && !names.has(popup_id)) popups.unshift([popup_id, "A popup that is not listed"]);
  return (
    <div class="filters">
      <SelectField
        label="Reported by"
        name="source"
        value={source}
        choices={REPORTED_BY}
        onChange={(key) => setQuery({ source: key, cursor: "" })}
      />
      <SelectField
        label="Credit"
        name="popup_id"
        value={popup_id}
        choices={[["", "Any popup, or none"], ...popups]}
        onChange={(id) => setQuery({ popup_id: id, cursor: "" })}
      />
    </div>
  );
}

/** Whose word counts, and since when. */
function Trust({ orders }: { orders: Order[] }) {
  const since = shop.value?.confirmed_since;
  if (since) {
    return (
      <p class="hint">
        Since {moment(since, zone())} ({zone()}) the shop’s own reports count. Orders of later that only a browser has
        reported are unconfirmed: they are in no figure. Credit is that of the last touch within 7 days.
      </p>
    );
  }
  if (orders.some(({ source }) => source !== "browser")) return null;
  return (
    <Notice kind="warning">
      <p>
        These orders are only a browser’s word, which anybody can fake.{" "}
        <a href={hash({ page: "sources" })}>Connect the shop’s own orders</a>, and only those count from then on.
      </p>
    </Notice>
  );
}

function NoMatch() {
  return (
    <Empty title="No order matches">
      <p>Choose something else above.</p>
      <a href={hash({ page: "orders" })}>Show all orders</a>
    </Empty>
  );
}

function NoOrder() {
  return (
    <Empty title="No order yet">
      <p>Once the shop’s orders are known, each shows here with the popup that earned it, and why.</p>
      <a class="button main" href={hash({ page: "sources" })}>
        Connect the shop’s orders
      </a>
    </Empty>
  );
}
