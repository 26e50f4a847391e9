import { dropRequest, listRequests } from "../../api/calls.ts";
import { useResource } from "../../api/resource.ts";
import type { CustomerRequest, PlatformSource } from "../../api/schema.ts";
import { moment } from "../../numbers.ts";
import { Button } from "../../parts/Button.tsx";
import { Modal } from "../../parts/Modal.tsx";
import { ProblemNotice } from "../../parts/Notice.tsx";
import { mayWrite, READ_ONLY } from "../../session.ts";
import { shop } from "../../shop.ts";

/** Who asked the platform for their data. Each is answered by the shop, and dropped here. */
export function Requests({ source, onClose }: { source: PlatformSource; onClose: () => void }) {
  const list = useResource(source.id, async (signal) => (await listRequests(source.id, signal)).data.requests);
  const zone = shop.value?.time_zone ?? "UTC";
  const drop = async ({ request_id }: CustomerRequest) => {
    await dropRequest(source.id, request_id);
    list.reload();
  };
  return (
    <Modal title="Customers’ requests for their data" onClose={onClose}>
      <p>
        Look the address up under <a href="#/subscribers">Subscribers</a>, answer the customer, and drop the request.
      </p>
      {list.problem && <ProblemNotice problem={list.problem} onRetry={list.reload} />}
      {list.data?.length === 0 && <p>Nobody has asked.</p>}
      <ul class="stack">
        {list.data?.map((request) => (
          <li key={request.request_id}>
            <b>{request.email ?? `Customer ${request.customer_id}`}</b>, {moment(request.requested_at, zone)}
            {request.order_ids.length > 0 && <p class="hint">Orders {request.order_ids.join(", ")}</p>}
            <p>
              <Button
                kind="quiet"
                off={!mayWrite.value && READ_ONLY}
                label={`Drop the request of ${request.email ?? request.customer_id}`}
                onPress={() => drop(request)}
              >
                It is answered: drop it
              </Button>
            </p>
          </li>
        ))}
      </ul>
    </Modal>
  );
}
