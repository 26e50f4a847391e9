-- The popup of events that name only their shop: of those that offer the code the one that the viewer met last, or the
-- only one; else that of the last click or capture in the week before, else of the last view in it.
WITH event AS MATERIALIZED (
    SELECT position, viewer, upper(normalize(code, NFKC)) AS code, touched_at(event_id, now()) AS at
    FROM json_to_recordset(:events) AS event (position integer, event_id uuid, viewer text, code text)
), touch AS MATERIALIZED (
    SELECT event.position, stored.*, stored.at >= event.at - interval '7 days' AS is_in_window
    FROM event
    CROSS JOIN LATERAL (
        SELECT event_id, popup_id, variant_id, touched_at(event_id, viewed_at) AS at, false AS is_click
        FROM popup_views
        WHERE shop_id = :shop_id AND coalesce(visitor_id, session_id) = event.viewer
          AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, event.viewer)
        UNION ALL
        SELECT event_id, popup_id, variant_id, touched_at(event_id, converted_at), true
        FROM popup_conversions
        WHERE shop_id = :shop_id AND coalesce(visitor_id, session_id) = event.viewer
          AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, event.viewer)
          AND type IN ('click', 'email_capture')
    ) AS stored
    WHERE stored.at <= event.at AND coalesce(stored.variant_id, '') NOT IN ('holdout', 'shop_holdout')
), offered AS MATERIALIZED (
    SELECT DISTINCT event.position, popups.id AS popup_id
    FROM event
    CROSS JOIN LATERAL (
        SELECT code.id
        FROM discount_codes AS code
        WHERE code.shop_id = :shop_id AND upper(normalize(code.code, NFKC)) = event.code
        UNION
        SELECT pool.discount_code_id
        FROM single_use_codes AS pool
        WHERE pool.shop_id = :shop_id AND upper(normalize(pool.code, NFKC)) = event.code
    ) AS code
    JOIN popups ON popups.shop_id = :shop_id AND popups.deleted_at IS NULL AND jsonb_path_exists(
        jsonb_build_array(popups.offer, jsonb_path_query_array(popups.variants, '$[*].offer')),
        '$.** ? (@.discount_code_id == $id || @.fallback_discount_code_id == $id)',
        jsonb_build_object('id', code.id)
    )
), possible AS (
    SELECT touch.position, 1 AS choice, touch.popup_id, touch.at, touch.event_id
    FROM touch
    JOIN offered ON offered.position = touch.position AND offered.popup_id = touch.popup_id
    UNION ALL
    SELECT position, 2, (array_agg(popup_id))[1], NULL, NULL
    FROM offered
    GROUP BY position
    HAVING count(*) = 1
    UNION ALL
    SELECT position, CASE WHEN is_click THEN 3 ELSE 4 END, popup_id, at, event_id
    FROM touch
    WHERE is_in_window
)
SELECT DISTINCT ON (possible.position) possible.position, possible.popup_id
FROM possible
JOIN popups ON popups.shop_id = :shop_id AND popups.id = possible.popup_id AND popups.deleted_at IS NULL
ORDER BY possible.position, possible.choice, possible.at DESC, possible.event_id DESC
