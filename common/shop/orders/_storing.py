"""The SQL that stores orders, their refunds and the codes they were paid with."""

from __future__ import annotations

# Other names of a platform's order. A name keeps the order that it was first given to. What the shop itself has
# reported under one of them, or has deleted when only a browser had, is the same order, of which the platform's id is
# then another name.
INSERT_ALIASES = """
    WITH named AS MATERIALIZED (
        SELECT coalesce((
            SELECT orders.order_id
            FROM orders
            WHERE orders.shop_id = :shop_id AND orders.order_id = ANY (:aliases::text[])
              AND (orders.source = 'api' OR orders.source = 'browser' AND orders.state = 'deleted')
            ORDER BY orders.source, orders.order_id
            LIMIT 1
        ), :order_id) AS order_id
    )
    INSERT INTO order_aliases (shop_id, alias, order_id)
    SELECT :shop_id, alias, named.order_id
    FROM named
    CROSS JOIN unnest(:aliases::text[] || :order_id::text) AS alias
    WHERE alias <> named.order_id
    ORDER BY alias
    ON CONFLICT DO NOTHING
"""

# Stores the first trusted report of an order; a later one finds nothing to do, unless the shop deleted the order and
# now reports it again. A platform's id is another name of an order that the shop itself has reported, but not of the
# platform's own order of that number. What browsers reported of it, also under its other names, is kept to recognise
# its viewer: the viewer's name or, once `popups retain` has removed that, the hash.
STORE_TRUSTED_ORDER = """
    WITH adopted AS (
        DELETE FROM orders
        WHERE shop_id = :shop_id AND order_id = ANY (:aliases::text[]) AND source = 'browser' AND state = 'counted'
        RETURNING conversion_id, reported_at, reported_viewer, reported_popup_id, reported_variant_id,
            reported_device_type, settled_viewer, settled_visitor, is_credited_as_stored, received_at,
            CASE WHEN reported_viewer IS NULL THEN CASE recognised_by WHEN 'browser' THEN viewer ELSE visitor END END
                AS known_viewer
    ), report AS (
        SELECT * FROM adopted ORDER BY reported_at, conversion_id LIMIT 1
    )
    INSERT INTO orders AS known (shop_id, order_id, source, state, report_id, revenue, currency, codes, ordered_at, day,
        received_at, conversion_id, reported_at, reported_viewer, reported_popup_id, reported_variant_id,
        reported_device_type, viewer, settled_viewer, settled_visitor, is_credited_as_stored)
    SELECT shops.id, :order_id, :source, :state, :report_id, :revenue, :currency,
        ARRAY(
            SELECT upper(normalize(code, NFKC))
            FROM unnest(:codes::text[]) WITH ORDINALITY AS named (code, place)
            GROUP BY upper(normalize(code, NFKC))
            ORDER BY min(place)
        ), :ordered_at,
        (:ordered_at::timestamptz AT TIME ZONE shops.time_zone)::date,
        coalesce(report.received_at, now()), report.conversion_id, report.reported_at, report.reported_viewer,
        report.reported_popup_id, report.reported_variant_id, report.reported_device_type, report.known_viewer,
        report.settled_viewer, report.settled_visitor, coalesce(report.is_credited_as_stored, false)
    FROM shops
    LEFT JOIN report ON true
    WHERE shops.id = :shop_id AND NOT EXISTS (
        SELECT
        FROM order_aliases AS other
        JOIN orders ON orders.shop_id = :shop_id AND orders.order_id = other.order_id
        WHERE other.shop_id = :shop_id AND other.alias = :order_id
          AND ('api' IN (orders.source, :source) OR orders.source = 'browser' AND orders.state = 'deleted')
          AND NOT (orders.state = 'deleted' AND :source = 'api')
    )
    ON CONFLICT (shop_id, order_id) DO UPDATE
    SET source = excluded.source, state = excluded.state, report_id = excluded.report_id, revenue = excluded.revenue,
        currency = excluded.currency, codes = excluded.codes, ordered_at = excluded.ordered_at, day = excluded.day,
        recognised_by = NULL, viewer_name = NULL, is_credited = false,
        viewer = coalesce(CASE WHEN known.reported_viewer IS NULL
            THEN CASE known.recognised_by WHEN 'browser' THEN known.viewer ELSE known.visitor END END, excluded.viewer),
        visitor = NULL,
        conversion_id = coalesce(known.conversion_id, excluded.conversion_id),
        reported_at = coalesce(known.reported_at, excluded.reported_at),
        reported_viewer = CASE WHEN known.reported_at IS NULL THEN excluded.reported_viewer
            ELSE known.reported_viewer END,
        reported_popup_id = CASE WHEN known.reported_at IS NULL THEN excluded.reported_popup_id
            ELSE known.reported_popup_id END,
        reported_variant_id = CASE WHEN known.reported_at IS NULL THEN excluded.reported_variant_id
            ELSE known.reported_variant_id END,
        reported_device_type = CASE WHEN known.reported_at IS NULL THEN excluded.reported_device_type
            ELSE known.reported_device_type END
    WHERE known.state = 'counted' AND known.source = 'browser'
       OR known.state = 'deleted' AND excluded.source = 'api'
    RETURNING order_id
"""

