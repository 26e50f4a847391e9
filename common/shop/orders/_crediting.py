"""The SQL that finds out whose an order was and which popup gets the credit, and that keeps the tallies.

They belong to a transaction that holds the shop's viewers exclusively (LOCK_VIEWERS), so that each touch of a viewer is
either stored already or finds the order. Orders are opened and taken out of the tallies, changed or stored, put back as
they are then, and closed: whatever happened in between, the tallies hold each once.
"""

from __future__ import annotations

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

# Whose word an order of before there were orders is: the browser's that sent its purchase, as long as that is stored.
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

# Whose order it was: the first that is known of the visitor in a trusted report, the holder of a single-use code, the
# subscriber with this address, and a browser that reported the order within a day. A person is the viewer as whom the
# address was last captured before the order. A viewer without a name is one that a browser had reported, and whose name
# has left since.
RECOGNISE = """
    WITH found AS MATERIALIZED (
        SELECT orders.order_id, whose.recognised_by, whose.viewer_name
        FROM orders
        CROSS JOIN LATERAL (
            SELECT possible.recognised_by, possible.viewer_name
            FROM (
                SELECT 1 AS choice, 'visitor_id' AS recognised_by, :visitor_id::text AS viewer_name
                UNION ALL
                SELECT 2, 'code', held.viewer_name
                FROM (
                    SELECT substr(pool.claimed_by, length('viewer:') + 1) AS viewer_name
                    FROM single_use_codes AS pool
                    WHERE pool.shop_id = :shop_id AND upper(normalize(pool.code, NFKC)) = ANY (orders.codes)
                      AND pool.claimed_by LIKE 'viewer:%'
                    ORDER BY array_position(orders.codes, upper(normalize(pool.code, NFKC)))
                    LIMIT 1
                ) AS held
                UNION ALL
                SELECT 3, 'code', captured.viewer_name
                FROM (
                    SELECT coalesce(event.visitor_id, event.session_id) AS viewer_name
                    FROM single_use_codes AS pool
                    JOIN email_subscribers AS person ON person.shop_id = :shop_id AND person.claimer = pool.claimed_by
                    JOIN popup_conversions AS event ON event.shop_id = :shop_id AND event.subscriber_id = person.id
                    WHERE pool.shop_id = :shop_id AND upper(normalize(pool.code, NFKC)) = ANY (orders.codes)
                      AND pool.claimed_by LIKE 'email:%'
                    ORDER BY array_position(orders.codes, upper(normalize(pool.code, NFKC))),
                        touched_at(event.event_id, event.converted_at) > orders.ordered_at,
                        touched_at(event.event_id, event.converted_at) DESC, event.event_id
                    LIMIT 1
                ) AS captured
                UNION ALL
                SELECT 4, 'email', captured.viewer_name
                FROM (
                    SELECT coalesce(event.visitor_id, event.session_id) AS viewer_name
                    FROM email_subscribers AS person
                    JOIN popup_conversions AS event ON event.shop_id = :shop_id AND event.subscriber_id = person.id
                    WHERE person.shop_id = :shop_id AND person.email_normalized = ANY (:emails::text[])
                    ORDER BY touched_at(event.event_id, event.converted_at) > orders.ordered_at,
                        touched_at(event.event_id, event.converted_at) DESC, event.event_id
                    LIMIT 1
                ) AS captured
                UNION ALL
                SELECT 5, 'browser', orders.reported_viewer
                WHERE orders.reported_at BETWEEN orders.ordered_at - interval '1 day'
                    AND orders.ordered_at + interval '1 day'
            ) AS possible
            WHERE possible.viewer_name IS NOT NULL OR possible.choice = 5 AND orders.viewer IS NOT NULL
            ORDER BY possible.choice
            LIMIT 1
        ) AS whose
        WHERE orders.shop_id = :shop_id AND NOT orders.is_credited AND orders.state = 'counted'
          AND orders.recognised_by IS NULL
    )
    UPDATE orders
    SET recognised_by = found.recognised_by, viewer_name = found.viewer_name,
        viewer = coalesce(viewer_hash(shops.viewer_salt, found.viewer_name), orders.viewer)
    FROM found
    JOIN shops ON shops.id = :shop_id
    WHERE orders.shop_id = :shop_id AND orders.order_id = found.order_id
"""

