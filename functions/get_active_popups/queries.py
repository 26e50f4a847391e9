"""The active popups of a shop, as Postgres has them and as a storefront gets them."""

from __future__ import annotations

from typing import Any

from common import database
from common.cache import Loaded
from common.config import settings
from common.json_text import dumps

MAX_POPUPS = 50
# Short, since a shop may be created any moment; long enough to stop a flood of invented names at the cache.
UNKNOWN_SHOP_SECONDS = 10

# One row with a NULL id for a shop without active popups, none for an unknown shop.
SELECT_ACTIVE_POPUPS = """
    SELECT popups.id, trigger, design, targeting, frequency, offer, variants, holdout_percent, priority
    FROM shops
    LEFT JOIN popups ON popups.shop_id = shops.id
        AND popups.is_active
        AND (starts_at IS NULL OR starts_at <= now())
        AND (ends_at IS NULL OR ends_at > now())
        AND (view_limit IS NULL OR view_limit > (
            SELECT coalesce(sum(views), 0)
            FROM daily_views
            WHERE (daily_views.shop_id, daily_views.popup_id) = (popups.shop_id, popups.id)
              AND variant_id <> 'holdout'
        ))
    WHERE shops.id = :shop_id
    ORDER BY priority DESC, popups.created_at DESC, popups.id
    LIMIT 50
"""

SELECT_SECONDS_TO_NEXT_CHANGE = """
    SELECT extract(epoch FROM min(change) - now())::float8 AS seconds
    FROM popups, unnest(ARRAY[starts_at, ends_at]) AS change
    WHERE shop_id = :shop_id AND is_active AND change > now()
"""


def load_active_popups(shop_id: str) -> Loaded:
    """The finished answer, fresh until a popup's schedule changes it at the latest."""
    with database.session() as session:
        # Asked first: a popup that starts between the two questions is then found by the second.
        next_change = session.fetch_one(SELECT_SECONDS_TO_NEXT_CHANGE, shop_id=shop_id)
        rows = session.fetch_all(SELECT_ACTIVE_POPUPS, shop_id=shop_id)
    if not rows:
        return Loaded(None, UNKNOWN_SHOP_SECONDS)
    popups = [for_storefront(row) for row in rows if row["id"]]
    fresh_seconds = float(settings().cache_ttl_popups)
    if next_change and next_change["seconds"] is not None:
        fresh_seconds = min(fresh_seconds, next_change["seconds"])
    return Loaded(dumps({"shop_id": shop_id, "popups": popups}), fresh_seconds)


def for_storefront(row: database.Row) -> dict[str, Any]:
    """A popup without what a shopper must not see."""
    variants = [
        {
            "id": variant["id"],
            "weight": variant["weight"],
            "design": variant["design"],
            "offer": public_offer(variant["offer"]),
        }
        for variant in row["variants"]
    ]
    return {**row, "offer": public_offer(row["offer"]), "variants": variants}


def public_offer(offer: dict[str, Any]) -> dict[str, Any]:
    """An offer, or a variant's changes to it, that tells only whether there is a code."""
    public = {name: value for name, value in offer.items() if name != "discount_code_id"}
    if "discount_code_id" in offer:
        public["has_code"] = offer["discount_code_id"] is not None
    return public
