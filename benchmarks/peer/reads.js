// GET /?shop_id=…: a shop's active popups, cached in Redis for five minutes.

import { createHash } from "node:crypto";
import { cache, database } from "./stores.js";

const SECONDS_FRESH = 300;

const SELECT_ACTIVE_POPUPS = {
  name: "active popups",
  text: `
    SELECT shops.settings, popups.definition
    FROM shops
    LEFT JOIN popups ON popups.shop_id = shops.id AND status = 'active'
      AND coalesce(starts_at <= now(), true) AND coalesce(ends_at > now(), true)
      AND coalesce(view_count < view_limit, true)
    WHERE shops.id = $1
    ORDER BY priority DESC
    LIMIT 50`,
};

export const route = {
  method: "GET",
  url: "/",
  schema: {
    querystring: { type: "object", required: ["shop_id"], properties: { shop_id: { type: "string", maxLength: 64 } } },
  },
  handler: answerActivePopups,
};

async function answerActivePopups(request, reply) {
  const shop = request.query.shop_id;
  const [body, etag] = (await cached(shop)) ?? (await load(shop)) ?? [];
  if (!body) return reply.code(404).send({ error: "no such shop" });
  reply.header("etag", etag).header("cache-control", "public, max-age=30");
  if (request.headers["if-none-match"] === etag) return reply.code(304).send();
  return reply.type("application/json").send(body);
}

async function cached(shop) {
  const [body, etag] = await cache.hmget(`popups:${shop}`, "body", "etag");
  return body && [body, etag];
}

async function load(shop) {
  const { rows } = await database.query({ ...SELECT_ACTIVE_POPUPS, values: [shop] });
  if (!rows.length) return null;
  const popups = rows.map((row) => row.definition).filter(Boolean);
  const body = JSON.stringify({ shop_id: shop, popups, shop: rows[0].settings });
  const etag = `"${createHash("sha1").update(body).digest("base64url")}"`;
  await cache.multi().hset(`popups:${shop}`, { body, etag }).expire(`popups:${shop}`, SECONDS_FRESH).exec();
  return [body, etag];
}
