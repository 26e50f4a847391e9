-- Credits each open order to the last click or capture and to the last view before it, none older than 30 days, and to
-- a popup by code: of the popups that offer one of the order's codes, the one that the viewer met last, however long
-- ago; if the viewer met none, the popup that alone offers the first such code. A viewer who was held out has met
-- nothing.
--
-- The credit outlives its events and offers: the order remembers what it was credited by, and only a later touch
-- replaces that. An order of :whole_since or later is credited by the stored touches alone: all are stored, except those
-- of deleted popups. An order with a new viewer is credited again; one whose viewer's name was removed with the events
-- keeps its credit.
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
