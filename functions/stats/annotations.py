"""What was changed in a popup during a report's days, for the chart."""

from __future__ import annotations

from typing import Any

from common import postgres
from common.postgres import Row
from functions.stats.periods import Period

# The newest hundred in the period, each with the fields that differ from the version before, where that is still known.
SELECT_EDITS = """
    SELECT edit.version, edit.action, edit.changed_at, (edit.changed_at AT TIME ZONE :time_zone)::date AS day,
        (SELECT api_keys.name FROM api_keys WHERE api_keys.shop_id = :shop_id AND api_keys.id = edit.api_key_id
        ) AS api_key_name,
        ARRAY(
            SELECT field.name
            FROM jsonb_object_keys(edit.popup) AS field (name)
            WHERE before.popup IS NOT NULL AND edit.popup -> field.name IS DISTINCT FROM before.popup -> field.name
            ORDER BY field.name
        ) AS changed_fields,
        edit.popup ->> 'status' AS status
    FROM (
        SELECT version, action, changed_at, api_key_id, popup
        FROM popup_versions
        WHERE shop_id = :shop_id AND popup_id = :popup_id
          AND changed_at >= (:first)::date::timestamp AT TIME ZONE :time_zone
          AND changed_at < ((:last)::date + 1)::timestamp AT TIME ZONE :time_zone
        ORDER BY version DESC
        LIMIT 100
    ) AS edit
    LEFT JOIN popup_versions AS before ON before.shop_id = :shop_id AND before.popup_id = :popup_id
        AND before.version = edit.version - 1
    ORDER BY edit.version DESC
"""


def fetch_annotations(
    connection: postgres.Connection, popup: dict[str, Any], shop: Row, period: Period
) -> list[dict[str, Any]]:
    """Return the edits of the period, oldest first."""
    edits = connection.fetch_all(SELECT_EDITS, **popup, time_zone=shop["time_zone"], **period)
    return [dict(edit) for edit in reversed(edits)]
