"""The SQL of experiments: sums over viewers, never events. Each report is two statements."""

from __future__ import annotations

# A comparison begins with the first visitor who was shown the popup: by an exposure, where those are sent.
SELECT_EXPERIMENT = """
    SELECT popups.variants AS popup_variants, popups.offer ->> 'type' AS offer_type, shops.currency AS shop_currency,
        popups.holdout_percent AS popup_holdout_percent, popups.experiment AS popup_experiment,
        popups.stretch AS newest_stretch, asked.stretch, begun.variants, begun.holdout_percent, begun.experiment,
        begun.currency, begun.changed, begun.exposed_at IS NOT NULL AS is_exposed, started.started_at,
        (extract(epoch FROM coalesce(begun.ended_at, now()) - started.started_at) / 86400)::float8 AS days, (
            SELECT coalesce(sum(events), 0)::bigint
            FROM daily_crawlers
            WHERE daily_crawlers.shop_id = :shop_id AND daily_crawlers.popup_id = :popup_id
              AND daily_crawlers.day >= (started.started_at AT TIME ZONE shops.time_zone)::date
              AND daily_crawlers.day <= (coalesce(begun.ended_at, now()) AT TIME ZONE shops.time_zone)::date
        ) AS crawlers
    FROM popups
    JOIN shops ON shops.id = :shop_id
    CROSS JOIN LATERAL (SELECT coalesce((:stretch)::integer, popups.stretch) AS stretch) AS asked
    LEFT JOIN experiment_stretches AS begun ON begun.shop_id = :shop_id AND begun.popup_id = popups.id
        AND begun.stretch = asked.stretch
    CROSS JOIN LATERAL (SELECT coalesce(begun.exposed_at, begun.viewed_at) AS started_at) AS started
    WHERE popups.shop_id = :shop_id AND popups.id = :popup_id AND popups.deleted_at IS NULL
"""

# The arms' viewers: if exposures are sent, those who met the variant by an exposure (met_by 2), else all who met it.
SELECT_ARMS = """
    SELECT variant_id, sum(viewers)::bigint AS viewers, sum(in_two)::bigint AS in_two, sum(clicked)::bigint AS clicked,
        sum(captured)::bigint AS captured, sum(bought)::bigint AS bought,
        sum(left_out)::bigint AS left_out, sum(capped) AS total, sum(capped_squares) AS squares,
        sum(capped_cubes) AS cubes
    FROM stretch_tallies
    WHERE shop_id = :shop_id AND popup_id = :popup_id AND stretch = :stretch AND (met_by = 2 OR NOT :is_exposed)
    GROUP BY variant_id
"""

# The current shop-wide holdout, a row for each arm; the first column is NULL until a visitor has met it.
SELECT_SHOP_HOLDOUT = """
    SELECT tally.variant_id, tally.viewers, tally.bought, tally.capped AS total, tally.capped_squares AS squares,
        tally.capped_cubes AS cubes, shops.currency AS shop_currency, shops.shop_holdout_percent AS holdout_percent,
        begun.currency, begun.exposed_at AS started_at,
        (extract(epoch FROM now() - begun.exposed_at) / 86400)::float8 AS days
    FROM shops
    LEFT JOIN experiment_stretches AS begun ON begun.shop_id = :shop_id
        AND begun.popup_id = '00000000-0000-0000-0000-000000000000' AND begun.stretch = shops.shop_holdout_stretch
    LEFT JOIN stretch_tallies AS tally ON tally.shop_id = :shop_id AND tally.popup_id = begun.popup_id
        AND tally.stretch = begun.stretch AND tally.met_by = 2
    WHERE shops.id = :shop_id
"""