# The id of an order that was just stored is no name of an earlier one with that number any longer, and the codes of
# that one are not its own.
TAKE_ID = """
    WITH taken AS (
        DELETE FROM order_aliases AS other
        USING orders
        WHERE other.shop_id = :shop_id AND other.alias = :order_id
          AND orders.shop_id = :shop_id AND orders.order_id = :order_id AND orders.report_id = :report_id
        RETURNING other.order_id
    )
    DELETE FROM order_codes AS copied
    USING taken
    JOIN order_codes AS used ON used.shop_id = :shop_id AND used.order_id = taken.order_id
    WHERE copied.shop_id = :shop_id AND copied.order_id = :order_id AND copied.code = used.code
"""

# Refunds that were reported under another name of the order before its report named it, unless that is the id of
# another of a platform's orders.
MOVE_REFUNDS = """
    WITH moved AS (
        DELETE FROM refunds
        WHERE shop_id = :shop_id AND order_id = ANY (:aliases::text[]) AND NOT EXISTS (
            SELECT
            FROM orders AS other
            WHERE other.shop_id = :shop_id AND other.order_id = refunds.order_id
              AND other.source NOT IN ('browser', 'api')
        ) AND (
            SELECT orders.report_id
            FROM orders
            WHERE orders.shop_id = :shop_id AND orders.order_id = :order_id
        ) = :report_id
        RETURNING *
    )
    INSERT INTO refunds (shop_id, order_id, refund_id, amount, currency, refunded_at, day)
    SELECT DISTINCT ON (refund_id) shop_id, :order_id, refund_id, amount, currency, refunded_at, day
    FROM moved
    ORDER BY refund_id, order_id
    ON CONFLICT DO NOTHING
"""
MOVE_CODES = """
    INSERT INTO order_codes (shop_id, order_id, code, is_counted)
    SELECT shop_id, :order_id, code, bool_or(is_counted)
    FROM order_codes
    WHERE shop_id = :shop_id AND order_id = ANY (:aliases::text[]) AND NOT EXISTS (
        SELECT
        FROM orders AS other
        WHERE other.shop_id = :shop_id AND other.order_id = order_codes.order_id
          AND other.source NOT IN ('browser', 'api')
    )
    GROUP BY shop_id, code
    ORDER BY code
    ON CONFLICT (shop_id, order_id, code) DO UPDATE
    SET is_counted = order_codes.is_counted OR excluded.is_counted
"""

# The codes of an order under each of its names, so that a browser which names one later finds that it was counted.
COPY_CODES = """
    INSERT INTO order_codes (shop_id, order_id, code, is_counted)
    SELECT :shop_id, other.alias, used.code, used.is_counted
    FROM order_aliases AS other
    JOIN order_codes AS used ON used.shop_id = :shop_id AND used.order_id = :order_id
    WHERE other.shop_id = :shop_id AND other.alias = ANY (:aliases::text[]) AND other.order_id = :order_id
    ORDER BY other.alias, used.code
    ON CONFLICT DO NOTHING
"""

