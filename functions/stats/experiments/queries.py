"""The SQL of experiments."""

from __future__ import annotations

# A comparison begins with the first viewer who was shown the popup.
SELECT_EXPERIMENT = """
    SELECT popups.variants, popups.offer ->> 'type' AS offer_type, popups.holdout_percent, shops.currency,
        begun.started_at, (extract(epoch FROM now() - begun.started_at) / 86400)::float8 AS days, (
            SELECT coalesce(sum(events), 0)::bigint
            FROM daily_crawlers
            WHERE daily_crawlers.shop_id = :shop_id AND daily_crawlers.popup_id = :popup_id
              AND daily_crawlers.day >= (begun.started_at AT TIME ZONE shops.time_zone)::date
        ) AS crawlers
    FROM popups
    JOIN shops ON shops.id = popups.shop_id
    CROSS JOIN LATERAL (
        SELECT min(viewed_at) AS started_at
        FROM popup_views
        WHERE popup_views.shop_id = :shop_id AND popup_views.popup_id = :popup_id
          AND popup_views.variant_id IS DISTINCT FROM 'holdout'
    ) AS begun
    WHERE popups.shop_id = :shop_id AND popups.id = :popup_id AND popups.deleted_at IS NULL
"""

# People, not events: who clicks three times is one converter, and what a viewer paid in all is one value. Amounts in
# other currencies than the shop's are left out.
SELECT_ARMS = """
    SELECT viewed.variant_id, viewed.viewers, coalesce(done.converters, 0) AS converters,
        coalesce(done.total, 0) AS total, coalesce(done.squares, 0) AS squares, coalesce(done.cubes, 0) AS cubes
    FROM (
        SELECT variant_id, sum(viewers)::bigint AS viewers
        FROM daily_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id
        GROUP BY variant_id
    ) AS viewed
    LEFT JOIN (
        SELECT variant_id, count(*) AS converters, sum(paid) AS total, sum(paid ^ 2) AS squares, sum(paid ^ 3) AS cubes
        FROM (
            SELECT coalesce(variant_id, '') AS variant_id,
                coalesce(sum(revenue) FILTER (WHERE currency = :currency), 0) AS paid
            FROM popup_conversions
            WHERE shop_id = :shop_id AND popup_id = :popup_id AND type = :type
            GROUP BY coalesce(variant_id, ''), coalesce(visitor_id, session_id)
        ) AS viewer
        GROUP BY variant_id
    ) AS done USING (variant_id)
"""
