"""The SQL that makes the example shop's comparisons of its events, as the functions would have."""

# A viewer is of the arm first met; the popup's edits have raised the stretch before any of these views.
BEGIN_STRETCHES = """
    INSERT INTO experiment_stretches (shop_id, popup_id, stretch, variants, holdout_percent, experiment, currency,
        viewed_at)
    SELECT popups.shop_id, popups.id, popups.stretch, (
            SELECT jsonb_agg(variant - 'design' - 'offer') FROM jsonb_array_elements(popups.variants) AS variant
        ), popups.holdout_percent, popups.experiment, shops.currency, (
            SELECT min(viewed_at)
            FROM popup_views
            WHERE popup_views.shop_id = :shop_id AND popup_id = popups.id AND variant_id IN ('a', 'b')
        )
    FROM popups
    JOIN shops ON shops.id = popups.shop_id
    WHERE popups.shop_id = :shop_id AND popups.variants <> '[]'
"""

INSERT_STRETCH_VIEWERS = """
    INSERT INTO stretch_viewers (shop_id, viewer, popup_id, stretch, met_at, variant_id, met_by, did, orders, paid,
        capped)
    SELECT :shop_id, met.viewer, met.popup_id, met.stretch, met.met_at, met.variant_id, 1, done.did, done.orders,
        done.paid, done.paid
    FROM (
        SELECT DISTINCT ON (seen.popup_id, coalesce(seen.visitor_id, seen.session_id))
            viewer_hash(shops.viewer_salt, coalesce(seen.visitor_id, seen.session_id)) AS viewer,
            coalesce(seen.visitor_id, seen.session_id) AS name, seen.popup_id, begun.stretch, seen.variant_id,
            seen.viewed_at AS met_at
        FROM experiment_stretches AS begun
        JOIN shops ON shops.id = begun.shop_id
        JOIN popup_views AS seen ON seen.shop_id = :shop_id AND seen.popup_id = begun.popup_id
            AND seen.viewed_at >= begun.viewed_at
        WHERE begun.shop_id = :shop_id AND seen.variant_id IS NOT NULL
        ORDER BY seen.popup_id, coalesce(seen.visitor_id, seen.session_id), seen.viewed_at
    ) AS met
    LEFT JOIN LATERAL (
        SELECT coalesce(bit_or(conversion_bit(type)), 0::smallint) AS did,
            (count(*) FILTER (WHERE type = 'purchase'))::integer AS orders,
            coalesce(sum(revenue) FILTER (WHERE type = 'purchase'), 0) AS paid
        FROM popup_conversions
        WHERE popup_conversions.shop_id = :shop_id AND popup_id = met.popup_id
          AND coalesce(visitor_id, session_id) = met.name AND converted_at >= met.met_at
    ) AS done ON true
    ORDER BY met.viewer, met.popup_id
"""

INSERT_STRETCH_TALLIES = """
    INSERT INTO stretch_tallies (shop_id, popup_id, stretch, variant_id, met_by, viewers, clicked, captured, used_code,
        bought, paid, paid_squares, capped, capped_squares, capped_cubes)
    SELECT :shop_id, popup_id, stretch, variant_id, met_by, count(*), sum(did & 1), sum(did >> 1 & 1),
        sum(did >> 2 & 1), sum(least(orders, 1)), sum(paid), sum(paid * paid), sum(capped), sum(capped * capped),
        sum(capped * capped * capped)
    FROM stretch_viewers
    WHERE shop_id = :shop_id
    GROUP BY popup_id, stretch, variant_id, met_by
"""

COMPARE = (BEGIN_STRETCHES, INSERT_STRETCH_VIEWERS, INSERT_STRETCH_TALLIES)