# Orders that browsers have reported, from the conversions just stored. A trusted order only learns whose it may be. An
# event that named no popup (:unnamed) is no word on whose credit it is: the popup that was found for it is that of a
# touch, which may be outside a report's window.
STORE_REPORTED_ORDERS = """
    WITH event AS MATERIALIZED (
        SELECT stored.*, bought.event_id AS sent_id, touched_at(stored.event_id, stored.converted_at) AS at,
            coalesce((
                SELECT orders.order_id
                FROM orders
                WHERE orders.shop_id = :shop_id AND orders.order_id = stored.order_id
            ), (
                SELECT other.order_id
                FROM order_aliases AS other
                WHERE other.shop_id = :shop_id AND other.alias = stored.order_id
            ), stored.order_id) AS known_as
        FROM popup_conversions AS stored
        JOIN purchases AS bought ON bought.shop_id = :shop_id AND bought.order_id = stored.order_id
        WHERE stored.shop_id = :shop_id AND stored.event_id = ANY (:event_ids::uuid[]) AND stored.type = 'purchase'
    )
    INSERT INTO orders AS known (shop_id, order_id, source, report_id, revenue, currency, codes, ordered_at, day,
        received_at, conversion_id, reported_at, reported_viewer, reported_popup_id, reported_variant_id,
        reported_device_type, is_credited_as_stored)
    SELECT DISTINCT ON (known_as) shops.id, known_as, 'browser', sent_id,
        CASE WHEN event.currency IS NOT NULL THEN event.revenue END,
        CASE WHEN event.revenue IS NOT NULL THEN event.currency END,
        ARRAY(
            SELECT used.code
            FROM order_codes AS used
            WHERE used.shop_id = :shop_id AND used.order_id = event.order_id
            ORDER BY used.used_at, used.code
        ), at, (at AT TIME ZONE shops.time_zone)::date, event.converted_at, sent_id, at,
        coalesce(visitor_id, session_id),
        CASE WHEN :is_credited_as_stored OR event_id <> ALL (:unnamed::uuid[])
                AND coalesce(variant_id, '') NOT IN ('holdout', 'shop_holdout')
            THEN nullif(popup_id, '00000000-0000-0000-0000-000000000000') END,
        variant_id, device_type, :is_credited_as_stored
    FROM event
    JOIN shops ON shops.id = :shop_id
    ORDER BY known_as, at, sent_id
    ON CONFLICT (shop_id, order_id) DO UPDATE
    SET conversion_id = excluded.conversion_id, reported_at = excluded.reported_at,
        reported_viewer = excluded.reported_viewer, reported_popup_id = excluded.reported_popup_id,
        reported_variant_id = excluded.reported_variant_id, reported_device_type = excluded.reported_device_type
    WHERE known.state = 'counted' AND known.reported_at IS NULL
    RETURNING conversion_id, source
"""

# Adds codes that a browser names later, to orders of which there is no trusted report.
ADD_REPORTED_CODES = """
    UPDATE orders
    SET codes = ARRAY(
        SELECT used.code
        FROM order_codes AS used
        WHERE used.shop_id = :shop_id AND used.order_id = orders.order_id
        ORDER BY used.used_at, used.code
    )
    WHERE shop_id = :shop_id AND order_id = ANY (:order_ids::text[]) AND source = 'browser' AND state = 'counted'
      AND NOT is_credited AND NOT is_credited_as_stored
"""

# Takes an order out of every figure; `state` says why. With a `report_id` one that is not known is entered, so that a
# later report of it finds that it is not to be counted. A platform (`source`) names its own id, which may be the number
# of another of its orders.
WITHDRAW_ORDER = """
    WITH named AS MATERIALIZED (
        SELECT orders.order_id FROM orders WHERE orders.shop_id = :shop_id AND orders.order_id = :order_id
        UNION
        SELECT other.order_id
        FROM order_aliases AS other
        JOIN orders ON orders.shop_id = :shop_id AND orders.order_id = other.order_id
        WHERE other.shop_id = :shop_id AND other.alias = :order_id
          AND (:source::text IS NULL OR orders.source = 'api') AND NOT EXISTS (
            SELECT
            FROM orders AS own
            WHERE own.shop_id = :shop_id AND own.order_id = :order_id AND own.source NOT IN ('browser', 'api')
        )
    ), entered AS (
        INSERT INTO orders (shop_id, order_id, source, state, report_id, ordered_at, day, is_credited)
        SELECT :shop_id, :order_id, :source, :state, :report_id, now(), now()::date, true
        WHERE :report_id::uuid IS NOT NULL AND NOT EXISTS (SELECT FROM named)
        ON CONFLICT DO NOTHING
    )
    UPDATE orders
    SET state = :state, is_credited = false
    FROM named
    WHERE orders.shop_id = :shop_id AND orders.order_id = named.order_id
      AND (orders.state = 'counted' OR :state = 'deleted' AND orders.state <> 'deleted')
    RETURNING orders.order_id
"""

