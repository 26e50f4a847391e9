"""The SQL that recognises an order's viewer, credits a popup, and keeps the tallies.

The statements belong to a transaction that holds the shop's viewers exclusively (LOCK_VIEWERS), so that each touch of a
viewer is either stored already or finds the order. They open orders (`is_credited` is false) and take them out of the
tallies; change or store orders; add those that are open to the tallies; and close them. So the tallies have each order
once.
"""

from __future__ import annotations

from common.postgres import read_statement

# The orders of these ids, or of which these are other names, that a report may change: a trusted one those that only
# browsers have reported, a browser's one also those that no browser has. A withdrawal changes any.
OPEN_REPORTED = """
    UPDATE orders
    SET is_credited = false
    WHERE shop_id = :shop_id AND is_credited AND order_id = ANY (:order_ids::text[] || ARRAY(
        SELECT other.order_id
        FROM order_aliases AS other
        WHERE other.shop_id = :shop_id AND other.alias = ANY (:order_ids::text[])
    )) AND CASE :reported_by
        WHEN 'browser' THEN state = 'counted' AND (source = 'browser' OR reported_at IS NULL)
        WHEN 'shop' THEN state = 'counted' AND source = 'browser'
        ELSE true END
"""

# Orders before which a touch was stored after they were credited.
OPEN_WAITING = """
    WITH waiting AS (
        DELETE FROM orders_to_credit
        WHERE shop_id = :shop_id AND order_id = ANY (ARRAY(
            SELECT order_id
            FROM orders_to_credit
            WHERE shop_id = :shop_id
            ORDER BY order_id
            LIMIT :batch_orders))
        RETURNING order_id
    ), opened AS (
        UPDATE orders
        SET is_credited = false
        WHERE shop_id = :shop_id AND order_id = ANY (ARRAY(SELECT order_id FROM waiting))
    )
    SELECT order_id FROM waiting
"""

# For a recount: the orders of a range of ids.
OPEN_RANGE = """
    UPDATE orders
    SET is_credited = false
    WHERE shop_id = :shop_id AND is_credited AND state = 'counted' AND order_id > :after
      AND (:until::text IS NULL OR order_id <= :until)
"""

# For orders that a release without orders stored as purchases: sets the viewer who reported it, while the event is
# stored.
NAME_REPORTERS = """
    UPDATE orders
    SET reported_viewer = coalesce(event.visitor_id, event.session_id), codes = ARRAY(
        SELECT used.code
        FROM order_codes AS used
        WHERE used.shop_id = :shop_id AND used.order_id = orders.order_id
        ORDER BY used.used_at, used.code
    )
    FROM (
        SELECT open.order_id, coalesce((
            SELECT entered.event_id
            FROM foreign_event_ids AS entered
            WHERE entered.shop_id = :shop_id AND entered.kind = 'conversion' AND entered.sent_id = open.conversion_id
        ), open.conversion_id) AS event_id
        FROM orders AS open
        WHERE open.shop_id = :shop_id AND NOT open.is_credited AND open.is_credited_as_stored
          AND open.source = 'browser' AND open.recognised_by IS NULL AND open.reported_viewer IS NULL
    ) AS open
    JOIN popup_conversions AS event ON event.shop_id = :shop_id AND event.event_id = open.event_id
    WHERE orders.shop_id = :shop_id AND orders.order_id = open.order_id
"""

# Adds what is open to the tallies, or with a sign of -1 takes it out. Returns the popups whose tallies have changed.
TALLY_OPEN = """
    INSERT INTO daily_orders AS tally (shop_id, popup_id, rule, day, step, variant_id, device_type, currency,
        browser_day, orders, revenue, refunded)
    SELECT shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day,
        :sign::integer * sum(orders), :sign::integer * sum(revenue), :sign::integer * sum(refunded)
    FROM order_steps
    WHERE shop_id = :shop_id AND NOT is_credited
    GROUP BY shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day
    ORDER BY shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day
    ON CONFLICT (shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day) DO UPDATE
    SET orders = tally.orders + excluded.orders, revenue = tally.revenue + excluded.revenue,
        refunded = tally.refunded + excluded.refunded
    RETURNING popup_id
"""

RECOGNISE = read_statement(__file__, "recognise.sql")

