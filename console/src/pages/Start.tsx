import { useEffect } from "preact/hooks";
import { hash } from "../addresses.ts";
import { getShop, listPopups } from "../api/calls.ts";
import { useResource } from "../api/resource.ts";
import { ago } from "../numbers.ts";
import { Copy } from "../parts/Copy.tsx";
import { Icon } from "../parts/Icon.tsx";
import { ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { snippet } from "../words/snippet.ts";
import "../style/start.css";

const ASK_EVERY_MS = 30_000;

/** From an empty shop to the first view: what is done, and what is next. */
export function Start() {
  const state = useResource("start", async (signal) => {
    const [shop, popups] = await Promise.all([
      getShop(signal),
      listPopups({ limit: 1, status: "active", fields: "name" }, signal),
    ]);
    return { shop: shop.data, isLive: popups.data.popups.length > 0 };
  });
  const { data, reload } = state;
  useEffect(() => {
    const timer = setInterval(() => document.hidden || reload(), ASK_EVERY_MS);
    return () => clearInterval(timer);
  }, [reload]);
  if (state.problem) return <ProblemNotice problem={state.problem} onRetry={reload} />;
  if (!data) return <p class="loading">Loading…</p>;
  const { shop, isLive } = data;
  const heard = shop.last_event_at;
  return (
    <Page title="Set up the shop">
      <ol class="steps">
        <Step title="Say where the shop is" isDone={shop.allowed_origins.length > 0}>
          <p>Only its own pages may then count views. Its time zone and currency are there, too.</p>
          <a class="button plain" href={hash({ page: "shop" })}>
            Open Shop
          </a>
        </Step>
        <Step title="Put the script into its pages" isDone={!!heard}>
          <p>Paste this before the end of the head of every page, or give it to whoever looks after the shop:</p>
          <Copy text={snippet(shop.id)} label="The tag of the script" />
        </Step>
        <Step title="Publish a popup" isDone={isLive}>
          <p>Choose a template, change its words, and look at it on a phone and a computer before anybody else does.</p>
          <a class="button main" href={hash({ page: "new" })}>
            New popup
          </a>
        </Step>
        <Step title="See the first view" isDone={!!heard}>
          {heard ? (
            <p>
              Heard from the shop {ago(heard)}. <a href={hash({ page: "popups" })}>See the results</a>
            </p>
          ) : (
            <p>
              Nothing heard yet. Open the shop in another tab and do what the popup waits for; this page asks again
              every 30 seconds. If nothing comes, <a href={hash({ page: "why" })}>ask why it is not shown</a>.
            </p>
          )}
        </Step>
      </ol>
    </Page>
  );
}

function Step({ title, isDone, children }: { title: string; isDone: boolean; children: preact.ComponentChildren }) {
  return (
    <li class={isDone ? "card done" : "card"}>
      <h2>
        {title} {isDone && <Icon name="check" />}
        <span class="sr">{isDone ? "(done)" : "(to do)"}</span>
      </h2>
      {children}
    </li>
  );
}
