-- Rows are inserted in key order, so that two statements with the same rows wait for each other and never deadlock. The
-- popups are looked up by an array: Postgres does not know how many a batch names, and would scan the whole table for a
-- join. ON CONFLICT names no key, although there is only one: Postgres would look it up for each index of the
-- partition, a twentieth of the statement. The popup's own variants and the holdout are stored; an unknown variant
-- counts as none.
--
-- A foreign event (common/shop/event_ids.py) is new if its id is entered here for the first time, any other unless its
-- id was entered while it was still foreign. They are looked up in a sub-select, which only the key can answer.
--
-- A viewer's row is changed by the first view, by the first on a later day, and by a view that comes after what the
-- viewer did, which is then tallied. previous_day is 'infinity' just after the first view, and before last_day just
-- after the first on a later day. The row in `viewers` is also that of the popup first seen; other popups have theirs in
-- viewers_by_popup. A lookup before tells the rows that do not change (is_known). Rows in `viewers` are written first,
-- and returned even if a concurrent statement has made the same change: their popup_id says which view they are of. Of a
-- viewer's popups in the batch, the one in that row is written there, if any, else the earliest.
--
-- An order before which a view comes late is credited again (common/shop/orders/). Hardly any view is older than the
-- shop's newest order, so that is looked up first, and not the orders of every viewer.
--
-- A viewer meets a variant of a stretch by a view (met_by 1) or an exposure (met_by 2), and counts for the variant
-- first met; in one batch exposures come before views. A view of the holdout, which older scripts send, counts as an
-- exposure once the stretch has exposures. met_by_before and was_in_two say in which group the row was tallied until
-- now.
--
-- A popup is near its limit if the views that all instances may be writing at the moment can reach it (10 instances, 2
-- flushes of 500 events each): concurrent statements do not see each other, so none can tell which one reaches it.
WITH event AS MATERIALIZED (
    SELECT *, coalesce(signal, 'view') AS kind
    FROM json_to_recordset(:events) AS event (
        position integer, event_id uuid, foreign_id uuid, popup_id uuid, session_id text, visitor_id text,
        variant_id text, device_type text, page_url text, referrer text, origin integer, signal text)
), popup AS MATERIALIZED (
    SELECT popups.id, popups.shop_id, popups.variants, popups.view_limit, popups.stretch, popups.holdout_percent,
        popups.experiment, popups.holdout_percent > 0 OR jsonb_array_length(popups.variants) > 1 AS is_compared,
        shops.shop_holdout_percent, shops.shop_holdout_stretch, shops.currency, shops.allowed_origins,
        shops.viewer_salt, (now() AT TIME ZONE shops.time_zone)::date AS day
    FROM popups
    JOIN shops ON shops.id = popups.shop_id
    WHERE popups.id = ANY (ARRAY(SELECT popup_id FROM event)) AND popups.deleted_at IS NULL
), given AS MATERIALIZED (
    SELECT event.*, popup.shop_id,
        CASE WHEN event.variant_id IS NULL THEN ''
            WHEN event.variant_id IN ('holdout', 'shop_holdout')
                OR popup.variants @> jsonb_build_array(jsonb_build_object('id', event.variant_id))
            THEN event.variant_id ELSE '' END AS variant,
        CASE WHEN popup.id IS NULL THEN 'popup_not_found'
            WHEN popup.allowed_origins <> '{}' AND :origins::jsonb ->> event.origin <> ALL (popup.allowed_origins)
            THEN 'origin_not_allowed'
            -- if plain
            WHEN popup.is_compared OR event.kind <> 'view' OR event.foreign_id IS NOT NULL THEN 'not_plain'
            -- end
            END AS refusal,
        (SELECT known.event_id
         FROM foreign_event_ids AS known
         WHERE known.shop_id = popup.shop_id AND known.kind = event.kind
           AND known.sent_id = coalesce(event.foreign_id, event.event_id)) AS known_id
    FROM event
    LEFT JOIN popup ON popup.id = event.popup_id
-- if full
), entered AS (
    INSERT INTO foreign_event_ids (shop_id, kind, sent_id, event_id)
    SELECT shop_id, kind, foreign_id, event_id
    FROM given
    WHERE foreign_id IS NOT NULL AND refusal IS NULL AND known_id IS NULL
    ORDER BY shop_id, kind, foreign_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
-- end
), inserted AS (
    INSERT INTO popup_views (event_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type,
        page_url, referrer)
    SELECT event_id, shop_id, popup_id, session_id, visitor_id, nullif(variant, ''), device_type, page_url, referrer
    FROM given
    WHERE kind = 'view' AND refusal IS NULL AND known_id IS NULL
      -- if full
      AND (foreign_id IS NULL OR event_id IN (SELECT event_id FROM entered))
      -- end
    ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id, shop_id, popup_id, coalesce(variant_id, '') AS variant_id,
        coalesce(device_type, '') AS device_type, coalesce(visitor_id, session_id) AS name
-- if full
), signalled AS (
    INSERT INTO popup_signals (event_id, shop_id, popup_id, kind, variant_id, device_type)
    SELECT event_id, shop_id, popup_id, kind, nullif(variant, ''), device_type
    FROM given
    WHERE kind <> 'view' AND refusal IS NULL AND known_id IS NULL
      AND (foreign_id IS NULL OR event_id IN (SELECT event_id FROM entered))
    ORDER BY event_id, kind
    ON CONFLICT DO NOTHING
    RETURNING event_id, kind
), new_signal AS MATERIALIZED (
    SELECT DISTINCT ON (event_id, kind) event_id, kind, given.shop_id, given.popup_id, given.variant AS variant_id,
        coalesce(given.device_type, '') AS device_type, popup.day,
        viewer_hash(popup.viewer_salt, coalesce(given.visitor_id, given.session_id)) AS viewer
    FROM signalled
    JOIN given USING (event_id, kind)
    JOIN popup ON popup.id = given.popup_id
    ORDER BY event_id, kind, given.position
-- end
), new_view AS MATERIALIZED (
    SELECT inserted.*, popup.day, viewer_hash(popup.viewer_salt, inserted.name) AS viewer,
        touched_at(inserted.event_id, now()) AS seen_at
    FROM inserted
    JOIN popup ON popup.id = inserted.popup_id
), first_view AS MATERIALIZED (
    SELECT first.*, known.popup_id AS first_popup_id, first.is_holdout OR coalesce(
        known.first_day IS NOT NULL AND known.last_day >= first.day
        AND (known.popup_id IS DISTINCT FROM first.popup_id OR known.popup_last_day >= first.day), false) AS is_known
    FROM (
        SELECT DISTINCT ON (shop_id, viewer, popup_id, variant_id = 'holdout') *, variant_id = 'holdout' AS is_holdout
        FROM new_view
        ORDER BY shop_id, viewer, popup_id, variant_id = 'holdout', event_id
    ) AS first
    LEFT JOIN LATERAL (
        SELECT popup_id, first_day, last_day, popup_last_day
        FROM viewers
        WHERE viewers.shop_id = first.shop_id AND viewers.viewer = first.viewer
        OFFSET 0
    ) AS known ON true
), seen_in_shop AS (
    INSERT INTO viewers AS known (shop_id, viewer, first_day, device_type, last_day, previous_day, did, newly,
        popup_id, first_seen_at, variant_id, popup_last_day, popup_previous_day)
    SELECT DISTINCT ON (shop_id, viewer) shop_id, viewer, day, device_type, day, 'infinity'::date, 0, 0, popup_id,
        seen_at, variant_id, day, 'infinity'::date
    FROM first_view
    WHERE NOT is_known
    ORDER BY shop_id, viewer, popup_id <> first_popup_id, event_id
    ON CONFLICT (shop_id, viewer) DO UPDATE
    SET first_day = coalesce(known.first_day, excluded.first_day),
        device_type = CASE WHEN known.first_day IS NULL THEN excluded.device_type ELSE known.device_type END,
        last_day = greatest(known.last_day, excluded.last_day),
        previous_day = CASE WHEN known.first_day IS NULL THEN 'infinity' ELSE known.last_day END,
        popup_last_day = CASE WHEN known.popup_id = excluded.popup_id
            THEN greatest(known.popup_last_day, excluded.popup_last_day) ELSE known.popup_last_day END,
        popup_previous_day = known.popup_last_day
    RETURNING shop_id, viewer, popup_id, first_day, variant_id, device_type, last_day, previous_day, did,
        popup_last_day, popup_previous_day, popup_did
), seen AS (
    INSERT INTO viewers_by_popup AS known (shop_id, viewer, popup_id, is_holdout, first_seen_at, first_day,
        variant_id, device_type, last_day, previous_day, did, newly)
    SELECT shop_id, viewer, popup_id, is_holdout, seen_at, day, variant_id, device_type, day, 'infinity'::date, 0, 0
    FROM first_view
    WHERE is_holdout OR CASE WHEN is_known THEN popup_id IS DISTINCT FROM first_popup_id ELSE
        (shop_id, viewer, popup_id) NOT IN (
            SELECT shop_id, viewer, popup_id FROM seen_in_shop WHERE popup_id IS NOT NULL) END
    ORDER BY shop_id, viewer, popup_id, is_holdout
    ON CONFLICT (shop_id, viewer, popup_id, is_holdout) DO UPDATE
    SET first_seen_at = coalesce(known.first_seen_at, excluded.first_seen_at),
        first_day = coalesce(known.first_day, excluded.first_day),
        variant_id = CASE WHEN known.first_day IS NULL THEN excluded.variant_id ELSE known.variant_id END,
        device_type = CASE WHEN known.first_day IS NULL THEN excluded.device_type ELSE known.device_type END,
        last_day = excluded.last_day,
        previous_day = CASE WHEN known.first_day IS NULL THEN 'infinity' ELSE known.last_day END
    WHERE known.first_day IS NULL OR known.last_day < excluded.last_day
    RETURNING shop_id, popup_id, first_day, variant_id, device_type, last_day, previous_day, did
), seen_at_popup AS MATERIALIZED (
    SELECT * FROM seen
    UNION ALL
    SELECT shop_id, popup_id, first_day, variant_id, device_type, popup_last_day, popup_previous_day, popup_did
    FROM seen_in_shop
    WHERE popup_id IS NOT NULL
), seen_anywhere AS MATERIALIZED (
    SELECT * FROM seen_at_popup
    UNION ALL
    SELECT shop_id, '00000000-0000-0000-0000-000000000000', first_day, '', device_type, last_day, previous_day, did
    FROM seen_in_shop
), tallied AS (
    INSERT INTO daily_views AS tally (shop_id, popup_id, day, variant_id, device_type, views, viewers)
    SELECT shop_id, popup_id, day, variant_id, device_type, sum(views), sum(viewers)
    FROM (
        SELECT shop_id, popup_id, day, variant_id, device_type, 1 AS views, 0 AS viewers FROM new_view
        UNION ALL
        SELECT shop_id, popup_id, first_day, variant_id, device_type, 0, 1
        FROM seen_at_popup
        WHERE previous_day = 'infinity'
    ) AS step
    GROUP BY shop_id, popup_id, day, variant_id, device_type
    ORDER BY shop_id, popup_id, day, variant_id, device_type
    ON CONFLICT (shop_id, popup_id, day, variant_id, device_type) DO UPDATE
    SET views = tally.views + excluded.views, viewers = tally.viewers + excluded.viewers
), tallied_for_shop AS (
    INSERT INTO daily_shop_viewers AS tally (shop_id, day, device_type, viewers)
    SELECT shop_id, first_day, device_type, count(*)
    FROM seen_in_shop
    WHERE previous_day = 'infinity'
    GROUP BY shop_id, first_day, device_type
    ORDER BY shop_id, first_day, device_type
    ON CONFLICT (shop_id, day, device_type) DO UPDATE SET viewers = tally.viewers + excluded.viewers
), tallied_returns AS (
    INSERT INTO daily_returns AS tally (shop_id, popup_id, day, previous_day, variant_id, device_type, viewers)
    SELECT shop_id, popup_id, last_day, previous_day, variant_id, device_type, count(*)
    FROM seen_anywhere
    WHERE previous_day < last_day
    GROUP BY shop_id, popup_id, last_day, previous_day, variant_id, device_type
    ORDER BY shop_id, popup_id, last_day, previous_day, variant_id, device_type
    ON CONFLICT (shop_id, popup_id, day, previous_day, variant_id, device_type) DO UPDATE
    SET viewers = tally.viewers + excluded.viewers
), tallied_converters AS (
    INSERT INTO daily_converters AS tally (shop_id, popup_id, day, variant_id, device_type, type, converters)
    SELECT shop_id, popup_id, first_day, variant_id, device_type, type, count(*)
    FROM seen_anywhere
    JOIN (VALUES ('click', 1), ('email_capture', 2), ('discount_code_used', 4)) AS kind (type, bit)
        ON did & bit <> 0
    WHERE did <> 0 AND previous_day = 'infinity'
    GROUP BY shop_id, popup_id, first_day, variant_id, device_type, type
    ORDER BY shop_id, popup_id, first_day, variant_id, device_type, type
    ON CONFLICT (shop_id, popup_id, day, variant_id, device_type, type) DO UPDATE
    SET converters = tally.converters + excluded.converters
), newest_order AS MATERIALIZED (
    SELECT shop.shop_id, (
        SELECT max(orders.ordered_at)
        FROM orders
        WHERE orders.shop_id = shop.shop_id AND orders.state = 'counted'
    ) AS ordered_at
    FROM (SELECT DISTINCT shop_id FROM popup) AS shop
), late AS MATERIALIZED (
    SELECT DISTINCT bought.shop_id, bought.order_id
    FROM (
        SELECT shop_id, viewer, seen_at FROM new_view
        -- if full
        UNION ALL
        SELECT shop_id, viewer, touched_at(event_id, now()) FROM new_signal WHERE kind = 'exposure'
        -- end
    ) AS touch
    JOIN newest_order ON newest_order.shop_id = touch.shop_id AND newest_order.ordered_at >= touch.seen_at
    CROSS JOIN LATERAL (
        SELECT orders.shop_id, orders.order_id
        FROM orders
        WHERE orders.shop_id = touch.shop_id AND orders.viewer = touch.viewer
          AND orders.ordered_at >= touch.seen_at AND orders.ordered_at > now() - interval '7 days'
          AND orders.state = 'counted'
        OFFSET 0
    ) AS bought
), waiting AS (
    INSERT INTO orders_to_credit (shop_id, order_id)
    SELECT shop_id, order_id FROM late ORDER BY shop_id, order_id
    ON CONFLICT DO NOTHING
-- if full
), tallied_signals AS (
    INSERT INTO daily_signals AS tally (shop_id, popup_id, day, variant_id, device_type, kind, signals)
    SELECT shop_id, popup_id, day, variant_id, device_type, kind, count(*)
    FROM new_signal
    GROUP BY shop_id, popup_id, day, variant_id, device_type, kind
    ORDER BY shop_id, popup_id, day, variant_id, device_type, kind
    ON CONFLICT (shop_id, popup_id, day, variant_id, device_type, kind) DO UPDATE
    SET signals = tally.signals + excluded.signals
), comparison AS MATERIALIZED (
    SELECT shop_id, id AS popup_id, stretch, holdout_percent, experiment, currency, ARRAY(
            SELECT variant - 'design' - 'offer' FROM jsonb_array_elements(variants) AS variant
        ) AS variants
    FROM popup
    WHERE is_compared
    UNION ALL
    SELECT DISTINCT shop_id, '00000000-0000-0000-0000-000000000000'::uuid, shop_holdout_stretch,
        shop_holdout_percent, '{}'::jsonb, currency, '{}'::jsonb[]
    FROM popup
    WHERE shop_holdout_percent > 0
), meeting AS MATERIALIZED (
    SELECT new_view.shop_id, new_view.popup_id, popup.stretch, new_view.viewer, new_view.variant_id,
        new_view.event_id, CASE WHEN new_view.variant_id = 'holdout' AND (
            SELECT begun.exposed_at
            FROM experiment_stretches AS begun
            WHERE begun.shop_id = popup.shop_id AND begun.popup_id = popup.id AND begun.stretch = popup.stretch
        ) IS NOT NULL THEN 2 ELSE 1 END AS met_by
    FROM new_view
    JOIN popup ON popup.id = new_view.popup_id
    WHERE popup.is_compared
    UNION ALL
    SELECT new_signal.shop_id, new_signal.popup_id, popup.stretch, new_signal.viewer, new_signal.variant_id,
        new_signal.event_id, 2
    FROM new_signal
    JOIN popup ON popup.id = new_signal.popup_id
    WHERE popup.is_compared AND new_signal.kind = 'exposure' AND new_signal.variant_id <> 'shop_holdout'
    UNION ALL
    SELECT new_signal.shop_id, '00000000-0000-0000-0000-000000000000', popup.shop_holdout_stretch,
        new_signal.viewer, CASE WHEN new_signal.variant_id = 'shop_holdout' THEN 'shop_holdout' ELSE '' END,
        new_signal.event_id, 2
    FROM new_signal
    JOIN popup ON popup.id = new_signal.popup_id
    WHERE popup.shop_holdout_percent > 0 AND new_signal.kind = 'exposure'
), begun AS (
    INSERT INTO experiment_stretches AS known (shop_id, popup_id, stretch, variants, holdout_percent, experiment,
        currency, viewed_at, exposed_at)
    SELECT comparison.shop_id, comparison.popup_id, comparison.stretch, to_jsonb(comparison.variants),
        comparison.holdout_percent, comparison.experiment, comparison.currency,
        CASE WHEN first.is_viewed THEN now() END, CASE WHEN first.is_exposed THEN now() END
    FROM (
        SELECT shop_id, popup_id, stretch, bool_or(variant_id NOT IN ('holdout', 'shop_holdout')) AS is_viewed,
            bool_or(met_by = 2 AND variant_id NOT IN ('holdout', 'shop_holdout')) AS is_exposed
        FROM meeting
        GROUP BY shop_id, popup_id, stretch
    ) AS first
    JOIN comparison USING (shop_id, popup_id, stretch)
    LEFT JOIN experiment_stretches AS stored USING (shop_id, popup_id, stretch)
    WHERE stored.stretch IS NULL OR first.is_viewed AND stored.viewed_at IS NULL
        OR first.is_exposed AND stored.exposed_at IS NULL
    ORDER BY shop_id, popup_id, stretch
    ON CONFLICT (shop_id, popup_id, stretch) DO UPDATE
    SET viewed_at = coalesce(known.viewed_at, excluded.viewed_at),
        exposed_at = coalesce(known.exposed_at, excluded.exposed_at)
), met_in_stretch AS (
    INSERT INTO stretch_viewers AS known (shop_id, viewer, popup_id, stretch, met_at, variant_id, met_by, is_in_two)
    SELECT shop_id, viewer, popup_id, stretch, min(touched_at(event_id, now())),
        (array_agg(variant_id ORDER BY met_by DESC, event_id))[1], max(met_by), count(DISTINCT variant_id) > 1
    FROM meeting
    GROUP BY shop_id, viewer, popup_id, stretch
    ORDER BY shop_id, viewer, popup_id, stretch
    ON CONFLICT (shop_id, viewer, popup_id, stretch) DO UPDATE
    SET met_at = CASE WHEN known.met_by = 0 THEN excluded.met_at ELSE least(known.met_at, excluded.met_at) END,
        variant_id = CASE WHEN known.met_by = 0 THEN excluded.variant_id ELSE known.variant_id END,
        met_by = greatest(known.met_by, excluded.met_by), met_by_before = known.met_by,
        is_in_two = known.is_in_two OR excluded.is_in_two
            OR known.met_by > 0 AND known.variant_id <> excluded.variant_id,
        was_in_two = known.is_in_two
    WHERE known.met_by < excluded.met_by OR known.met_at > excluded.met_at
        OR NOT known.is_in_two AND (excluded.is_in_two OR known.variant_id <> excluded.variant_id)
    RETURNING shop_id, popup_id, stretch, variant_id, met_by, met_by_before, is_in_two, was_in_two, did, orders,
        left_out, paid, capped
), tallied_stretches AS (
    INSERT INTO stretch_tallies AS tally (shop_id, popup_id, stretch, variant_id, met_by, viewers, in_two, clicked,
        captured, used_code, bought, left_out, paid, paid_squares, capped, capped_squares, capped_cubes)
    SELECT shop_id, popup_id, stretch, variant_id, met_by, sum(sign), sum(sign * is_in_two::integer),
        sum(sign * (did & 1)), sum(sign * (did >> 1 & 1)), sum(sign * (did >> 2 & 1)),
        sum(sign * least(orders, 1)), sum(sign * left_out), sum(sign * paid), sum(sign * paid * paid),
        sum(sign * capped), sum(sign * capped * capped), sum(sign * capped * capped * capped)
    FROM (
        SELECT shop_id, popup_id, stretch, variant_id, met_by, 1 AS sign, is_in_two, did, orders, left_out, paid,
            capped
        FROM met_in_stretch
        UNION ALL
        SELECT shop_id, popup_id, stretch, variant_id, met_by_before, -1, was_in_two, did, orders, left_out, paid,
            capped
        FROM met_in_stretch
        WHERE met_by_before > 0
    ) AS step
    GROUP BY shop_id, popup_id, stretch, variant_id, met_by
    ORDER BY shop_id, popup_id, stretch, variant_id, met_by
    ON CONFLICT (shop_id, popup_id, stretch, variant_id, met_by) DO UPDATE
    SET viewers = tally.viewers + excluded.viewers, in_two = tally.in_two + excluded.in_two,
        clicked = tally.clicked + excluded.clicked, captured = tally.captured + excluded.captured,
        used_code = tally.used_code + excluded.used_code, bought = tally.bought + excluded.bought,
        left_out = tally.left_out + excluded.left_out, paid = tally.paid + excluded.paid,
        paid_squares = tally.paid_squares + excluded.paid_squares, capped = tally.capped + excluded.capped,
        capped_squares = tally.capped_squares + excluded.capped_squares,
        capped_cubes = tally.capped_cubes + excluded.capped_cubes
-- end
)
SELECT position, NULL AS shop_id, NULL AS popup_id, refusal, NULL AS near_limit, NULL AS has_late
FROM given
WHERE refusal IS NOT NULL
UNION ALL
SELECT NULL, shop_id, id, NULL, view_limit IS NOT NULL AND view_limit - 10000 <= (
    SELECT coalesce(sum(views), 0)
    FROM daily_views AS tally
    WHERE (tally.shop_id, tally.popup_id) = (popup.shop_id, popup.id) AND tally.variant_id <> 'holdout'
), (SELECT count(*) FROM late WHERE late.shop_id = popup.shop_id) > 0
FROM popup
WHERE id IN (
    SELECT popup_id FROM inserted
    -- if full
    UNION
    SELECT popup_id FROM new_signal
    -- end
)
