import type { PlatformSource } from "../../api/schema.ts";
import { Copy } from "../../parts/Copy.tsx";
import { Notice } from "../../parts/Notice.tsx";
import { PLATFORMS } from "../../words/platforms.ts";
import { COOKIE, PHP } from "../../words/woocommerce.ts";

const OWN_MACHINE = /^(localhost|127\.|\[::1\]|.*\.localhost$)/;

/** The steps on the platform's side, which stay readable after the first time. */
export function HowTo({ source }: { source: PlatformSource }) {
  const { name, place, topics, settings, apiPlace } = PLATFORMS[source.platform];
  const url = new URL(source.url, location.origin);
  return (
    <ol class="how">
      <li>
        <p>
          In {name}, open <strong>{place}</strong> and add a webhook for each of these, to the same address:
        </p>
        <ul class="topics">
          {topics.map((topic) => (
            <li key={topic}>{topic}</li>
          ))}
        </ul>
        <Copy text={url.href} label={`The address for ${name}`} />
        <p class="hint">{settings}</p>
        {OWN_MACHINE.test(url.hostname) && (
          <Notice kind="warning">This address is one of your own machine: {name} cannot reach it.</Notice>
        )}
      </li>
      {source.platform === "woocommerce" ? <Visitors /> : <TestOrder />}
      <li>
        <p>
          {name} does not send everything for ever again: what was lost on the way is fetched each night, once it has
          API access. {apiPlace} Then <strong>API access…</strong> below.
        </p>
      </li>
    </ol>
  );
}

function TestOrder() {
  return (
    <li>
      <p>
        Press <strong>Send test notification</strong> there: it arrives as a test order, which is counted nowhere. On
        Shopify’s pages the script tells each order whose it is by itself.
      </p>
    </li>
  );
}

function Visitors() {
  return (
    <li>
      <p>So that an order says whose it is, put this into the head of every page:</p>
      <Copy text={COOKIE} label="The script for the pages" />
      <p>And this into functions.php of the theme, or into a plugin:</p>
      <Copy text={PHP} label="The snippet for functions.php" />
    </li>
  );
}
