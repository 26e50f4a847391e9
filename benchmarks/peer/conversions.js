// POST /: one conversion, in a transaction of plain statements.

import { randomUUID } from "node:crypto";
import { event, long, short } from "./events.js";
import { database } from "./stores.js";

const UPSERT_SUBSCRIBER = {
  name: "subscriber",
  text: `
    INSERT INTO subscribers (shop_id, email, name, consent_text)
    SELECT shop_id, lower($2), $3, $4 FROM popups WHERE id = $1
    ON CONFLICT (shop_id, email) DO UPDATE SET name = coalesce(subscribers.name, excluded.name)
    RETURNING id`,
};

const INSERT_CONVERSION = {
  name: "conversion",
  text: `
    INSERT INTO conversions (event_id, popup_id, session_id, visitor_id, variant_id, device_type, type, subscriber_id,
      revenue, currency, order_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (event_id) DO NOTHING`,
};

const COUNT_CONVERSION = {
  name: "count",
  text: "UPDATE popups SET conversion_count = conversion_count + 1 WHERE id = $1",
};

export const route = {
  method: "POST",
  url: "/",
  schema: {
    body: {
      type: "object",
      required: ["popup_id", "session_id", "type"],
      properties: {
        ...event,
        type: { enum: ["click", "email_capture", "discount_code_used", "purchase"] },
        email: { type: "string", format: "email" },
        name: short,
        consent_text: long,
        revenue: { type: "string", pattern: "^[0-9]{1,12}(\\.[0-9]{1,3})?$" },
        currency: { type: "string", pattern: "^[A-Z]{3}$" },
        order_id: short,
      },
    },
  },
  handler: storeConversion,
};

async function storeConversion(request, reply) {
  const id = request.body.event_id ?? randomUUID();
  const isNew = await inTransaction((client) => store(client, id, request.body));
  return reply.code(isNew ? 201 : 200).send({ conversion_id: id });
}

async function store(client, id, sent) {
  const subscriber = sent.email ? await upsertSubscriber(client, sent) : null;
  const inserted = await client.query({
    ...INSERT_CONVERSION,
    values: [id, sent.popup_id, sent.session_id, sent.visitor_id, sent.variant_id, sent.device_type, sent.type,
      subscriber, sent.revenue, sent.currency, sent.order_id],
  });
  if (inserted.rowCount) await client.query({ ...COUNT_CONVERSION, values: [sent.popup_id] });
  return inserted.rowCount > 0;
}

async function upsertSubscriber(client, sent) {
  const values = [sent.popup_id, sent.email, sent.name, sent.consent_text];
  const { rows } = await client.query({ ...UPSERT_SUBSCRIBER, values });
  return rows[0]?.id;
}

async function inTransaction(work) {
  const client = await database.connect();
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}
