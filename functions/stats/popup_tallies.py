"""The SQL that adds up a popup's tallies: as a whole, by day, device and variant, and by both of these.

`grouped` says of which of the three a row is the sum (Postgres' GROUPING, a bit each). The holdout, which is shown
nothing, counts only by variant.
"""

from __future__ import annotations

# The columns by which the groups of each value of `grouped` are formed.
GROUPS: dict[int, tuple[tuple[str, ...], ...]] = {
    0b111: ((),),
    0b011: (("day",),),
    0b101: (("device_type",),),
    0b110: (("variant_id",),),
    0b100: (("device_type", "variant_id"),),
}

SELECT_VIEWS = """
    SELECT grouping(day, device_type, variant_id) AS grouped, day, device_type, variant_id,
        sum(views)::bigint AS views, sum(viewers)::bigint AS viewers
    FROM (
        SELECT day, device_type, variant_id, variant_id = 'holdout' AS is_holdout, views, viewers
        FROM daily_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
    ) AS tally
    GROUP BY is_holdout, GROUPING SETS ((), (day), (device_type), (variant_id), (device_type, variant_id))
    HAVING NOT is_holdout OR grouping(variant_id) = 0
"""

# Viewers who came back, each once per group: on the day, or for the first time in the period.
SELECT_RETURNS = """
    SELECT grouping(day, device_type, variant_id) AS grouped, day, device_type, variant_id,
        CASE WHEN grouping(day) = 0 THEN sum(viewers)
            ELSE coalesce(sum(viewers) FILTER (WHERE previous_day < :first), 0) END::bigint AS returned
    FROM (
        SELECT day, device_type, variant_id, variant_id = 'holdout' AS is_holdout, previous_day, viewers
        FROM daily_returns
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
    ) AS tally
    GROUP BY is_holdout, GROUPING SETS ((), (day), (device_type), (variant_id), (device_type, variant_id))
    HAVING NOT is_holdout OR grouping(variant_id) = 0
"""

SELECT_CONVERTERS = """
    SELECT grouping(day, device_type, variant_id) AS grouped, day, device_type, variant_id, type,
        sum(converters)::bigint AS converters
    FROM (
        SELECT day, device_type, variant_id, variant_id = 'holdout' AS is_holdout, type, converters
        FROM daily_converters
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
    ) AS tally
    GROUP BY type, is_holdout, GROUPING SETS ((), (day), (device_type), (variant_id), (device_type, variant_id))
    HAVING NOT is_holdout OR grouping(variant_id) = 0
"""

SELECT_CONVERSIONS = """
    SELECT grouping(day, device_type, variant_id) AS grouped, day, device_type, variant_id, type,
        sum(conversions)::bigint AS conversions
    FROM (
        SELECT day, device_type, variant_id, variant_id = 'holdout' AS is_holdout, type, conversions
        FROM daily_conversions
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
    ) AS tally
    GROUP BY type, is_holdout, GROUPING SETS ((), (day), (device_type), (variant_id), (device_type, variant_id))
    HAVING NOT is_holdout OR grouping(variant_id) = 0
"""

# Orders are tallied in steps of the window, which are summed up to it. Of those that only browsers have reported, days
# before that of `confirmed_since` (in UTC) count, later days are unconfirmed, and the orders of that day itself are
# read one by one. A stored currency that does not exist counts as `unknown`: a storefront could have
# invented 17 000 such codes.
SELECT_ORDERS = """
    SELECT grouping(day, device_type, variant_id) AS grouped, day, device_type, variant_id, currency, is_confirmed,
        sum(orders)::bigint AS orders, sum(revenue) AS revenue, sum(refunded) AS refunded
    FROM (
        SELECT day, device_type, variant_id, variant_id = 'holdout' AS is_holdout, is_confirmed, orders, revenue,
            refunded,
            CASE WHEN currency = '' OR currency = ANY (:currencies) THEN currency ELSE 'unknown' END AS currency
        FROM (
            SELECT day, device_type, variant_id, currency, browser_day < :confirmed_day AS is_confirmed, orders,
                revenue, refunded
            FROM daily_orders
            WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
              AND rule IN (:attribution, 'stored') AND step <= :window_days AND browser_day <> :confirmed_day
            UNION ALL
            SELECT day, device_type, variant_id, currency, ordered_at < :confirmed_since::timestamptz, orders, revenue,
                refunded
            FROM order_steps
            WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
              AND rule IN (:attribution, 'stored') AND step <= :window_days AND browser_day = :confirmed_day
              AND ordered_at >= :confirmed_since::timestamptz - interval '1 day'
              AND ordered_at < :confirmed_since::timestamptz + interval '1 day'
        ) AS step
    ) AS tally
    GROUP BY currency, is_confirmed, is_holdout,
        GROUPING SETS ((), (day), (device_type), (variant_id), (device_type, variant_id))
    HAVING (NOT is_holdout OR grouping(variant_id) = 0)
       AND (sum(orders), sum(revenue), sum(refunded)) <> (0, 0, 0)
"""

# Exposures and closes. Visitors in the shop's holdout count as a variant, too.
SELECT_SIGNALS = """
    SELECT grouping(day, device_type, variant_id) AS grouped, day, device_type, variant_id, kind,
        sum(signals)::bigint AS signals
    FROM (
        SELECT day, device_type, variant_id, variant_id IN ('holdout', 'shop_holdout') AS is_holdout, kind, signals
        FROM daily_signals
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
    ) AS tally
    GROUP BY kind, is_holdout, GROUPING SETS ((), (day), (device_type), (variant_id), (device_type, variant_id))
    HAVING NOT is_holdout OR grouping(variant_id) = 0
"""

SELECT_CRAWLERS = """
    SELECT coalesce(sum(events), 0)::bigint AS events
    FROM daily_crawlers
    WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
"""
