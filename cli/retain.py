"""Retention: what is too old, or belongs to a popup that was deleted, leaves the database. Safe at any time.

Whole months are dropped. Everything else goes in batches that commit by themselves, so that live traffic never waits
long and a run that died is simply run again. The tallies outlive the events, except those of deleted popups.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pg8000.core import CoreConnection

from cli.mailboxes import unify_mailboxes
from cli.migrate import alone
from cli.partitions import EVENT_TABLES, drop_partitions, make_partitions
from common import cache, cache_keys
from common.session import Session

MAX_DAYS = 36_500

BATCH_ROWS = 5_000
"""A few tenths of a second of work."""

IDEMPOTENCY_HOURS = 24

DELETED_POPUP_HOURS = 1
"""How long a deleted popup's row stays: while an event for it may be under way, which the next run then finds."""

# The DEFAULT partitions hold ids that tell no time, so their rows go by the server's clock.
DELETE_OLD_STRAYS = {
    "popup_views": """
        DELETE FROM popup_views_default
        WHERE event_id IN (SELECT event_id FROM popup_views_default WHERE viewed_at < :older_than LIMIT :batch_rows)
    """,
    "popup_conversions": """
        DELETE FROM popup_conversions_default
        WHERE event_id IN (
            SELECT event_id FROM popup_conversions_default WHERE converted_at < :older_than LIMIT :batch_rows)
    """,
}

SELECT_DELETED_POPUPS = """
    SELECT shop_id, id AS popup_id
    FROM popups
    WHERE deleted_at IS NOT NULL
    ORDER BY shop_id, id
"""

DELETE_EVENTS = {
    "popup_views": """
        DELETE FROM popup_views
        WHERE event_id IN (SELECT event_id FROM popup_views WHERE popup_id = :popup_id LIMIT :batch_rows)
    """,
    "popup_conversions": """
        DELETE FROM popup_conversions
        WHERE event_id IN (SELECT event_id FROM popup_conversions WHERE popup_id = :popup_id LIMIT :batch_rows)
    """,
}

# Flushes that insert viewers wait for the batch: a viewer they found known must not be forgotten under their hands.
LOCK_SHOP_VIEWERS = "LOCK TABLE shop_viewers IN SHARE ROW EXCLUSIVE MODE"

# A popup's viewers leave the shop's too, unless another popup saw them: then their first day there counts.
DELETE_VIEWERS = """
    WITH gone AS (
        DELETE FROM popup_viewers
        WHERE (shop_id, popup_id) = (:shop_id, :popup_id)
          AND viewer IN (
            SELECT viewer FROM popup_viewers WHERE (shop_id, popup_id) = (:shop_id, :popup_id) LIMIT :batch_rows)
        RETURNING viewer
    ), known AS (
        SELECT viewer, day, device_type
        FROM shop_viewers
        WHERE shop_id = :shop_id AND viewer IN (SELECT viewer FROM gone)
    ), elsewhere AS (
        SELECT DISTINCT ON (viewer) viewer, popup_viewers.day, popup_viewers.device_type
        FROM popup_viewers
        JOIN known USING (viewer)
        WHERE shop_id = :shop_id AND popup_id <> :popup_id AND variant_id <> 'holdout'
        ORDER BY viewer, popup_viewers.day, popup_viewers.device_type <> known.device_type
    ), forgotten AS (
        DELETE FROM shop_viewers
        WHERE shop_id = :shop_id
          AND viewer IN (SELECT viewer FROM known EXCEPT SELECT viewer FROM elsewhere)
    ), moved AS (
        UPDATE shop_viewers
        SET day = elsewhere.day, device_type = elsewhere.device_type
        FROM elsewhere
        WHERE shop_id = :shop_id AND shop_viewers.viewer = elsewhere.viewer
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
    SELECT count(*) AS viewers FROM gone
"""

DELETE_TALLIES = """
    WITH views AS (DELETE FROM daily_views WHERE (shop_id, popup_id) = (:shop_id, :popup_id))
    DELETE FROM daily_conversions WHERE (shop_id, popup_id) = (:shop_id, :popup_id)
"""

DELETE_POPUPS = "DELETE FROM popups WHERE deleted_at < :deleted_before"

DELETE_IDEMPOTENCY_KEYS = """
    DELETE FROM idempotency_keys
    WHERE (shop_id, key) IN (
        SELECT shop_id, key FROM idempotency_keys WHERE created_at < :created_before LIMIT :batch_rows)
"""


def retain(
    connection: CoreConnection, days: int, *, now: datetime | None = None, say: Callable[[str], None] = print
) -> None:
    """Makes the coming months' partitions and deletes events older than `days`. By two at once: one of them waits."""
    now = now or datetime.now(UTC)
    session = Session(connection)
    with alone(connection, say):
        make_partitions(session, now, say)
        _delete_old_events(session, now - timedelta(days=days), say)
        _delete_deleted_popups(session, now, say)
        created_before = now - timedelta(hours=IDEMPOTENCY_HOURS)
        keys = _in_batches(session, DELETE_IDEMPOTENCY_KEYS, created_before=created_before)
        _say_count(say, keys, "idempotency keys that expired")
        unify_mailboxes(session, say)


def _delete_old_events(session: Session, older_than: datetime, say: Callable[[str], None]) -> None:
    drop_partitions(session, older_than, say)
    for table in EVENT_TABLES:
        deleted = _in_batches(session, DELETE_OLD_STRAYS[table], older_than=older_than)
        _say_count(say, deleted, f"old rows of {table}_default")


def _delete_deleted_popups(session: Session, now: datetime, say: Callable[[str], None]) -> None:
    """What deleted popups left: their events and tallies at once, their rows when nothing can name them any more."""
    for popup in session.fetch_all(SELECT_DELETED_POPUPS):
        for table in EVENT_TABLES:
            deleted = _in_batches(session, DELETE_EVENTS[table], popup_id=popup["popup_id"])
            _say_count(say, deleted, f"rows of {table} of the deleted popup {popup['popup_id']}")
        while _delete_viewers(session, popup):
            pass
        session.execute(DELETE_TALLIES, **popup)
        cache.forget(cache_keys.shop_stats(popup["shop_id"]))
    popups = session.execute(DELETE_POPUPS, deleted_before=now - timedelta(hours=DELETED_POPUP_HOURS))
    _say_count(say, popups, "popups that were deleted")


def _delete_viewers(session: Session, popup: dict[str, Any]) -> int:
    """How many of the popup's viewers one batch removed."""
    with session.transaction():
        session.execute(LOCK_SHOP_VIEWERS)
        (row,) = session.fetch_all(DELETE_VIEWERS, **popup, batch_rows=BATCH_ROWS)
    return int(row["viewers"])


def _in_batches(session: Session, sql: str, **parameters: Any) -> int:
    """Runs a statement until it deletes no more. Returns how many rows it deleted."""
    total = 0
    while deleted := session.execute(sql, **parameters, batch_rows=BATCH_ROWS):
        total += deleted
    return total


def _say_count(say: Callable[[str], None], count: int, what: str) -> None:
    if count:
        say(f"deleted {count} {what}")
