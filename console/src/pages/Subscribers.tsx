import { useEffect, useState } from "preact/hooks";
import { type Address, hash } from "../addresses.ts";
import { eraseSubscriber, getSubscriber, listSubscribers, unsubscribe } from "../api/calls.ts";
import { useResource } from "../api/resource.ts";
import type { Subscriber } from "../api/schema.ts";
import { moment, today } from "../numbers.ts";
import { Button } from "../parts/Button.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { download } from "../parts/download.ts";
import { Empty } from "../parts/Empty.tsx";
import { SelectField, TextField } from "../parts/fields.tsx";
import { Modal } from "../parts/Modal.tsx";
import { ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { setQuery } from "../router.ts";
import { mayWrite, READ_ONLY, session } from "../session.ts";
import { momentHere, zone } from "../shop.ts";
import { say } from "../status.ts";

const ACTIVE = [
  ["", "Everybody"],
  ["true", "Subscribed"],
  ["false", "Unsubscribed"],
] as const;

/** Who left an address, and the proof of what they agreed to. */
export function Subscribers({ address }: { address: Address }) {
  const { query } = address;
  const [typed, setTyped] = useState(query.email ?? "");
  useEffect(() => {
    const timer = setTimeout(() => typed !== (query.email ?? "") && setQuery({ email: typed, cursor: "" }), 300);
    return () => clearTimeout(timer);
  }, [typed, query.email]);
  const { email, active, popup_id } = query;
  const filter = { email, active, popup_id };
  const asked = { ...filter, limit: 50, cursor: query.cursor };
  const list = useResource(JSON.stringify(asked), async (signal) => (await listSubscribers(asked, signal)).data);
  const [open, setOpen] = useState<Subscriber | null>(null);
  const file = () => `subscribers-${session.value?.shopId}-${today(zone.value)}.csv`;
  return (
    <Page
      title="Subscribers"
      actions={
        <Button icon="down" onPress={() => download("shop-desk", "/subscribers.csv", filter, file())}>
          These as CSV
        </Button>
      }
    >
      <div class="filters">
        <TextField label="E-mail begins with" name="email" type="search" value={typed} onChange={setTyped} />
        <SelectField
          label="Which"
          name="active"
          value={(active ?? "") as (typeof ACTIVE)[number][0]}
          choices={ACTIVE}
          onChange={(key) => setQuery({ active: key, cursor: "" })}
        />
      </div>
      {list.problem && <ProblemNotice problem={list.problem} onRetry={list.reload} />}
      {list.data?.subscribers.length === 0 && (
        <Empty title="Nobody">
          <p>Nobody left an address {email || active ? "that matches" : "yet"}.</p>
        </Empty>
      )}
      {list.data && list.data.subscribers.length > 0 && (
        <div class="list">
          <table>
            <caption class="sr">Subscribers, newest first</caption>
            <thead>
              <tr>
                <th scope="col">E-mail</th>
                <th scope="col">Name</th>
                <th scope="col">Since ({zone.value})</th>
                <th scope="col">Consent</th>
                <th scope="col">
                  <span class="sr">Open</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {list.data.subscribers.map((each) => (
                <tr key={each.id}>
                  <th scope="row">{each.email}</th>
                  <td data-label="Name">{each.name ?? "–"}</td>
                  <td data-label="Since">{moment(each.created_at, zone.value)}</td>
                  <td data-label="Consent">{standing(each)}</td>
                  <td class="number">
                    <Button kind="quiet" label={`Open ${each.email}`} onPress={() => setOpen(each)}>
                      Open
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {list.data?.next_cursor && (
        <p>
          <a href={hash({ page: "subscribers" }, { ...query, cursor: list.data.next_cursor })}>Earlier ones</a>
        </p>
      )}
      {open && <Person subscriber={open} onClose={() => setOpen(null)} onChanged={list.reload} />}
    </Page>
  );
}

const standing = ({ is_active, consented_at }: Subscriber) =>
  is_active ? (consented_at ? "Given" : "None") : "Unsubscribed";

interface PersonProps {
  subscriber: Subscriber;
  onClose: () => void;
  onChanged: () => void;
}

/** The evidence: every consent and withdrawal, with its text and time. */
function Person({ subscriber, onClose, onChanged }: PersonProps) {
  const { id, email, is_active } = subscriber;
  const person = useResource(id, async (signal) => (await getSubscriber(id, signal)).data);
  const [isErasing, setErasing] = useState(false);
  const off = !mayWrite.value && READ_ONLY;
  const after = (text: string) => {
    onClose();
    onChanged();
    say(text);
  };
  if (isErasing) {
    const erase = async () => {
      await eraseSubscriber(id);
      after("The person is erased.");
    };
    return (
      <Confirm title="Erase this person?" word={email} verb="Erase for good" onConfirm={erase} onClose={onClose}>
        <p>The address, the name and the proof leave every table, now and for good. The counts stay.</p>
      </Confirm>
    );
  }
  return (
    <Modal title={email} onClose={onClose}>
      {person.problem && <ProblemNotice problem={person.problem} />}
      <h3>Proof of consent</h3>
      {person.data?.consents.length === 0 && <p>No consent was given: this address is not for newsletters.</p>}
      <ul class="bare stack">
        {person.data?.consents.map((consent) => (
          <li key={consent.recorded_at}>
            <b>{consent.type === "given" ? "Given" : "Withdrawn"}</b> {momentHere(consent.recorded_at)}
            {consent.consent_text && <p>“{consent.consent_text}”</p>}
            {consent.popup_id && (
              <p class="hint">
                Shown by <a href={hash({ page: "popup", id: consent.popup_id, tab: "history" })}>this popup</a>, version{" "}
                {consent.popup_version}.
              </p>
            )}
          </li>
        ))}
      </ul>
      <div class="actions">
        <Button
          off={off || (!is_active && "Is unsubscribed already.")}
          onPress={async () => {
            await unsubscribe(id);
            after(`${email} is unsubscribed.`);
          }}
        >
          Unsubscribe
        </Button>
        <Button kind="danger" icon="trash" off={off} onPress={() => setErasing(true)}>
          Erase…
        </Button>
      </div>
    </Modal>
  );
}
