import { useState } from "preact/hooks";
import { deleteOrder } from "../../api/calls.ts";
import type { Order } from "../../api/schema.ts";
import { moment, money } from "../../numbers.ts";
import { Button } from "../../parts/Button.tsx";
import { Confirm } from "../../parts/Confirm.tsx";
import { Link } from "../../parts/Link.tsx";
import { mayWrite, READ_ONLY } from "../../session.ts";
import { say } from "../../status.ts";
import { credit, isPaidBack, knownBy, SOURCES } from "../../words/orders.ts";
import type { Named } from "./names.ts";

interface Props {
  orders: Order[];
  names: Map<string, Named>;
  zone: string;
  onRemoved: () => void;
}

export function OrderTable({ orders, names, zone, onRemoved }: Props) {
  const [removed, setRemoved] = useState<Order | null>(null);
  return (
    <div class="list orders">
      <table>
        <caption class="sr">Orders, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Order</th>
            <th scope="col">When ({zone})</th>
            <th scope="col" class="number">
              Amount
            </th>
            <th scope="col">Reported by</th>
            <th scope="col">Credit</th>
            <th scope="col">
              <span class="sr">Remove</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {orders.map((order) => (
            <Row key={order.order_id} order={order} names={names} zone={zone} onRemove={() => setRemoved(order)} />
          ))}
        </tbody>
      </table>
      {removed && <Remove order={removed} onClose={() => setRemoved(null)} onRemoved={onRemoved} />}
    </div>
  );
}

interface RowProps {
  order: Order;
  names: Map<string, Named>;
  zone: string;
  onRemove: () => void;
}

function Row({ order, names, zone, onRemove }: RowProps) {
  const { order_id, confirmed, revenue, refunded, currency, ordered_at, source } = order;
  const off = !mayWrite.value && READ_ONLY;
  const amount = currency ? money(revenue, currency) : "unknown";
  return (
    <tr>
      <th scope="row">
        {order_id} {!confirmed && <span class="badge paused">Unconfirmed</span>}
        {isPaidBack(order) && <span class="badge">Refunded</span>}
      </th>
      <td class="when" data-label="When">
        {moment(ordered_at, zone)}
      </td>
      <td class="number" data-label="Amount">
        {amount}
        {currency && Number(refunded) > 0 && <span class="change">{money(refunded, currency)} refunded</span>}
      </td>
      <td data-label="Reported by">{SOURCES[source] ?? source}</td>
      <td class="credit" data-label="Credit">
        <Credit order={order} popup={order.popup_id ? names.get(order.popup_id) : undefined} />
      </td>
      <td class="acts">
        <div class="actions">
          <Button kind="quiet" off={off} label={`Remove order ${order_id}`} onPress={onRemove}>
            Remove…
          </Button>
        </div>
      </td>
    </tr>
  );
}

function Credit({ order, popup }: { order: Order; popup: Named | undefined }) {
  const { popup_id, variant_id } = order;
  const variant = popup?.variants.find(({ id }) => id === variant_id)?.name || variant_id;
  return (
    <>
      {popup_id ? (
        <Link to={{ page: "popup", id: popup_id, tab: "results" }}>{popup?.name ?? "A popup that is not listed"}</Link>
      ) : (
        "No popup"
      )}
      {popup_id && variant && ` (${variant})`}
      <span class="hint">
        {credit(order)} {popup_id && knownBy(order)}
      </span>
    </>
  );
}

function Remove({ order, onClose, onRemoved }: { order: Order; onClose: () => void; onRemoved: () => void }) {
  const { order_id } = order;
  const remove = async () => {
    await deleteOrder(order_id);
    onClose();
    onRemoved();
    say(`Order ${order_id} is removed from every figure.`);
  };
  return (
    <Confirm
      title={`Remove order ${order_id}?`}
      word={order_id}
      verb="Remove the order"
      onConfirm={remove}
      onClose={onClose}
    >
      <p>
        It leaves every figure with its refunds. No browser or platform that reports it late brings it back: only your
        own server can, by reporting it again. Its discount codes stay used.
      </p>
    </Confirm>
  );
}