# For an order that was recognised by an address or a code, experiments count the visitor whose browser reported it.
NAME_VISITORS = """
    UPDATE orders
    SET visitor = viewer_hash(shops.viewer_salt, orders.reported_viewer)
    FROM shops
    WHERE shops.id = :shop_id AND orders.shop_id = :shop_id AND NOT orders.is_credited AND orders.state = 'counted'
      AND orders.recognised_by IN ('code', 'email') AND orders.reported_viewer IS NOT NULL
      AND orders.reported_at BETWEEN orders.ordered_at - interval '1 day' AND orders.ordered_at + interval '1 day'
"""

CREDIT = read_statement(__file__, "credit.sql")

SETTLE_BUYERS = read_statement(__file__, "settle_buyers.sql")

CLOSE = """
    UPDATE orders
    SET is_credited = true, settled_viewer = viewer, settled_visitor = visitor
    WHERE shop_id = :shop_id AND NOT is_credited
"""

# The ends of ranges of about :range_orders orders each, purchases of a release without orders included.
SELECT_ENDS_OF_RANGES = """
    SELECT order_id
    FROM (
        SELECT order_id, row_number() OVER (ORDER BY order_id) AS place
        FROM (
            SELECT order_id FROM orders WHERE shop_id = :shop_id
            UNION
            SELECT order_id FROM purchases WHERE shop_id = :shop_id
        ) AS known
    ) AS placed
    WHERE place % :range_orders = 0
    ORDER BY order_id
"""

# The days that the shop's orders, refunds and tallies are of.
SELECT_DAYS = """
    SELECT day FROM orders WHERE shop_id = :shop_id
    UNION
    SELECT day FROM refunds WHERE shop_id = :shop_id
    UNION
    SELECT day FROM daily_orders WHERE shop_id = :shop_id AND rule <> 'stored'
    ORDER BY day
"""

# Makes the tallies of a day what its orders and refunds say. Those of orders credited as stored are left alone: the
# events of most of them are gone. A day of the shop is within a day and a half of the same in UTC.
RETALLY_DAY = """
    WITH wanted AS MATERIALIZED (
        SELECT popup_id, rule, step, variant_id, device_type, currency, browser_day, sum(orders)::bigint AS orders,
            sum(revenue) AS revenue, sum(refunded) AS refunded
        FROM order_steps
        WHERE shop_id = :shop_id AND day = :day AND is_credited AND rule <> 'stored' AND order_id = ANY (ARRAY(
            SELECT orders.order_id
            FROM orders
            WHERE orders.shop_id = :shop_id AND orders.ordered_at >= :day::date - interval '2 days'
              AND orders.ordered_at < :day::date + interval '3 days' AND orders.state = 'counted'
            UNION
            SELECT refunds.order_id
            FROM refunds
            WHERE refunds.shop_id = :shop_id AND refunds.day = :day))
        GROUP BY popup_id, rule, step, variant_id, device_type, currency, browser_day
    ), held AS MATERIALIZED (
        SELECT popup_id, rule, step, variant_id, device_type, currency, browser_day, orders, revenue, refunded
        FROM daily_orders
        WHERE shop_id = :shop_id AND day = :day AND rule <> 'stored'
    )
    INSERT INTO daily_orders AS tally (shop_id, popup_id, rule, day, step, variant_id, device_type, currency,
        browser_day, orders, revenue, refunded)
    SELECT :shop_id, popup_id, rule, :day, step, variant_id, device_type, currency, browser_day,
        coalesce(wanted.orders, 0), coalesce(wanted.revenue, 0), coalesce(wanted.refunded, 0)
    FROM wanted
    FULL JOIN held USING (popup_id, rule, step, variant_id, device_type, currency, browser_day)
    WHERE (coalesce(wanted.orders, 0), coalesce(wanted.revenue, 0), coalesce(wanted.refunded, 0))
        <> (coalesce(held.orders, 0), coalesce(held.revenue, 0), coalesce(held.refunded, 0))
    ORDER BY popup_id, rule, step, variant_id, device_type, currency, browser_day
    ON CONFLICT (shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day) DO UPDATE
    SET orders = excluded.orders, revenue = excluded.revenue, refunded = excluded.refunded
    RETURNING popup_id
"""
