import { useState } from "preact/hooks";
import { disconnectSource } from "../../api/calls.ts";
import type { PlatformSource } from "../../api/schema.ts";
import { ago, moment } from "../../numbers.ts";
import { Button } from "../../parts/Button.tsx";
import { Confirm } from "../../parts/Confirm.tsx";
import { Notice } from "../../parts/Notice.tsx";
import { mayWrite, READ_ONLY } from "../../session.ts";
import { shop } from "../../shop.ts";
import { say } from "../../status.ts";
import { PLATFORMS } from "../../words/platforms.ts";
import { plural } from "../../words/settings.ts";
import { ApiAccess } from "./ApiAccess.tsx";
import { ChangeSecret } from "./ChangeSecret.tsx";
import { HowTo } from "./HowTo.tsx";
import { Requests } from "./Requests.tsx";

interface Props {
  source: PlatformSource;
  /** Connected just now: what is next is open. */
  isNew: boolean;
  onChanged: () => void;
}

type Asked = "secret" | "api" | "requests" | "disconnect" | null;

export function SourceCard({ source, isNew, onChanged }: Props) {
  const [asked, setAsked] = useState<Asked>(null);
  const { id, platform, last_order_at, secrets_count, api, created_at, reconciled_at, reconcile_error } = source;
  const { name } = PLATFORMS[platform];
  const zone = shop.value?.time_zone ?? "UTC";
  const off = !mayWrite.value && READ_ONLY;
  const close = () => setAsked(null);
  const disconnect = async () => {
    await disconnectSource(id);
    close();
    onChanged();
    say(`${name} is disconnected. Its orders stay.`);
  };
  return (
    <section class="card stack source" aria-labelledby={`source-${id}`}>
      <header>
        <h2 id={`source-${id}`}>{name}</h2>
        <p class="hint">
          Connected {moment(created_at, zone)}, {plural(secrets_count, "secret")},{" "}
          {api ? `reconciled each night through ${new URL(api.url).host}` : "not reconciled: it has no API access"}
          {reconciled_at && `, last ${ago(reconciled_at)}`}
        </p>
      </header>
      {last_order_at ? (
        <Notice kind="good">
          Last order heard {ago(last_order_at)}, {moment(last_order_at, zone)} ({zone}).
        </Notice>
      ) : (
        <Notice kind="warning">
          <p>No order was heard yet.</p>
          <p>
            If it stays so, {name} keeps a log of what it sent: an answer 401 there means another secret, 404 another
            address.
          </p>
        </Notice>
      )}
      {reconcile_error && (
        <Notice kind="problem">
          <p>Its orders could not be read the last time: {reconcile_error}.</p>
          <p>Give it other API access below. Until then, orders whose delivery was lost stay unknown.</p>
        </Notice>
      )}
      <details open={isNew || !last_order_at}>
        <summary>How to set it up in {name}</summary>
        <HowTo source={source} />
      </details>
      <div class="actions">
        <Button off={off} label={`Change the secret of ${name}`} onPress={() => setAsked("secret")}>
          Change the secret…
        </Button>
        <Button off={off} label={`API access of ${name}`} onPress={() => setAsked("api")}>
          API access…
        </Button>
        {platform === "shopify" && (
          <Button kind="quiet" label={`Customers’ requests from ${name}`} onPress={() => setAsked("requests")}>
            Customers’ requests…
          </Button>
        )}
        <Button kind="quiet" icon="trash" off={off} label={`Disconnect ${name}`} onPress={() => setAsked("disconnect")}>
          Disconnect…
        </Button>
      </div>
      {asked === "secret" && <ChangeSecret source={source} onClose={close} onChanged={onChanged} />}
      {asked === "api" && <ApiAccess source={source} onClose={close} onChanged={onChanged} />}
      {asked === "requests" && <Requests source={source} onClose={close} />}
      {asked === "disconnect" && (
        <Confirm title={`Disconnect ${name}?`} word={name} verb="Disconnect" onConfirm={disconnect} onClose={close}>
          <p>
            What it sends is refused from now on. Orders that it has reported stay; customers’ requests for their data
            that wait here are gone.
          </p>
        </Confirm>
      )}
    </section>
  );
}
