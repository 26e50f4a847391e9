"""The merchant's own shop: read and changed."""

from __future__ import annotations

from common import cache, cache_keys, database
from common.body import load_fields
from common.messages import Request, Response, json_response
from functions.manage_popups.merge_patch import merge_patch
from functions.manage_popups.schemas import ShopSchema

SELECT_SHOP = """
    SELECT id, name, time_zone, currency, allowed_origins, created_at, updated_at
    FROM shops
    WHERE id = :shop_id
"""

LOCK_SHOP = """
    SELECT name, time_zone, currency, allowed_origins
    FROM shops
    WHERE id = :shop_id
    FOR UPDATE
"""

UPDATE_SHOP = """
    UPDATE shops
    SET name = :name, time_zone = :time_zone, currency = :currency, allowed_origins = :allowed_origins,
        updated_at = now()
    WHERE id = :shop_id
    RETURNING id, name, time_zone, currency, allowed_origins, created_at, updated_at
"""

SELECT_POPUP_IDS = """
    SELECT id
    FROM popups
    WHERE shop_id = :shop_id AND deleted_at IS NULL
"""

_shop_schema = ShopSchema()


def read_shop(request: Request) -> Response:
    return json_response(database.fetch_one(SELECT_SHOP, shop_id=request.shop_id))


def patch_shop(request: Request) -> Response:
    with database.transaction() as session:
        shop = session.fetch_one(LOCK_SHOP, shop_id=request.shop_id)
        changed = load_fields(_shop_schema, merge_patch(shop, request.data))
        updated = session.fetch_one(UPDATE_SHOP, shop_id=request.shop_id, **changed)
        popups = session.fetch_all(SELECT_POPUP_IDS, shop_id=request.shop_id)
    # Every report shows the shop's currency and its calendar.
    cache.forget(cache_keys.shop_stats(request.shop_id), *(cache_keys.popup_stats(popup["id"]) for popup in popups))
    return json_response(updated)