DELETE_REFUNDS = """
    DELETE FROM refunds
    USING orders
    WHERE refunds.shop_id = :shop_id AND orders.shop_id = :shop_id AND orders.order_id = refunds.order_id
      AND orders.state = 'deleted' AND NOT orders.is_credited
"""

# The conversion with which a browser reported an order that was withdrawn, and its place in the tallies.
DELETE_CONVERSIONS = """
    WITH withdrawn AS MATERIALIZED (
        SELECT coalesce(entered.event_id, orders.conversion_id) AS event_id
        FROM orders
        LEFT JOIN foreign_event_ids AS entered ON entered.shop_id = :shop_id AND entered.kind = 'conversion'
            AND entered.sent_id = orders.conversion_id
        WHERE orders.shop_id = :shop_id AND NOT orders.is_credited AND orders.state <> 'counted'
          AND orders.conversion_id IS NOT NULL
    ), gone AS (
        DELETE FROM popup_conversions
        WHERE shop_id = :shop_id AND type = 'purchase' AND event_id = ANY (ARRAY(SELECT event_id FROM withdrawn))
        RETURNING popup_id, converted_at, coalesce(variant_id, '') AS variant_id,
            coalesce(device_type, '') AS device_type, type, coalesce(currency, '') AS currency,
            coalesce(revenue, 0) AS revenue
    )
    UPDATE daily_conversions AS tally
    SET conversions = tally.conversions - gone.conversions, revenue = tally.revenue - gone.revenue
    FROM (
        SELECT popup_id, (converted_at AT TIME ZONE shops.time_zone)::date AS day, variant_id, device_type, type,
            gone.currency, count(*) AS conversions, sum(revenue) AS revenue
        FROM gone
        JOIN shops ON shops.id = :shop_id
        GROUP BY 1, 2, 3, 4, 5, 6
    ) AS gone
    WHERE tally.shop_id = :shop_id AND tally.popup_id = gone.popup_id AND tally.day = gone.day
      AND tally.variant_id = gone.variant_id AND tally.device_type = gone.device_type AND tally.type = gone.type
      AND tally.currency = gone.currency
"""

# Returns the currency of the order, if that is known, and whether the refund was new. At most :most an order.
INSERT_REFUND = """
    WITH named AS MATERIALIZED (
        SELECT coalesce((
            SELECT orders.order_id FROM orders WHERE orders.shop_id = :shop_id AND orders.order_id = :order_id
        ), (
            SELECT other.order_id
            FROM order_aliases AS other
            WHERE other.shop_id = :shop_id AND other.alias = :order_id
        ), :order_id) AS order_id
    ), known AS MATERIALIZED (
        SELECT named.order_id, orders.currency, (
            SELECT count(*)
            FROM refunds
            WHERE refunds.shop_id = :shop_id AND refunds.order_id = named.order_id
        ) AS refunds, (
            SELECT count(*)
            FROM refunds
            WHERE refunds.shop_id = :shop_id AND refunds.order_id = named.order_id AND refunds.refund_id = :refund_id
        ) AS same
        FROM named
        LEFT JOIN orders ON orders.shop_id = :shop_id AND orders.order_id = named.order_id
    ), inserted AS (
        INSERT INTO refunds (shop_id, order_id, refund_id, amount, currency, refunded_at, day)
        SELECT :shop_id, known.order_id, :refund_id, :amount, :currency, :refunded_at,
            (:refunded_at::timestamptz AT TIME ZONE shops.time_zone)::date
        FROM known
        JOIN shops ON shops.id = :shop_id
        WHERE coalesce(known.currency, :currency) = :currency AND known.refunds < :most AND known.same = 0
        ON CONFLICT DO NOTHING
        RETURNING order_id
    )
    SELECT known.order_id, known.currency, known.refunds, known.same > 0 AS is_known,
        EXISTS (SELECT FROM inserted) AS is_new
    FROM known
"""

