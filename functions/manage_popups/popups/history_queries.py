"""The SQL of a popup's history."""

from __future__ import annotations

# One row without a version if the popup has none before that one, none for an unknown popup. As many as fit into a
# page's bytes, and one more, to which the page's last version is compared.
SELECT_VERSIONS = """
    SELECT kept.version, kept.action, kept.restored_version, kept.changed_at, kept.popup, kept.bytes_so_far,
        kept.api_key_id, api_keys.name AS api_key_name, api_keys.prefix AS api_key_prefix
    FROM popups
    LEFT JOIN (
        SELECT popup_versions.*, row_number() OVER newest_first AS place,
            coalesce(octet_length(popup::text), 0) AS bytes,
            sum(coalesce(octet_length(popup::text), 0)) OVER newest_first AS bytes_so_far
        FROM popup_versions
        WHERE shop_id = :shop_id AND popup_id = :id AND version < :before_version
        WINDOW newest_first AS (ORDER BY version DESC ROWS UNBOUNDED PRECEDING)
        ORDER BY version DESC
        LIMIT :limit
    ) AS kept ON kept.shop_id = :shop_id AND kept.popup_id = popups.id
        AND (place <= 2 OR bytes_so_far - bytes <= :most_bytes)
    LEFT JOIN api_keys ON api_keys.shop_id = :shop_id AND api_keys.id = kept.api_key_id
    WHERE popups.shop_id = :shop_id AND popups.id = :id AND popups.deleted_at IS NULL
    ORDER BY kept.version DESC
"""

# The current popup, and the same popup in an earlier version.
SELECT_POPUP_AND_EARLIER = """
    SELECT popups.*, popups.experiment, counted.view_count, counted.conversion_count, kept.popup AS earlier
    FROM popups
    LEFT JOIN popup_versions AS kept ON kept.shop_id = :shop_id AND kept.popup_id = popups.id
        AND kept.version = :version
    CROSS JOIN LATERAL (
        SELECT
            (SELECT coalesce(sum(views), 0)::bigint FROM daily_views AS tally
             WHERE tally.shop_id = :shop_id AND tally.popup_id = popups.id AND variant_id <> 'holdout'
            ) AS view_count,
            (SELECT coalesce(sum(conversions), 0)::bigint FROM daily_conversions AS tally
             WHERE tally.shop_id = :shop_id AND tally.popup_id = popups.id AND variant_id <> 'holdout'
            ) AS conversion_count
    ) AS counted
    WHERE popups.shop_id = :shop_id AND popups.id = :id AND deleted_at IS NULL
"""
