import { useState } from "preact/hooks";
import { listOrders, listSources } from "../api/calls.ts";
import { useResource } from "../api/resource.ts";
import { moment } from "../numbers.ts";
import { Button } from "../parts/Button.tsx";
import { ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { mayWrite, READ_ONLY } from "../session.ts";
import { shop } from "../shop.ts";
import { PLATFORMS, type Platform } from "../words/platforms.ts";
import { OrdersHead } from "./orders/OrdersHead.tsx";
import { Connect } from "./sources/Connect.tsx";
import { OwnServer } from "./sources/OwnServer.tsx";
import { SourceCard } from "./sources/SourceCard.tsx";
import "../style/orders.css";

/** Where orders come from, what was last heard from there, and how to connect another. */
export function Sources() {
  const sources = useResource("sources", async (signal) => (await listSources(signal)).data.order_sources);
  const reported = useResource("reported", async (signal) => {
    const asked = { source: "api", limit: 1 };
    return (await listOrders(asked, signal)).data.orders[0]?.ordered_at ?? null;
  });
  const [connecting, setConnecting] = useState<Platform | null>(null);
  const [made, setMade] = useState("");
  return (
    <Page title="Where orders come from" before={<OrdersHead page="sources" />}>
      <p>{whoseWord()}</p>
      {sources.problem && <ProblemNotice problem={sources.problem} onRetry={sources.reload} />}
      {sources.data?.map((source) => (
        <SourceCard key={source.id} source={source} isNew={source.id === made} onChanged={sources.reload} />
      ))}
      <div class="ways-in">
        <Way platform="shopify" onConnect={setConnecting}>
          Shopify sends each order, cancellation and refund by itself. You need its admin, and five minutes.
        </Way>
        <Way platform="woocommerce" onConnect={setConnecting}>
          WooCommerce sends each order by itself. You need its settings, and a snippet in the theme.
        </Way>
      </div>
      <OwnServer last={reported.data} />
      {connecting && (
        <Connect
          platform={connecting}
          onClose={() => setConnecting(null)}
          onConnected={({ id }) => {
            setMade(id);
            sources.reload();
          }}
        />
      )}
    </Page>
  );
}

function whoseWord(): string {
  const { confirmed_since: since, time_zone: zone } = shop.value ?? {};
  return since && zone
    ? `Since ${moment(since, zone)} (${zone}) the shop’s own reports count, and what only a browser says does not.`
    : "What browsers say of money is only their word. From the first order on that comes in one of these ways, only such orders count.";
}

interface WayProps {
  platform: Platform;
  onConnect: (platform: Platform) => void;
  children: string;
}

function Way({ platform, onConnect, children }: WayProps) {
  const { name } = PLATFORMS[platform];
  return (
    <section class="card stack" aria-label={`Connect ${name}`}>
      <h2>{name}</h2>
      <p>{children}</p>
      <Button icon="plus" off={!mayWrite.value && READ_ONLY} onPress={() => onConnect(platform)}>
        Connect {name}
      </Button>
    </section>
  );
}
