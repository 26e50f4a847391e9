import { useState } from "preact/hooks";
import { type Address, hash } from "../addresses.ts";
import { getPopup, listVersions, rollbackPopup } from "../api/calls.ts";
import { useResource } from "../api/resource.ts";
import type { PopupDraft, Version } from "../api/schema.ts";
import { at, differing } from "../draft/paths.ts";
import { ago } from "../numbers.ts";
import { Button } from "../parts/Button.tsx";
import { Modal } from "../parts/Modal.tsx";
import { ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { mayWrite, READ_ONLY } from "../session.ts";
import { momentHere } from "../shop.ts";
import { say } from "../status.ts";
import { fieldName, valueWords } from "../words/fields.ts";
import { Device } from "./popup/design/Device.tsx";
import { PopupHead } from "./popup/PopupHead.tsx";
import "../style/builder.css";
import "../style/history.css";

const ACTIONS = { created: "Made", changed: "Changed", restored: "Brought back", deleted: "Deleted" };

/** Every version as what it changed, by whom and when; an old one can be looked at and brought back. */
export function History({ address }: { address: Address }) {
  const id = address.page === "popup" ? address.id : "";
  const { cursor } = address.query;
  const history = useResource(JSON.stringify({ id, cursor }), async (signal) => {
    return (await listVersions(id, { cursor, limit: 50 }, signal)).data;
  });
  const versions = history.data?.versions ?? [];
  const name = versions[0]?.popup?.name;
  return (
    <Page
      title={name ?? "History"}
      about={name ? `History of ${name}` : "History"}
      before={<PopupHead id={id} tab="history" name={name} />}
    >
      {history.problem && <ProblemNotice problem={history.problem} onRetry={history.reload} />}
      {!history.data && !history.problem && <p class="loading">Loading…</p>}
      <ol class="versions">
        {versions.map((version, index) => (
          <Entry
            key={version.version}
            id={id}
            version={version}
            before={versions[index + 1]?.popup ?? null}
            isNewest={index === 0 && !cursor}
            onDone={history.reload}
          />
        ))}
      </ol>
      {history.data?.next_cursor && (
        <p>
          <a href={hash({ page: "popup", id, tab: "history" }, { cursor: history.data.next_cursor })}>
            Earlier versions
          </a>
        </p>
      )}
    </Page>
  );
}

interface EntryProps {
  id: string;
  version: Version;
  before: PopupDraft | null;
  isNewest: boolean;
  onDone: () => void;
}

function Entry({ id, version, before, isNewest, onDone }: EntryProps) {
  const [isLooking, setLooking] = useState(false);
  const { version: number, action, changed_at, api_key, popup, restored_version } = version;
  const bringBack = async () => {
    const { data, etag } = await getPopup(id);
    const changed = await rollbackPopup(id, number, etag);
    setLooking(false);
    onDone();
    say(`It is as it was in version ${number}.`, async () => {
      await rollbackPopup(id, data.version, changed.etag);
      onDone();
      say("That is undone.");
    });
  };
  return (
    <li class="card stack">
      <header class="page-head">
        <h2>
          Version {number}: {ACTIONS[action] ?? action}
          {restored_version ? ` (${restored_version})` : ""}
        </h2>
        <span class="hint" title={momentHere(changed_at)}>
          {ago(changed_at)} by {api_key.name || api_key.prefix || "somebody"}
        </span>
      </header>
      {popup && before && <Differences one={before} other={popup} />}
      {popup && (
        <div class="actions">
          <Button onPress={() => setLooking(true)}>Look at it</Button>
          {!isNewest && (
            <Button off={!mayWrite.value && READ_ONLY} onPress={bringBack}>
              Bring it back
            </Button>
          )}
        </div>
      )}
      {isLooking && popup && (
        <Modal title={`Version ${number}`} onClose={() => setLooking(false)} wide>
          <Device
            kind="phone"
            drawing={{ popup, state: "form", isDark: false, lang: "en", dir: "ltr", words: {}, real: false }}
          />
        </Modal>
      )}
    </li>
  );
}

function Differences({ one, other }: { one: PopupDraft; other: PopupDraft }) {
  const paths = differing(one, other);
  if (paths.length === 0) return <p class="hint">Nothing that is kept differs.</p>;
  return (
    <dl class="differences">
      {paths.map((path) => (
        <div key={path}>
          <dt>{fieldName(path)}</dt>
          <dd>
            <del>{valueWords(at(one, path))}</del> <ins>{valueWords(at(other, path))}</ins>
          </dd>
        </div>
      ))}
    </dl>
  );
}