# Counts the codes of an order that was just stored as used, each once an order.
USE_CODES = """
    WITH stored AS MATERIALIZED (
        SELECT order_id, codes
        FROM orders
        WHERE shop_id = :shop_id AND order_id = :order_id AND report_id = :report_id AND state = 'counted'
    ), possible_use AS MATERIALIZED (
        SELECT DISTINCT stored.order_id, named.code, code.id, NULL::text AS pool_code
        FROM stored
        CROSS JOIN LATERAL unnest(stored.codes) AS named (code)
        JOIN discount_codes AS code ON code.shop_id = :shop_id AND NOT code.single_use
            AND upper(normalize(code.code, NFKC)) = named.code
        UNION ALL
        SELECT DISTINCT stored.order_id, named.code, pool.discount_code_id, pool.code
        FROM stored
        CROSS JOIN LATERAL unnest(stored.codes) AS named (code)
        JOIN single_use_codes AS pool ON pool.shop_id = :shop_id AND upper(normalize(pool.code, NFKC)) = named.code
            AND pool.used_at IS NULL
    ), used AS (
        INSERT INTO order_codes (shop_id, order_id, code, is_counted)
        SELECT :shop_id, order_id, code, true
        FROM possible_use
        ORDER BY order_id, code
        ON CONFLICT (shop_id, order_id, code) DO UPDATE SET is_counted = true WHERE NOT order_codes.is_counted
        RETURNING code
    ), used_of_pool AS (
        UPDATE single_use_codes
        SET used_at = now()
        FROM possible_use
        WHERE single_use_codes.shop_id = :shop_id AND single_use_codes.discount_code_id = possible_use.id
          AND single_use_codes.code = possible_use.pool_code AND single_use_codes.used_at IS NULL
          AND possible_use.code IN (SELECT code FROM used)
        RETURNING possible_use.id, (single_use_codes.claimed_by IS NULL)::integer AS is_unclaimed
    )
    INSERT INTO discount_code_tallies AS tally (shop_id, discount_code_id, uses, used_unclaimed, taken_at)
    SELECT :shop_id, id, sum(uses), sum(used_unclaimed), now()
    FROM (
        SELECT id, 1, 0 FROM possible_use WHERE pool_code IS NULL AND code IN (SELECT code FROM used)
        UNION ALL
        SELECT id, 1, is_unclaimed FROM used_of_pool
    ) AS step (id, uses, used_unclaimed)
    GROUP BY id
    ORDER BY id
    ON CONFLICT (shop_id, discount_code_id) DO UPDATE
    SET uses = tally.uses + excluded.uses, used_unclaimed = tally.used_unclaimed + excluded.used_unclaimed,
        taken_at = excluded.taken_at
    RETURNING discount_code_id
"""

# The shop's first trusted order that counts: what only browsers have reported since is unconfirmed from now on. Whoever
# is known as a buyer by such an order alone is not any longer.
CONFIRM_FROM_FIRST = """
    WITH confirmed AS (
        UPDATE shops
        SET confirmed_since = orders.ordered_at, updated_at = clock_timestamp()
        FROM orders
        WHERE shops.id = :shop_id AND shops.confirmed_since IS NULL AND orders.shop_id = :shop_id
          AND orders.order_id = :order_id AND orders.report_id = :report_id AND orders.state = 'counted'
        RETURNING shops.confirmed_since
    )
    INSERT INTO orders_to_credit (shop_id, order_id)
    SELECT :shop_id, orders.order_id
    FROM confirmed
    JOIN orders ON orders.shop_id = :shop_id AND orders.ordered_at >= confirmed.confirmed_since
        AND orders.source = 'browser' AND orders.state = 'counted'
    ORDER BY orders.order_id
    ON CONFLICT DO NOTHING
    RETURNING order_id
"""

# Purchases of a range of orders that are no orders yet: of a release that knew none.
SELECT_PURCHASES_ALONE = """
    SELECT bought.order_id, event.event_id
    FROM purchases AS bought
    LEFT JOIN foreign_event_ids AS entered ON entered.shop_id = :shop_id AND entered.kind = 'conversion'
        AND entered.sent_id = bought.event_id
    JOIN popup_conversions AS event ON event.event_id = coalesce(entered.event_id, bought.event_id)
        AND event.shop_id = :shop_id AND event.type = 'purchase'
    LEFT JOIN orders ON orders.shop_id = :shop_id AND orders.order_id = bought.order_id
    LEFT JOIN order_aliases AS other ON other.shop_id = :shop_id AND other.alias = bought.order_id
    WHERE bought.shop_id = :shop_id AND bought.order_id > :after
      AND (:until::text IS NULL OR bought.order_id <= :until)
      AND orders.order_id IS NULL AND other.alias IS NULL
    ORDER BY bought.order_id
"""
