import { useState } from "preact/hooks";
import { listKeys, makeKey, revokeKey } from "../api/calls.ts";
import { useResource } from "../api/resource.ts";
import type { ApiKey } from "../api/schema.ts";
import { ago } from "../numbers.ts";
import { Button } from "../parts/Button.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { Copy } from "../parts/Copy.tsx";
import { CheckField, ChoiceField, TextField } from "../parts/fields.tsx";
import { Modal } from "../parts/Modal.tsx";
import { ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { mayWrite, READ_ONLY, session, signOut } from "../session.ts";
import { momentHere } from "../shop.ts";
import { say } from "../status.ts";

const RIGHTS = [
  ["read", "May read"],
  ["write", "May change things"],
] as const;

/** Who may do what. A key for each person makes the history worth reading. */
export function Keys() {
  const keys = useResource("keys", async (signal) => (await listKeys(signal)).data.api_keys);
  const [isMaking, setMaking] = useState(false);
  const off = !mayWrite.value && READ_ONLY;
  return (
    <Page
      title="API keys"
      actions={
        <Button kind="main" icon="plus" off={off} onPress={() => setMaking(true)}>
          New key
        </Button>
      }
    >
      <p class="hint">Give each person and each program a key of its own: the history of a popup names the key.</p>
      {keys.problem && <ProblemNotice problem={keys.problem} onRetry={keys.reload} />}
      {keys.data && (
        <div class="list">
          <table>
            <caption class="sr">Keys that work</caption>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Begins with</th>
                <th scope="col">Rights</th>
                <th scope="col">Last used</th>
                <th scope="col">
                  <span class="sr">Revoke</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {keys.data.map((key) => (
                <Row key={key.id} apiKey={key} off={off} onRevoked={keys.reload} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {isMaking && <Make onDone={() => setMaking(false)} onMade={keys.reload} />}
    </Page>
  );
}

function Row({ apiKey, off, onRevoked }: { apiKey: ApiKey; off: string | false; onRevoked: () => void }) {
  const [isAsked, setAsked] = useState(false);
  const { id, name, prefix, rights, last_used_at, created_at } = apiKey;
  const isOwn = id === session.value?.keyId;
  const revoke = async () => {
    await revokeKey(id);
    if (isOwn) return signOut();
    setAsked(false);
    onRevoked();
    say(`The key ${prefix}… no longer works.`);
  };
  return (
    <tr>
      <th scope="row">
        {name || "No name"} {isOwn && <span class="badge active">This console</span>}
      </th>
      <td data-label="Begins with">
        <code>{prefix}…</code>
      </td>
      <td data-label="Rights">{rights === "write" ? "May change things" : "May read"}</td>
      <td data-label="Last used" title={`Made ${momentHere(created_at)}`}>
        {last_used_at ? ago(last_used_at) : "never"}
      </td>
      <td class="number">
        <Button kind="quiet" off={off} label={`Revoke ${name || prefix}`} onPress={() => setAsked(true)}>
          Revoke…
        </Button>
        {isAsked && (
          <Confirm
            title={`Revoke “${name || prefix}”?`}
            word={name || prefix}
            verb="Revoke the key"
            onConfirm={revoke}
            onClose={() => setAsked(false)}
          >
            <p>Whoever uses it is refused from now on. It cannot be brought back.</p>
            {isOwn && <p>It is the key of this console: you will be signed out.</p>}
          </Confirm>
        )}
      </td>
    </tr>
  );
}

function Make({ onDone, onMade }: { onDone: () => void; onMade: () => void }) {
  const [name, setName] = useState("");
  const [rights, setRights] = useState<"read" | "write">("read");
  const [made, setMade] = useState("");
  const [isStored, setStored] = useState(false);
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  if (made) {
    return (
      <Modal title="The new key">
        <p>It is shown this once. Store it now, in a password manager for example.</p>
        <Copy text={made} label="The key" />
        <CheckField label="I have stored it" name="stored" value={isStored} onChange={setStored} />
        <div class="actions">
          <Button kind="main" off={!isStored && "Store it first: it is not shown again."} onPress={onDone}>
            Done
          </Button>
        </div>
      </Modal>
    );
  }
  const make = async () => {
    const { data } = await makeKey(name.trim(), rights, idempotencyKey);
    setMade(data.key);
    onMade();
  };
  return (
    <Modal title="New key" onClose={onDone}>
      <TextField label="Whose it is" name="name" value={name} onChange={setName} maxLength={200} placeholder="Ada" />
      <ChoiceField
        label="Rights"
        name="rights"
        value={rights}
        choices={RIGHTS}
        onChange={setRights}
        hint="For dashboards a key that may read is enough."
      />
      <div class="actions">
        <Button kind="main" off={!name.trim() && "Give it a name first."} onPress={make}>
          Make the key
        </Button>
      </div>
    </Modal>
  );
}
