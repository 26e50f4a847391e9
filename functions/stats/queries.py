"""The SQL of stats: tallies by day, never events."""

from __future__ import annotations

# The shop's calendar; no row for a popup that the shop does not have.
SELECT_SHOP_OF_POPUP = """
    SELECT shops.time_zone, shops.currency, (now() AT TIME ZONE shops.time_zone)::date AS today,
        extract(epoch FROM ((now() AT TIME ZONE shops.time_zone)::date + 1)::timestamp AT TIME ZONE shops.time_zone
            - now())::float8 AS seconds_to_midnight
    FROM popups
    JOIN shops ON shops.id = popups.shop_id
    WHERE popups.shop_id = :shop_id AND popups.id = :popup_id AND popups.deleted_at IS NULL
"""

SELECT_SHOP = """
    SELECT shops.time_zone, shops.currency, (now() AT TIME ZONE shops.time_zone)::date AS today,
        extract(epoch FROM ((now() AT TIME ZONE shops.time_zone)::date + 1)::timestamp AT TIME ZONE shops.time_zone
            - now())::float8 AS seconds_to_midnight
    FROM shops
    WHERE shops.id = :shop_id
"""

SELECT_POPUP_VIEWS = """
    SELECT day, variant_id, device_type, views, viewers
    FROM daily_views
    WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
"""

# A stored currency that does not exist counts as `unknown`: a storefront could have invented 17 000 such codes.
SELECT_POPUP_CONVERSIONS = """
    SELECT day, variant_id, device_type, type, sum(conversions)::bigint AS conversions, sum(revenue) AS revenue,
        CASE WHEN currency = ANY (:currencies) THEN currency ELSE 'unknown' END AS currency
    FROM daily_conversions
    WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
    GROUP BY day, variant_id, device_type, type, 7
"""

SELECT_SHOP_VIEWS = """
    SELECT popup_id, day, device_type, sum(views)::bigint AS views, sum(viewers)::bigint AS viewers
    FROM daily_views
    WHERE shop_id = :shop_id AND day BETWEEN :first AND :last AND variant_id <> 'holdout'
    GROUP BY popup_id, day, device_type
"""

SELECT_SHOP_CONVERSIONS = """
    SELECT popup_id, day, device_type, type, sum(conversions)::bigint AS conversions, sum(revenue) AS revenue,
        CASE WHEN currency = ANY (:currencies) THEN currency ELSE 'unknown' END AS currency
    FROM daily_conversions
    WHERE shop_id = :shop_id AND day BETWEEN :first AND :last AND variant_id <> 'holdout'
    GROUP BY popup_id, day, device_type, type, 7
"""

SELECT_SHOP_VIEWERS = """
    SELECT day, device_type, viewers
    FROM daily_shop_viewers
    WHERE shop_id = :shop_id AND day BETWEEN :first AND :last
"""

SELECT_POPUP_CRAWLERS = """
    SELECT coalesce(sum(events), 0)::bigint AS events
    FROM daily_crawlers
    WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
"""

SELECT_SHOP_CRAWLERS = """
    SELECT coalesce(sum(events), 0)::bigint AS events
    FROM daily_crawlers
    WHERE shop_id = :shop_id AND day BETWEEN :first AND :last
"""

SELECT_POPUP_NAMES = """
    SELECT id, name, status
    FROM popups
    WHERE shop_id = :shop_id AND deleted_at IS NULL
"""
