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
from common.shop.viewers_lock import LOCK_VIEWERS
from functions.manage_popups.popups.restore import RESTORABLE_DAYS

KEPT = timedelta(days=RESTORABLE_DAYS, minutes=1)
"""A minute longer than a popup can be restored, since this machine's clock may be ahead of the database's."""

LOWEST_VIEWER = -(2**63)

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

# A popup's viewers leave the shop's too, unless another popup saw them: then they count where they were first seen
# there, and of what they did the shop keeps only that. In the order of the key from where the last batch ended, through
# a part of the shop's viewers, whichever popups they saw.
DELETE_VIEWERS = """
    WITH part AS MATERIALIZED (
        SELECT max(viewer) AS last
        FROM (
            SELECT viewer
            FROM viewers_of_popups
            WHERE shop_id = :shop_id AND viewer > :after
            ORDER BY viewer
            LIMIT :batch_rows
        ) AS row
    ), here AS MATERIALIZED (
        SELECT viewer, is_holdout
        FROM viewers_of_popups
        WHERE shop_id = :shop_id AND viewer > :after AND viewer <= (SELECT last FROM part) AND popup_id = :popup_id
    ), known AS MATERIALIZED (
        SELECT viewer, first_day, last_day, device_type, did
        FROM viewers
        WHERE shop_id = :shop_id AND viewer = ANY (ARRAY(SELECT viewer FROM here WHERE NOT is_holdout))
        ORDER BY viewer
        FOR UPDATE
    ), gone AS (
        DELETE FROM viewers_by_popup
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND viewer = ANY (ARRAY(SELECT viewer FROM here))
    ), elsewhere AS MATERIALIZED (
        SELECT known.viewer, seen.*
        FROM known
        CROSS JOIN LATERAL (
            SELECT min(first_day) AS first_day, (array_agg(device_type ORDER BY first_day, device_type
                    <> known.device_type))[1] AS device_type, max(last_day) AS last_day,
                bit_or(did) | known.did & conversion_bit('purchase') AS did
            FROM viewers_of_popups AS other
            WHERE other.shop_id = :shop_id AND other.viewer = known.viewer AND other.popup_id <> :popup_id
              AND NOT other.is_holdout
            HAVING count(*) > 0
        ) AS seen
    ), forgotten AS (
        DELETE FROM viewers
        WHERE shop_id = :shop_id
          AND viewer = ANY (ARRAY(SELECT viewer FROM known EXCEPT SELECT viewer FROM elsewhere))
    ), moved AS (
        UPDATE viewers
        SET first_day = elsewhere.first_day, last_day = elsewhere.last_day, device_type = elsewhere.device_type,
            did = elsewhere.did, popup_id = nullif(viewers.popup_id, :popup_id)
        FROM elsewhere
        WHERE shop_id = :shop_id AND viewers.viewer = ANY (ARRAY(SELECT viewer FROM elsewhere))
          AND viewers.viewer = elsewhere.viewer
    ), change AS MATERIALIZED (
        SELECT first_day AS day, device_type, did, -1 AS step FROM known WHERE first_day IS NOT NULL
        UNION ALL
        SELECT first_day, device_type, did, 1 FROM elsewhere WHERE first_day IS NOT NULL
    ), tallied AS (
        INSERT INTO daily_shop_viewers AS tally (shop_id, day, device_type, viewers)
        SELECT :shop_id, day, device_type, sum(step)
        FROM change
        GROUP BY day, device_type
        HAVING sum(step) <> 0
        ORDER BY day, device_type
        ON CONFLICT (shop_id, day, device_type) DO UPDATE SET viewers = tally.viewers + excluded.viewers
    ), tallied_converters AS (
        INSERT INTO daily_converters AS tally (shop_id, popup_id, day, variant_id, device_type, type, converters)
        SELECT :shop_id, '00000000-0000-0000-0000-000000000000', day, '', device_type, type, sum(step)
        FROM change
        JOIN (VALUES ('click'), ('email_capture'), ('discount_code_used'), ('purchase')) AS kind (type)
            ON did & conversion_bit(type) <> 0
        GROUP BY day, device_type, type
        HAVING sum(step) <> 0
        ORDER BY day, device_type, type
        ON CONFLICT (shop_id, popup_id, day, variant_id, device_type, type) DO UPDATE
        SET converters = tally.converters + excluded.converters
    )
    SELECT last FROM part
"""

