"""The SQL of a report's frame: the shop's calendar, and its popups."""

from __future__ import annotations

# The shop's calendar; no row for a popup that the shop does not have.
SELECT_SHOP_OF_POPUP = """
    SELECT shops.time_zone, shops.currency, shops.confirmed_since, popups.name, popups.status,
        popups.offer ->> 'type' AS offer_type,
        (now() AT TIME ZONE shops.time_zone)::date AS today,
        extract(epoch FROM ((now() AT TIME ZONE shops.time_zone)::date + 1)::timestamp AT TIME ZONE shops.time_zone
            - now())::float8 AS seconds_to_midnight
    FROM popups
    JOIN shops ON shops.id = :shop_id
    WHERE popups.shop_id = :shop_id AND popups.id = :popup_id AND popups.deleted_at IS NULL
"""

SELECT_SHOP = """
    SELECT shops.time_zone, shops.currency, shops.confirmed_since, (now() AT TIME ZONE shops.time_zone)::date AS today,
        extract(epoch FROM ((now() AT TIME ZONE shops.time_zone)::date + 1)::timestamp AT TIME ZONE shops.time_zone
            - now())::float8 AS seconds_to_midnight
    FROM shops
    WHERE shops.id = :shop_id
"""

# Also those that were deleted, for as long as they have tallies.
SELECT_POPUP_NAMES = """
    SELECT id, name, status, offer ->> 'type' AS offer_type, deleted_at IS NULL AS is_listed
    FROM popups
    WHERE shop_id = :shop_id
"""
