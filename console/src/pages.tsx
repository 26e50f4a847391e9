// Which page an address is. Each is fetched when it is first opened.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Address } from "./addresses.ts";
import { Popups } from "./pages/Popups.tsx";
import { Notice } from "./parts/Notice.tsx";

type PageProps = { address: Address };
type Loads = () => Promise<ComponentType<PageProps>>;

const nothing: Loads = async () => (await import("./pages/Unknown.tsx")).Unknown;

const LAZY: Record<string, Loads> = {
  new: async () => (await import("./pages/New.tsx")).New,
  "popup/experiment": async () => (await import("./pages/Experiment.tsx")).Experiment,
  "popup/results": async () => (await import("./pages/Results.tsx")).Results,
  "popup/history": async () => (await import("./pages/History.tsx")).History,
  shop: async () => (await import("./pages/ShopPage.tsx")).ShopPage,
  keys: async () => (await import("./pages/Keys.tsx")).Keys,
  codes: async () => (await import("./pages/Codes.tsx")).Codes,
  subscribers: async () => (await import("./pages/Subscribers.tsx")).Subscribers,
  orders: async () => (await import("./pages/Orders.tsx")).Orders,
  sources: async () => (await import("./pages/Sources.tsx")).Sources,
  why: async () => (await import("./pages/Why.tsx")).Why,
  start: async () => (await import("./pages/Start.tsx")).Start,
  "popup/design": async () => (await import("./pages/Design.tsx")).Design,
  unknown: nothing,
};

export const kindOf = (address: Address) => (address.page === "popup" ? `popup/${address.tab}` : address.page);

const loaded = new Map<string, ComponentType<PageProps>>([["popups", Popups]]);

/** The page; its code comes first. */
export function PageOf({ address }: PageProps) {
  const kind = kindOf(address);
  const [, setTurn] = useState(0);
  const [isLost, setLost] = useState(false);
  const Found = loaded.get(kind);
  useEffect(() => {
    if (Found) return;
    const load = LAZY[kind] ?? nothing;
    load().then(
      (component) => {
        loaded.set(kind, component);
        setTurn((turn) => turn + 1);
      },
      () => setLost(true),
    );
  }, [kind, Found]);
  const id = "id" in address ? address.id : (address.query.template ?? "");
  if (Found) return <Found key={`${kind} ${id}`} address={address} />;
  if (!isLost) return <p class="loading">Loading…</p>;
  return (
    <Notice kind="problem">A part of the console did not arrive. It may have been renewed: reload the page.</Notice>
  );
}
