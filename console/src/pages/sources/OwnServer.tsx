import { hash } from "../../addresses.ts";
import { addressOf } from "../../api/request.ts";
import { ago } from "../../numbers.ts";
import { Copy } from "../../parts/Copy.tsx";
import { Notice } from "../../parts/Notice.tsx";
import { shop } from "../../shop.ts";
import { reportOrder, reportRefund } from "../../words/reporting.ts";

/** For any other shop: its server reports each order once it is paid. `last` is when the newest of these was ordered. */
export function OwnServer({ last }: { last: string | null }) {
  const address = addressOf("shop-desk", "/orders");
  const currency = shop.value?.currency ?? "EUR";
  return (
    <section class="card stack" aria-labelledby="own-server">
      <h2 id="own-server">Any other shop: your own server</h2>
      {last && <Notice kind="good">The newest order that your server has reported is of {ago(last)}.</Notice>}
      <p>
        Report each order once it is paid, with <a href={hash({ page: "keys" })}>a key that may change things</a> in
        place of $KEY. A repeated report changes nothing, so a failed one can simply be sent again.
      </p>
      <Copy text={reportOrder(address, currency)} label="How an order is reported" />
      <details>
        <summary>Whose order it is, refunds, and corrections</summary>
        <div class="stack">
          <p>
            The first of these that is known says whose it is: <code>visitor_id</code> (the script tells it to the page,
            to keep with the cart), a code of <code>discount_codes</code> that was given to one person,{" "}
            <code>email</code> of a subscriber, which is compared and not stored.
          </p>
          <Copy text={reportRefund(address, currency)} label="How a refund is reported" />
          <p>
            To correct an order, remove it under <a href={hash({ page: "orders" })}>Orders</a> and report it again.
          </p>
        </div>
      </details>
    </section>
  );
}
