"""Delete the data of popups that were deleted more than 30 days ago, when they can no longer be restored.

Their events, viewers and tallies, and finally their rows.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from cli.batches import BATCH_ROWS, run_batch, run_batches
from common import cache
from common.cache import keys
from common.postgres.driver import Connection
from common.shop.events import LOCK_VIEWERS
from functions.manage_popups.popups.restore import RESTORABLE_DAYS

KEPT = timedelta(days=RESTORABLE_DAYS, minutes=1)
"""A minute longer than a popup can be restored, since this machine's clock may be ahead of the database's."""

SELECT_DELETED_POPUPS = """
    SELECT shop_id, id AS popup_id
    FROM popups
    WHERE deleted_at < :deleted_before
    ORDER BY shop_id, id
"""

# The ids to delete come as an array, which Postgres can only look up by the key.
DELETE_EVENTS = {
    "popup_views": """
        WITH gone AS (
            DELETE FROM popup_views
            WHERE shop_id = :shop_id AND event_id = ANY (ARRAY(
                SELECT event_id
                FROM popup_views
                WHERE shop_id = :shop_id AND popup_id = :popup_id
                ORDER BY popup_id, viewed_at
                LIMIT :batch_rows))
            RETURNING event_id
        ), forgotten AS (
            DELETE FROM foreign_event_ids
            WHERE shop_id = :shop_id AND kind = 'view' AND event_id = ANY (ARRAY(SELECT event_id FROM gone))
        )
        SELECT count(*) AS count FROM gone
    """,
    "popup_conversions": """
        WITH gone AS (
            DELETE FROM popup_conversions
            WHERE shop_id = :shop_id AND event_id = ANY (ARRAY(
                SELECT event_id
                FROM popup_conversions
                WHERE shop_id = :shop_id AND popup_id = :popup_id
                ORDER BY popup_id, type, converted_at
                LIMIT :batch_rows))
            RETURNING event_id
        ), forgotten AS (
            DELETE FROM foreign_event_ids
            WHERE shop_id = :shop_id AND kind = 'conversion' AND event_id = ANY (ARRAY(SELECT event_id FROM gone))
        )
        SELECT count(*) AS count FROM gone
    """,
}

# A popup's viewers leave the shop's too, unless another popup saw them: then their first day there counts. In the order
# of the key from where the last batch ended, so that none reads what the ones before it have left dead.
DELETE_VIEWERS = """
    WITH gone AS (
        DELETE FROM popup_viewers
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND viewer = ANY (ARRAY(
            SELECT viewer
            FROM popup_viewers
            WHERE shop_id = :shop_id AND popup_id = :popup_id AND viewer > :after
            ORDER BY viewer
            LIMIT :batch_rows))
        RETURNING viewer
    ), known AS MATERIALIZED (
        SELECT viewer, day, device_type
        FROM shop_viewers
        WHERE shop_id = :shop_id AND viewer = ANY (ARRAY(SELECT viewer FROM gone))
    ), elsewhere AS MATERIALIZED (
        SELECT known.viewer, seen.day, seen.device_type
        FROM known
        CROSS JOIN LATERAL (
            SELECT other.day, other.device_type
            FROM popup_viewers AS other
            WHERE other.shop_id = :shop_id AND other.viewer = known.viewer AND other.popup_id <> :popup_id
              AND NOT other.is_holdout
            ORDER BY other.day, other.device_type <> known.device_type
            LIMIT 1
        ) AS seen
    ), forgotten AS (
        DELETE FROM shop_viewers
        WHERE shop_id = :shop_id
          AND viewer = ANY (ARRAY(SELECT viewer FROM known EXCEPT SELECT viewer FROM elsewhere))
    ), moved AS (
        UPDATE shop_viewers
        SET day = elsewhere.day, device_type = elsewhere.device_type
        FROM elsewhere
        WHERE shop_id = :shop_id AND shop_viewers.viewer = ANY (ARRAY(SELECT viewer FROM elsewhere))
          AND shop_viewers.viewer = elsewhere.viewer
          AND (shop_viewers.day, shop_viewers.device_type) <> (elsewhere.day, elsewhere.device_type)
    ), tallied AS (
        INSERT INTO daily_shop_viewers AS tally (shop_id, day, device_type, viewers)
        SELECT :shop_id, day, device_type, sum(step)
        FROM (
            SELECT day, device_type, -1 AS step FROM known UNION ALL SELECT day, device_type, 1 FROM elsewhere
        ) AS change
        GROUP BY day, device_type
        HAVING sum(step) <> 0
        ORDER BY day, device_type
        ON CONFLICT (shop_id, day, device_type) DO UPDATE SET viewers = tally.viewers + excluded.viewers
    )
    SELECT max(viewer) AS last FROM gone
"""

DELETE_TALLIES = """
    WITH views AS (DELETE FROM daily_views WHERE (shop_id, popup_id) = (:shop_id, :popup_id))
    DELETE FROM daily_conversions WHERE (shop_id, popup_id) = (:shop_id, :popup_id)
"""

DELETE_POPUPS = "DELETE FROM popups WHERE deleted_at < :deleted_before"


def delete_deleted_popups(connection: Connection, now: datetime, say: Callable[[str], None]) -> None:
    deleted_before = now - KEPT
    for popup in connection.fetch_all(SELECT_DELETED_POPUPS, deleted_before=deleted_before):
        for table in DELETE_EVENTS:
            if deleted := run_batches(partial(_delete_events, connection, popup, table)):
                say(f"deleted {deleted} rows of {table} of the deleted popup {popup['popup_id']}")
        _delete_viewers(connection, popup)
        connection.execute(DELETE_TALLIES, **popup)
        cache.forget(keys.shop_stats(popup["shop_id"]))
    if popups := connection.execute(DELETE_POPUPS, deleted_before=deleted_before):
        say(f"deleted {popups} popups that were deleted")


def _delete_events(connection: Connection, popup: dict[str, Any], table: str) -> int:
    (row,) = connection.fetch_all(DELETE_EVENTS[table], **popup, batch_rows=BATCH_ROWS)
    return int(row["count"])


def _delete_viewers(connection: Connection, popup: dict[str, Any]) -> None:
    def delete(after: str) -> str | None:
        """Run the last statement of a batch, pipelined with the lock, which its commit releases."""
        connection.queue(LOCK_VIEWERS, shop_id=popup["shop_id"])
        (row,) = connection.fetch_all(DELETE_VIEWERS, **popup, after=after, batch_rows=BATCH_ROWS // 2)
        last: str | None = row["last"]
        return last

    last: str | None = ""
    while last is not None:
        last = run_batch(partial(delete, last))