# Whose an order is in experiments where an address or a code says whose it was: the visitor whose browser reported it.
NAME_VISITORS = """
    UPDATE orders
    SET visitor = viewer_hash(shops.viewer_salt, orders.reported_viewer)
    FROM shops
    WHERE shops.id = :shop_id AND orders.shop_id = :shop_id AND NOT orders.is_credited AND orders.state = 'counted'
      AND orders.recognised_by IN ('code', 'email') AND orders.reported_viewer IS NOT NULL
      AND orders.reported_at BETWEEN orders.ordered_at - interval '1 day' AND orders.ordered_at + interval '1 day'
"""

# The last click or capture and the last view before the order, none older than 30 days; and the popup whose code it
# was: of those that offer one of the codes the one that the viewer met last, whenever; if none was met, that of the
# first code which only one popup offers. Who was held out has met nothing.
# Events and offers leave, and credit stays: what an order was credited by is remembered, and only a later touch takes
# its place. An order of :whole_since or later is credited by the stored touches alone, since all of them are there but
# those of popups that are gone. An order that got another viewer is credited anew, and one whose viewer's name has left
# with the events keeps its credit.
CREDIT = """
    WITH due AS MATERIALIZED (
        SELECT *, ordered_at >= :whole_since::timestamptz AS is_whole
        FROM orders
        WHERE shop_id = :shop_id AND NOT is_credited AND state = 'counted' AND NOT is_credited_as_stored
          AND (viewer IS NULL OR viewer_name IS NOT NULL)
    ), touch AS MATERIALIZED (
        SELECT due.order_id, event.*, ceil(greatest(1, extract(epoch FROM due.ordered_at - event.at)) / 86400) AS step
        FROM due
        CROSS JOIN LATERAL (
            SELECT event_id, popup_id, variant_id, device_type, touched_at(event_id, viewed_at) AS at, false AS is_click
            FROM popup_views
            WHERE shop_id = :shop_id AND coalesce(visitor_id, session_id) = due.viewer_name
              AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, due.viewer_name)
            UNION ALL
            SELECT event_id, popup_id, variant_id, device_type, touched_at(event_id, converted_at), true
            FROM popup_conversions
            WHERE shop_id = :shop_id AND coalesce(visitor_id, session_id) = due.viewer_name
              AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, due.viewer_name)
              AND type IN ('click', 'email_capture')
        ) AS event
        WHERE event.at <= due.ordered_at AND coalesce(event.variant_id, '') NOT IN ('holdout', 'shop_holdout')
    ), possible AS MATERIALIZED (
        SELECT order_id, is_click, step, at, event_id, popup_id, variant_id, device_type FROM touch WHERE step <= 30
        UNION ALL
        SELECT due.order_id, known.is_click, known.step, '-infinity', NULL, known.popup_id, known.variant_id,
            known.device_type
        FROM due
        CROSS JOIN LATERAL (
            VALUES (true, click_step, click_popup_id, click_variant_id, click_device_type),
                (false, view_step, view_popup_id, view_variant_id, view_device_type)
        ) AS known (is_click, step, popup_id, variant_id, device_type)
        WHERE known.step IS NOT NULL AND due.viewer IS NOT DISTINCT FROM due.settled_viewer AND (
            NOT due.is_whole
            OR known.popup_id NOT IN (SELECT popups.id FROM popups WHERE popups.shop_id = :shop_id))
    ), last_click AS (
        SELECT DISTINCT ON (order_id) *
        FROM possible
        WHERE is_click
        ORDER BY order_id, step, at DESC, event_id DESC
    ), last_view AS (
        SELECT DISTINCT ON (order_id) *
        FROM possible
        WHERE NOT is_click
        ORDER BY order_id, step, at DESC, event_id DESC
    ), offered AS MATERIALIZED (
        SELECT DISTINCT due.order_id, named.place, popups.id AS popup_id
        FROM due
        CROSS JOIN LATERAL unnest(due.codes) WITH ORDINALITY AS named (code, place)
        CROSS JOIN LATERAL (
            SELECT code.id
            FROM discount_codes AS code
            WHERE code.shop_id = :shop_id AND upper(normalize(code.code, NFKC)) = named.code
            UNION
            SELECT pool.discount_code_id
            FROM single_use_codes AS pool
            WHERE pool.shop_id = :shop_id AND upper(normalize(pool.code, NFKC)) = named.code
        ) AS code
        JOIN popups ON popups.shop_id = :shop_id AND popups.deleted_at IS NULL AND jsonb_path_exists(
            jsonb_build_array(popups.offer, jsonb_path_query_array(popups.variants, '$[*].offer')),
            '$.** ? (@.discount_code_id == $id || @.fallback_discount_code_id == $id)',
            jsonb_build_object('id', code.id)
        )
    ), met AS (
        SELECT DISTINCT ON (touch.order_id) touch.order_id, touch.popup_id, touch.variant_id, touch.device_type
        FROM touch
        JOIN offered ON offered.order_id = touch.order_id AND offered.popup_id = touch.popup_id
        ORDER BY touch.order_id, touch.at DESC, touch.event_id DESC
    ), sole AS (
        SELECT DISTINCT ON (order_id) order_id, popup_id
        FROM (
            SELECT order_id, place, (array_agg(popup_id))[1] AS popup_id
            FROM offered
            GROUP BY order_id, place
            HAVING count(*) = 1
        ) AS one
        ORDER BY order_id, place
    ), by_code AS (
        SELECT DISTINCT ON (order_id) *
        FROM (
            SELECT order_id, 1 AS choice, popup_id, variant_id, device_type FROM met
            UNION ALL
            SELECT order_id, 2, code_popup_id, code_variant_id, code_device_type
            FROM due
            WHERE code_popup_id IS NOT NULL AND viewer IS NOT DISTINCT FROM settled_viewer
              AND (NOT is_whole OR :keeps_codes::boolean)
            UNION ALL
            SELECT order_id, 3, popup_id, NULL, NULL FROM sole
        ) AS possible
        ORDER BY order_id, choice
    )
    UPDATE orders
    SET code_popup_id = by_code.popup_id, code_variant_id = by_code.variant_id,
        code_device_type = by_code.device_type,
        click_popup_id = last_click.popup_id, click_variant_id = last_click.variant_id,
        click_device_type = last_click.device_type, click_step = last_click.step,
        view_popup_id = last_view.popup_id, view_variant_id = last_view.variant_id,
        view_device_type = last_view.device_type, view_step = last_view.step
    FROM due
    LEFT JOIN last_click ON last_click.order_id = due.order_id
    LEFT JOIN last_view ON last_view.order_id = due.order_id
    LEFT JOIN by_code ON by_code.order_id = due.order_id
    WHERE orders.shop_id = :shop_id AND orders.order_id = due.order_id
      AND (by_code.popup_id, by_code.variant_id, by_code.device_type, last_click.popup_id, last_click.variant_id,
            last_click.device_type, last_click.step, last_view.popup_id, last_view.variant_id, last_view.device_type,
            last_view.step)
        IS DISTINCT FROM (orders.code_popup_id, orders.code_variant_id, orders.code_device_type, orders.click_popup_id,
            orders.click_variant_id, orders.click_device_type, orders.click_step, orders.view_popup_id,
            orders.view_variant_id, orders.view_device_type, orders.view_step)
    RETURNING coalesce(orders.popup_id, '00000000-0000-0000-0000-000000000000') AS popup_id
"""

