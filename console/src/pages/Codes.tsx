import { useState } from "preact/hooks";
import { type Address, hash } from "../addresses.ts";
import { changeDiscountCode, getDiscountCode, listDiscountCodes } from "../api/calls.ts";
import type { Answer } from "../api/request.ts";
import { useResource } from "../api/resource.ts";
import type { DiscountCode } from "../api/schema.ts";
import { count, moment, money } from "../numbers.ts";
import { Button } from "../parts/Button.tsx";
import { Empty } from "../parts/Empty.tsx";
import { ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { mayWrite, READ_ONLY } from "../session.ts";
import { zone } from "../shop.ts";
import { say } from "../status.ts";
import { AddCodes } from "./codes/AddCodes.tsx";
import { ChangeCode } from "./codes/ChangeCode.tsx";
import { MakeCode } from "./codes/MakeCode.tsx";
import "../style/codes.css";

/** Codes for everybody, and pools of single-use ones with what is left of them. */
export function Codes({ address }: { address: Address }) {
  const { cursor } = address.query;
  const asked = { limit: 50, cursor };
  const list = useResource(JSON.stringify(asked), async (signal) => (await listDiscountCodes(asked, signal)).data);
  const [isMaking, setMaking] = useState(false);
  const [pool, setPool] = useState<DiscountCode | null>(null);
  const [stored, setStored] = useState<Answer<DiscountCode> | null>(null);
  const codes = list.data?.discount_codes ?? [];
  return (
    <Page
      title="Discount codes"
      actions={
        <Button kind="main" icon="plus" off={!mayWrite.value && READ_ONLY} onPress={() => setMaking(true)}>
          New code
        </Button>
      }
    >
      {list.problem && <ProblemNotice problem={list.problem} onRetry={list.reload} />}
      {list.data && codes.length === 0 && (
        <Empty title="No code yet">
          <p>One code for everybody, or a pool from which each shopper gets a code of their own.</p>
        </Empty>
      )}
      {codes.length > 0 && (
        <div class="list">
          <table>
            <caption class="sr">Discount codes, newest first</caption>
            <thead>
              <tr>
                <th scope="col">Code</th>
                <th scope="col">Off</th>
                <th scope="col">Until ({zone.value})</th>
                <th scope="col">Used or left</th>
                <th scope="col">
                  <span class="sr">Change</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {codes.map((code) => (
                <Row
                  key={code.id}
                  code={code}
                  onChanged={list.reload}
                  onAdd={() => setPool(code)}
                  onChange={async () => setStored(await getDiscountCode(code.id))}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {list.data?.next_cursor && (
        <p>
          <a href={hash({ page: "codes" }, { cursor: list.data.next_cursor })}>Older codes</a>
        </p>
      )}
      {isMaking && <MakeCode onClose={() => setMaking(false)} onMade={list.reload} />}
      {stored && <ChangeCode stored={stored} onClose={() => setStored(null)} onChanged={list.reload} />}
      {pool && <AddCodes pool={pool} onClose={() => setPool(null)} onAdded={list.reload} />}
    </Page>
  );
}

interface RowProps {
  code: DiscountCode;
  onChanged: () => void;
  onAdd: () => void;
  onChange: () => unknown;
}

function Row({ code, onChanged, onAdd, onChange }: RowProps) {
  const off = !mayWrite.value && READ_ONLY;
  const name = code.code ?? "Codes of their own";
  const toggle = async () => {
    const { etag } = await getDiscountCode(code.id);
    await changeDiscountCode(code.id, { is_active: !code.is_active }, etag);
    onChanged();
    say(`${name} ${code.is_active ? "can no longer be used" : "can be used again"}.`);
  };
  return (
    <tr>
      <th scope="row">
        {code.code ? <code>{code.code}</code> : name} {!code.is_active && <span class="badge paused">Off</span>}
      </th>
      <td data-label="Off">
        {code.type === "percentage" ? `${Number(code.value)} %` : money(code.value, code.currency)}
      </td>
      <td data-label="Until">{code.expires_at ? moment(code.expires_at, zone.value) : "no end"}</td>
      <td data-label="Used or left">{code.pool ? <Gauge code={code} /> : `${count(code.usage_count)} used`}</td>
      <td class="acts">
        <div class="actions">
          {code.single_use && (
            <Button kind="quiet" off={off} label={`Add codes to ${name}`} onPress={onAdd}>
              Add codes…
            </Button>
          )}
          <Button kind="quiet" off={off} label={`Change ${name}`} onPress={onChange}>
            Change…
          </Button>
          <Button
            kind="quiet"
            off={off}
            label={`${code.is_active ? "Switch off" : "Switch on"} ${name}`}
            onPress={toggle}
          >
            {code.is_active ? "Switch off" : "Switch on"}
          </Button>
        </div>
      </td>
    </tr>
  );
}

const DAY_MS = 86_400_000;

/** What is left, and for how many days at the pace so far. */
function Gauge({ code }: { code: DiscountCode }) {
  if (!code.pool) return null;
  const { codes, claimed, left } = code.pool;
  const days = Math.max(1, (Date.now() - Date.parse(code.created_at)) / DAY_MS);
  const pace = claimed / days;
  const lasts = pace > 0 ? `about ${count(Math.floor(left / pace))} days at this pace` : "none given yet";
  return (
    <span class="gauge">
      <meter min={0} max={Math.max(1, codes)} value={left} low={codes * 0.1} aria-label="Codes left" />
      {count(left)} of {count(codes)} left; {lasts}
      {code.low_stock && <span class="badge paused">Running out</span>}
    </span>
  );
}
