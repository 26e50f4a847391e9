"""The SQL that adds up a shop's tallies: by day and device and by popup, without the holdout.

A shopper who saw two popups is one viewer of the shop: its viewers, those who came back and those who converted have
tallies of their own, under the nil popup. Days and devices are crossed, since each set of groups costs every row once
more; `grouped` says of what a row is the sum, as in popup_tallies, and GROUPS to which groups it belongs. Without a
tally there is no row.

The tallies' keys begin with shop, popup and day. So the popups are named (:popup_ids, also those that were deleted): a
few days of each are then a range of the key, whatever else the shop has.
"""

from __future__ import annotations

GROUPS: dict[int, tuple[tuple[str, ...], ...]] = {
    0b111: ((),),
    0b011: (("day",),),
    0b101: (("device_type",),),
    0b001: ((), ("day",), ("device_type",)),
    0b110: (("popup_id",),),
}

# After five executions Postgres would use a generic plan, made for few popups, which takes three times as long with
# many. Applies to the transaction that it is sent in.
PLAN_EACH = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"

# The viewers of the popups; those of the shop are in SELECT_VIEWERS.
SELECT_VIEWS = """
    SELECT grouping(day, device_type, popup_id) AS grouped, day, device_type, popup_id,
        sum(views)::bigint AS views, CASE WHEN grouping(popup_id) = 0 THEN sum(viewers) ELSE 0 END::bigint AS viewers
    FROM daily_views
    WHERE shop_id = :shop_id AND popup_id = ANY (:popup_ids::uuid[]) AND day BETWEEN :first AND :last
      AND variant_id <> 'holdout'
    GROUP BY GROUPING SETS ((day, device_type), (popup_id))
"""

SELECT_VIEWERS = """
    SELECT 1 AS grouped, day, device_type, 0::bigint AS views, viewers
    FROM daily_shop_viewers
    WHERE shop_id = :shop_id AND day BETWEEN :first AND :last
"""

# Viewers who came back, each once per group: on the day, or for the first time in the period.
SELECT_RETURNS = """
    SELECT grouping(day, device_type) * 2 + 1 AS grouped, day, device_type,
        CASE WHEN grouping(day) = 0 THEN sum(viewers)
            ELSE coalesce(sum(viewers) FILTER (WHERE previous_day < :since), 0) END::bigint AS returned
    FROM daily_returns
    WHERE shop_id = :shop_id AND popup_id = '00000000-0000-0000-0000-000000000000' AND day BETWEEN :first AND :last
    GROUP BY GROUPING SETS ((), (day), (device_type))
"""

SELECT_RETURNS_OF_POPUPS = """
    SELECT 6 AS grouped, popup_id, sum(viewers)::bigint AS returned
    FROM daily_returns
    WHERE shop_id = :shop_id AND popup_id = ANY (:popup_ids::uuid[]) AND day BETWEEN :first AND :last
      AND previous_day < :since AND variant_id <> 'holdout'
    GROUP BY popup_id
"""

SELECT_CONVERTERS = """
    SELECT 1 AS grouped, day, device_type, type, converters
    FROM daily_converters
    WHERE shop_id = :shop_id AND popup_id = '00000000-0000-0000-0000-000000000000' AND day BETWEEN :first AND :last
"""

SELECT_CONVERTERS_OF_POPUPS = """
    SELECT 6 AS grouped, popup_id, type, sum(converters)::bigint AS converters
    FROM daily_converters
    WHERE shop_id = :shop_id AND popup_id = ANY (:popup_ids::uuid[]) AND day BETWEEN :first AND :last
      AND variant_id <> 'holdout'
    GROUP BY popup_id, type
"""

SELECT_CONVERSIONS = """
    SELECT grouping(day, device_type, popup_id) AS grouped, day, device_type, popup_id, type,
        sum(conversions)::bigint AS conversions
    FROM daily_conversions
    WHERE shop_id = :shop_id AND popup_id = ANY (:popup_ids::uuid[]) AND day BETWEEN :first AND :last
      AND variant_id <> 'holdout'
    GROUP BY type, GROUPING SETS ((day, device_type), (popup_id))
"""

# As of a popup, by its key of shop, rule and day. What is no popup's is under the nil one.
SELECT_ORDERS = """
    SELECT grouping(day, device_type, popup_id) AS grouped, day, device_type, popup_id, currency, is_confirmed,
        sum(orders)::bigint AS orders, sum(revenue) AS revenue, sum(refunded) AS refunded
    FROM (
        SELECT day, device_type, popup_id, is_confirmed, orders, revenue, refunded,
            CASE WHEN currency = '' OR currency = ANY (:currencies) THEN currency ELSE 'unknown' END AS currency
        FROM (
            SELECT day, device_type, popup_id, currency, browser_day < :confirmed_day AS is_confirmed, orders,
                revenue, refunded
            FROM daily_orders
            WHERE shop_id = :shop_id AND day BETWEEN :first AND :last AND variant_id <> 'holdout'
              AND rule IN (:attribution, 'stored') AND step <= :window_days AND browser_day <> :confirmed_day
            UNION ALL
            SELECT day, device_type, popup_id, currency, ordered_at < :confirmed_since::timestamptz, orders,
                revenue, refunded
            FROM order_steps
            WHERE shop_id = :shop_id AND day BETWEEN :first AND :last AND variant_id <> 'holdout'
              AND rule IN (:attribution, 'stored') AND step <= :window_days AND browser_day = :confirmed_day
              AND ordered_at >= :confirmed_since::timestamptz - interval '1 day'
              AND ordered_at < :confirmed_since::timestamptz + interval '1 day'
        ) AS step
    ) AS tally
    GROUP BY currency, is_confirmed, GROUPING SETS ((day, device_type), (popup_id))
    HAVING (sum(orders), sum(revenue), sum(refunded)) <> (0, 0, 0)
"""

# Those of the holdouts count nothing, but say that exposures are sent.
SELECT_SIGNALS = """
    SELECT grouping(day, device_type, popup_id) AS grouped, day, device_type, popup_id, kind,
        coalesce(sum(signals) FILTER (WHERE variant_id NOT IN ('holdout', 'shop_holdout')), 0)::bigint AS signals
    FROM daily_signals
    WHERE shop_id = :shop_id AND popup_id = ANY (:popup_ids::uuid[]) AND day BETWEEN :first AND :last
    GROUP BY kind, GROUPING SETS ((day, device_type), (popup_id))
"""

SELECT_CRAWLERS = """
    SELECT coalesce(sum(events), 0)::bigint AS events
    FROM daily_crawlers
    WHERE shop_id = :shop_id AND popup_id = ANY (:popup_ids::uuid[]) AND day BETWEEN :first AND :last
"""