# Who bought within 7 days after a popup was first seen: bit 8 of `did`, tallied where that was. An unconfirmed order
# makes nobody a buyer.
SETTLE_BUYERS = """
    WITH named AS MATERIALIZED (
        SELECT DISTINCT viewer
        FROM (
            SELECT viewer FROM orders WHERE shop_id = :shop_id AND NOT is_credited
            UNION ALL
            SELECT settled_viewer FROM orders WHERE shop_id = :shop_id AND NOT is_credited
        ) AS either
        WHERE viewer IS NOT NULL
    ), bought AS MATERIALIZED (
        SELECT named.viewer, orders.ordered_at
        FROM named
        JOIN orders ON orders.shop_id = :shop_id AND orders.viewer = named.viewer AND orders.state = 'counted'
        JOIN shops ON shops.id = :shop_id
        WHERE orders.source <> 'browser' OR shops.confirmed_since IS NULL
            OR orders.ordered_at < shops.confirmed_since
    ), seen AS MATERIALIZED (
        SELECT seen.viewer, seen.popup_id, seen.is_holdout, seen.first_seen_at, EXISTS (
            SELECT
            FROM bought
            WHERE bought.viewer = seen.viewer AND bought.ordered_at >= seen.first_seen_at
              AND bought.ordered_at <= seen.first_seen_at + interval '7 days'
        ) AS is_buyer
        FROM named
        JOIN viewers_by_popup AS seen ON seen.shop_id = :shop_id AND seen.viewer = named.viewer
        WHERE seen.first_seen_at IS NOT NULL
    ), of_popup AS (
        UPDATE viewers_by_popup AS known
        SET did = known.did # 8
        FROM seen
        WHERE known.shop_id = :shop_id AND known.viewer = seen.viewer AND known.popup_id = seen.popup_id
          AND known.is_holdout = seen.is_holdout AND (known.did & 8 <> 0) <> seen.is_buyer
        RETURNING known.popup_id, known.first_day AS day, known.variant_id, known.device_type, seen.is_buyer
    ), of_shop AS (
        UPDATE viewers AS known
        SET did = known.did # 8
        FROM (
            SELECT seen.viewer, EXISTS (
                SELECT
                FROM bought
                WHERE bought.viewer = seen.viewer AND bought.ordered_at >= min(seen.first_seen_at)
                  AND bought.ordered_at <= min(seen.first_seen_at) + interval '7 days'
            ) AS is_buyer
            FROM seen
            WHERE NOT seen.is_holdout
            GROUP BY seen.viewer
        ) AS seen
        WHERE known.shop_id = :shop_id AND known.viewer = seen.viewer AND known.first_day IS NOT NULL
          AND (known.did & 8 <> 0) <> seen.is_buyer
        RETURNING known.first_day AS day, known.device_type, seen.is_buyer
    )
    INSERT INTO daily_converters AS tally (shop_id, popup_id, day, variant_id, device_type, type, converters)
    SELECT :shop_id, popup_id, day, variant_id, device_type, 'purchase',
        sum(CASE WHEN is_buyer THEN 1 ELSE -1 END)
    FROM (
        SELECT popup_id, day, variant_id, device_type, is_buyer FROM of_popup
        UNION ALL
        SELECT '00000000-0000-0000-0000-000000000000', day, '', device_type, is_buyer FROM of_shop
    ) AS changed
    GROUP BY popup_id, day, variant_id, device_type
    ORDER BY popup_id, day, variant_id, device_type
    ON CONFLICT (shop_id, popup_id, day, variant_id, device_type, type) DO UPDATE
    SET converters = tally.converters + excluded.converters
    RETURNING popup_id
"""

CLOSE = """
    UPDATE orders
    SET is_credited = true, settled_viewer = viewer, settled_visitor = visitor
    WHERE shop_id = :shop_id AND NOT is_credited
"""

# Where ranges of about so many orders end, of all that are known, or that a release without orders has stored.
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
