// POST /: one view, or {"events": [up to 50]}, stored and counted by one statement, which commits before the answer.

import { event, long } from "./events.js";
import { database } from "./stores.js";

// The popups are locked in the order of their ids, or lists of several popups would deadlock.
const INSERT_VIEWS = {
  name: "views",
  text: `
    WITH event AS MATERIALIZED (
      SELECT *
      FROM json_to_recordset($1) AS event (event_id uuid, popup_id uuid, session_id text, visitor_id text,
        variant_id text, device_type text, page_url text, referrer text)
    ), popup AS MATERIALIZED (
      SELECT id
      FROM popups
      WHERE id = ANY (ARRAY(SELECT popup_id FROM event))
      ORDER BY id
      FOR NO KEY UPDATE
    ), inserted AS (
      INSERT INTO views (event_id, popup_id, session_id, visitor_id, variant_id, device_type, page_url, referrer)
      SELECT coalesce(event_id, gen_random_uuid()), popup_id, session_id, visitor_id, variant_id, device_type,
        page_url, referrer
      FROM event
      JOIN popup ON popup.id = event.popup_id
      ON CONFLICT (event_id) DO NOTHING
      RETURNING popup_id
    )
    UPDATE popups
    SET view_count = view_count + counted.views
    FROM (SELECT popup_id, count(*) AS views FROM inserted GROUP BY popup_id) AS counted
    WHERE popups.id = counted.popup_id`,
};

const view = {
  type: "object",
  required: ["popup_id", "session_id"],
  properties: { ...event, page_url: long, referrer: long },
};
const views = { type: "object", required: ["events"], properties: { events: { type: "array", maxItems: 50, items: view } } };

export const route = {
  method: "POST",
  url: "/",
  schema: { body: { if: { required: ["events"] }, then: views, else: view } },
  handler: storeViews,
};

async function storeViews(request, reply) {
  const events = request.body.events ?? [request.body];
  await database.query({ ...INSERT_VIEWS, values: [JSON.stringify(events)] });
  return reply.code(202).send({ accepted: events.length });
}
