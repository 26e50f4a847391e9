-- Sets each open order's viewer, by the first of these that is known: the visitor in a trusted report, the holder of a
-- single-use code, the subscriber with the address, the browser that reported the order within a day. A subscriber
-- stands for the viewer with whom the address was last captured before the order. A viewer without a name was reported
-- by a browser, and the name has been removed since (`popups retain`).
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