# Those of experiments: also who was held out, and has seen nothing. Exposures and closes name nobody and stay as long
# as other events.
DELETE_STRETCH_VIEWERS = """
    WITH part AS MATERIALIZED (
        SELECT max(viewer) AS last
        FROM (
            SELECT viewer
            FROM stretch_viewers
            WHERE shop_id = :shop_id AND viewer > :after
            ORDER BY viewer
            LIMIT :batch_rows
        ) AS row
    ), gone AS (
        DELETE FROM stretch_viewers
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND viewer > :after AND viewer <= (SELECT last FROM part)
    )
    SELECT last FROM part
"""

# Those of the release before, until the next drops the table.
DELETE_VIEWERS_OF_BEFORE = """
    WITH gone AS (
        DELETE FROM popup_viewers
        WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM popup_viewers WHERE shop_id = :shop_id AND popup_id = :popup_id LIMIT :batch_rows))
        RETURNING viewer
    )
    SELECT count(*) AS count FROM gone
"""

DELETE_SOURCES = """
    WITH gone AS (
        DELETE FROM daily_sources
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND ctid = ANY (ARRAY(
            SELECT ctid FROM daily_sources WHERE shop_id = :shop_id AND popup_id = :popup_id LIMIT :batch_rows))
        RETURNING views
    )
    SELECT count(*) AS count FROM gone
"""

DELETE_TALLIES = """
    WITH views AS (
        DELETE FROM daily_views WHERE (shop_id, popup_id) = (:shop_id, :popup_id)
    ), converters AS (
        DELETE FROM daily_converters WHERE (shop_id, popup_id) = (:shop_id, :popup_id)
    ), returns AS (
        DELETE FROM daily_returns WHERE (shop_id, popup_id) = (:shop_id, :popup_id)
    ), signals AS (
        DELETE FROM daily_signals WHERE (shop_id, popup_id) = (:shop_id, :popup_id)
    ), stretches AS (
        DELETE FROM experiment_stretches WHERE (shop_id, popup_id) = (:shop_id, :popup_id)
    ), added_up AS (
        DELETE FROM sources_added_up WHERE (shop_id, popup_id) = (:shop_id, :popup_id)
    ), tallies_of_stretches AS (
        DELETE FROM stretch_tallies WHERE (shop_id, popup_id) = (:shop_id, :popup_id)
    )
    DELETE FROM daily_conversions WHERE (shop_id, popup_id) = (:shop_id, :popup_id)
"""

DELETE_POPUPS = "DELETE FROM popups WHERE deleted_at < :deleted_before"


def delete_deleted_popups(connection: Connection, now: datetime, say: Callable[[str], None]) -> set[str]:
    """Delete them with their events and tallies. Return the shops, whose viewers came back on other days now."""
    deleted_before = now - KEPT
    deleted = connection.fetch_all(SELECT_DELETED_POPUPS, deleted_before=deleted_before)
    for popup in deleted:
        for table, sql in DELETE_EVENTS.items():
            if rows := run_batches(partial(_delete_batch, connection, popup, sql)):
                say(f"deleted {rows} rows of {table} of the deleted popup {popup['popup_id']}")
        _delete_viewers(connection, popup)
        for sql in (DELETE_VIEWERS_OF_BEFORE, DELETE_SOURCES):
            run_batches(partial(_delete_batch, connection, popup, sql))
        connection.execute(DELETE_TALLIES, **popup)
        cache.forget(keys.shop_stats(popup["shop_id"]))
    if popups := connection.execute(DELETE_POPUPS, deleted_before=deleted_before):
        say(f"deleted {popups} popups that were deleted")
    return {popup["shop_id"] for popup in deleted}


def _delete_batch(connection: Connection, popup: dict[str, Any], sql: str) -> int:
    (row,) = connection.fetch_all(sql, **popup, batch_rows=BATCH_ROWS)
    return int(row["count"])


def _delete_viewers(connection: Connection, popup: dict[str, Any]) -> None:
    def delete(sql: str, after: int) -> int | None:
        """Run the last statement of a batch, pipelined with the lock, which its commit releases."""
        connection.queue(LOCK_VIEWERS, shop_id=popup["shop_id"])
        (row,) = connection.fetch_all(sql, **popup, after=after, batch_rows=BATCH_ROWS // 2)
        last: int | None = row["last"]
        return last

    for sql in (DELETE_VIEWERS, DELETE_STRETCH_VIEWERS):
        last: int | None = LOWEST_VIEWER
        while last is not None:
            last = run_batch(partial(delete, sql, last))
