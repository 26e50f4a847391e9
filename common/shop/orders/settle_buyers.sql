-- Marks the viewers who bought within 7 days after they first saw a popup (bit 8 of `did`), and tallies them in the
-- group where they first saw it. Unconfirmed orders do not count. The row in `viewers` has a bit for the shop and one
-- for the popup first seen.
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
    SELECT seen.viewer, seen.popup_id, seen.is_holdout, seen.is_first, seen.first_seen_at, EXISTS (
        SELECT
        FROM bought
        WHERE bought.viewer = seen.viewer AND bought.ordered_at >= seen.first_seen_at
          AND bought.ordered_at <= seen.first_seen_at + interval '7 days'
    ) AS is_buyer
    FROM named
    CROSS JOIN LATERAL (
        -- OFFSET 0 has each viewer looked up by key: joined plainly, half of the view would be read for the whole shop.
        SELECT *
        FROM viewers_of_popups AS known
        WHERE known.shop_id = :shop_id AND known.viewer = named.viewer
        OFFSET 0
    ) AS seen
    WHERE seen.first_seen_at IS NOT NULL
), of_shop AS (
    UPDATE viewers AS known
    SET did = known.did & ~8 | seen.bit, newly = known.did & 8 # seen.bit,
        popup_did = known.popup_did & ~8 | seen.popup_bit, popup_newly = known.popup_did & 8 # seen.popup_bit
    FROM (
        SELECT seen.viewer, 8 * EXISTS (
            SELECT
            FROM bought
            WHERE bought.viewer = seen.viewer AND bought.ordered_at >= min(seen.first_seen_at)
              AND bought.ordered_at <= min(seen.first_seen_at) + interval '7 days'
        )::integer AS bit, 8 * bool_or(seen.is_buyer AND seen.is_first)::integer AS popup_bit
        FROM seen
        WHERE NOT seen.is_holdout
        GROUP BY seen.viewer
    ) AS seen
    WHERE known.shop_id = :shop_id AND known.viewer = seen.viewer AND known.first_day IS NOT NULL
      AND (known.did & 8 <> seen.bit OR known.popup_did & 8 <> seen.popup_bit)
    RETURNING known.popup_id, known.first_day AS day, known.variant_id, known.device_type, known.did, known.newly,
        known.popup_did, known.popup_newly
), of_popup AS (
    UPDATE viewers_by_popup AS known
    SET did = known.did # 8
    FROM seen
    WHERE known.shop_id = :shop_id AND known.viewer = seen.viewer AND known.popup_id = seen.popup_id
      AND known.is_holdout = seen.is_holdout AND NOT seen.is_first AND (known.did & 8 <> 0) <> seen.is_buyer
    RETURNING known.popup_id, known.first_day AS day, known.variant_id, known.device_type, known.did
)
INSERT INTO daily_converters AS tally (shop_id, popup_id, day, variant_id, device_type, type, converters)
SELECT :shop_id, popup_id, day, variant_id, device_type, 'purchase',
    sum(CASE WHEN did & 8 <> 0 THEN 1 ELSE -1 END)
FROM (
    SELECT '00000000-0000-0000-0000-000000000000'::uuid AS popup_id, day, '' AS variant_id, device_type, did
    FROM of_shop
    WHERE newly <> 0
    UNION ALL
    SELECT popup_id, day, variant_id, device_type, popup_did
    FROM of_shop
    WHERE popup_newly <> 0 AND popup_id IS NOT NULL
    UNION ALL
    SELECT popup_id, day, variant_id, device_type, did FROM of_popup
) AS changed
GROUP BY popup_id, day, variant_id, device_type
ORDER BY popup_id, day, variant_id, device_type
ON CONFLICT (shop_id, popup_id, day, variant_id, device_type, type) DO UPDATE
SET converters = tally.converters + excluded.converters
RETURNING popup_id
