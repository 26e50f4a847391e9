"""The merchant's own shop: read and changed."""

from __future__ import annotations

from common import cache, cache_keys, database
from common.body import load_fields
from common.errors import Conflict, Invalid
from common.messages import Request, Response, json_response
from functions.manage_popups.merge_patch import MAX_MERGES, merge_patch
from functions.manage_popups.schemas import ShopSchema

SELECT_SHOP = """
    SELECT id, name, time_zone, currency, allowed_origins, created_at, updated_at
    FROM shops
    WHERE id = :shop_id
"""

UPDATE_SHOP = """
    UPDATE shops
    SET name = :name, time_zone = :time_zone, currency = :currency, allowed_origins = :allowed_origins,
        updated_at = clock_timestamp()
    WHERE id = :shop_id AND updated_at = :read_updated_at
    RETURNING id, name, time_zone, currency, allowed_origins, created_at, updated_at,
        ARRAY(SELECT popups.id FROM popups WHERE shop_id = shops.id AND deleted_at IS NULL) AS popup_ids
"""

# Postgres keeps time zones of its own, by which it tells the days of events.
SELECT_TIME_ZONE = "SELECT name FROM pg_timezone_names WHERE name = :name"

_shop_schema = ShopSchema()


def read_shop(request: Request) -> Response:
    return json_response(database.fetch_one(SELECT_SHOP, shop_id=request.shop_id))


def patch_shop(request: Request) -> Response:
    with database.session() as session:
        for _ in range(MAX_MERGES):
            shop = session.fetch_one(SELECT_SHOP, shop_id=request.shop_id)
            assert shop is not None, "an API key belongs to a shop"
            written = {name: shop[name] for name in _shop_schema.fields}
            changed = load_fields(_shop_schema, merge_patch(written, request.data))
            if changed["time_zone"] != shop["time_zone"]:
                _refuse_unknown_time_zone(session, changed["time_zone"])
            if updated := session.fetch_one(
                UPDATE_SHOP, shop_id=request.shop_id, read_updated_at=shop["updated_at"], **changed
            ):
                break
        else:
            raise Conflict("The shop is being changed by others at this moment. Try again.")
    # What is told in the shop's currency and in its days.
    popup_stats = [cache_keys.popup_stats(popup_id) for popup_id in updated.pop("popup_ids")]
    cache.forget(cache_keys.shop_stats(request.shop_id), *popup_stats)
    return json_response(updated)


def _refuse_unknown_time_zone(session: database.Session, name: str) -> None:
    if session.fetch_one(SELECT_TIME_ZONE, name=name) is None:
        raise Invalid(errors={"time_zone": ["The database does not know this time zone."]})
