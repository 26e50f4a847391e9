"""The SQL of a popup's history."""

from __future__ import annotations

# One row without a version for a popup that has none before that one, none for an unknown popup.
SELECT_VERSIONS = """
    SELECT kept.version, kept.action, kept.restored_version, kept.changed_at, kept.popup,
        kept.api_key_id, api_keys.name AS api_key_name, api_keys.prefix AS api_key_prefix
    FROM popups
    LEFT JOIN popup_versions AS kept ON (kept.shop_id, kept.popup_id) = (popups.shop_id, popups.id)
        AND kept.version < :before_version
    LEFT JOIN api_keys ON (api_keys.shop_id, api_keys.id) = (kept.shop_id, kept.api_key_id)
    WHERE popups.shop_id = :shop_id AND popups.id = :id AND popups.deleted_at IS NULL
    ORDER BY kept.version DESC
    LIMIT :limit
"""

# The popup as it is, and beside it what it was in an earlier version.
SELECT_POPUP_AND_EARLIER = """
    SELECT popups.*, counted.view_count, counted.conversion_count, kept.popup AS earlier
    FROM popups
    LEFT JOIN popup_versions AS kept ON (kept.shop_id, kept.popup_id) = (popups.shop_id, popups.id)
        AND kept.version = :version
    CROSS JOIN LATERAL (
        SELECT
            (SELECT coalesce(sum(views), 0)::bigint FROM daily_views AS tally
             WHERE (tally.shop_id, tally.popup_id) = (popups.shop_id, popups.id) AND variant_id <> 'holdout'
            ) AS view_count,
            (SELECT coalesce(sum(conversions), 0)::bigint FROM daily_conversions AS tally
             WHERE (tally.shop_id, tally.popup_id) = (popups.shop_id, popups.id) AND variant_id <> 'holdout'
            ) AS conversion_count
    ) AS counted
    WHERE popups.shop_id = :shop_id AND popups.id = :id AND deleted_at IS NULL
"""
