"""Retention: delete old events and deleted popups' data. Safe to run at any time.

Whole months are dropped. Everything else is deleted in batches that commit separately, so that live traffic never
waits long and an interrupted run can be repeated. Tallies are kept, except those of deleted popups.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pg8000.core import CoreConnection

from cli.batches import BATCH_ROWS, limited, run_batch, run_batches
from cli.progress import progress
from cli.schema.migrate import alone
from cli.schema.partitions import drop_partitions, first_id_of_months, make_partitions
from cli.upkeep.daily_sources import add_up_sources
from cli.upkeep.deleted_popups import delete_deleted_popups
from cli.upkeep.mailboxes import unify_mailboxes
from cli.upkeep.pending_erasures import finish_erasures, finish_shop_erasures
from cli.upkeep.recount import recount_viewers_of_shop
from cli.upkeep.strays import move_strays
from common.postgres.driver import Connection
from common.shop.event_ids import DOUBT_SECONDS, MAX_AGE_SECONDS
from common.shop.orders import credit_waiting

MAX_DAYS = 36_500

IDEMPOTENCY_HOURS = 24

OF_NOW = timedelta(seconds=MAX_AGE_SECONDS + DOUBT_SECONDS)
"""A month stays at least as long as events may still come that are kept in it."""

BUDGET_AGE = timedelta(hours=2)

VIEWER_DAYS = 400
"""A viewer who was not seen for longer is forgotten; a later view is a new viewer's."""

BATCH_PAGES = 500

# Ids in the DEFAULT partitions have no usable time, so their rows are selected by the server's clock.
DELETE_OLD_STRAYS = {
    "popup_views": """
        WITH gone AS (
            DELETE FROM popup_views_default
            WHERE event_id = ANY (ARRAY(
                SELECT event_id FROM popup_views_default WHERE viewed_at < :older_than LIMIT :batch_rows))
            RETURNING event_id
        ), forgotten AS (
            DELETE FROM foreign_event_ids WHERE kind = 'view' AND event_id = ANY (ARRAY(SELECT event_id FROM gone))
        )
        SELECT count(*) AS count FROM gone
    """,
    "popup_conversions": """
        WITH gone AS (
            DELETE FROM popup_conversions_default
            WHERE event_id = ANY (ARRAY(
                SELECT event_id FROM popup_conversions_default WHERE converted_at < :older_than LIMIT :batch_rows))
            RETURNING event_id
        ), forgotten AS (
            DELETE FROM foreign_event_ids
            WHERE kind = 'conversion' AND event_id = ANY (ARRAY(SELECT event_id FROM gone))
        )
        SELECT count(*) AS count FROM gone
    """,
    "popup_signals": """
        WITH gone AS (
            DELETE FROM popup_signals_default
            WHERE event_id = ANY (ARRAY(
                SELECT event_id FROM popup_signals_default WHERE signalled_at < :older_than LIMIT :batch_rows))
            RETURNING event_id, kind
        ), forgotten AS (
            DELETE FROM foreign_event_ids
            WHERE kind IN ('exposure', 'close') AND event_id = ANY (ARRAY(SELECT event_id FROM gone))
        )
        SELECT count(*) AS count FROM gone
    """,
}

# Those of events in months that were dropped.
DELETE_FOREIGN_IDS = """
    WITH gone AS (
        DELETE FROM foreign_event_ids
        WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM foreign_event_ids WHERE event_id < :below ORDER BY event_id LIMIT :batch_rows))
        RETURNING sent_id
    )
    SELECT count(*) AS count FROM gone
"""

DELETE_IDEMPOTENCY_KEYS = """
    WITH gone AS (
        DELETE FROM idempotency_keys
        WHERE (shop_id, key) IN (
            SELECT shop_id, key
            FROM idempotency_keys
            WHERE created_at < :created_before
            ORDER BY created_at
            LIMIT :batch_rows)
        RETURNING key
    )
    SELECT count(*) AS count FROM gone
"""

# Each is for one hour; what merchants see of them is kept in code_refusals.
DELETE_CODE_BUDGETS = """
    WITH gone AS (
        DELETE FROM code_budgets
        WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM code_budgets WHERE hour < :hour_before ORDER BY hour LIMIT :batch_rows))
        RETURNING shop_id
    )
    SELECT count(*) AS count FROM gone
"""

# There is no index by the last day, which would cost every view: a table is read through in the order of its pages,
# from (PAGE,0) on. A view of one who is forgotten at this moment changes the row first, or finds none. Of who was seen
# since, but not at the popup first seen, that popup is forgotten.
DELETE_VIEWERS = {
    "viewers_by_popup": """
        WITH gone AS (
            DELETE FROM viewers_by_popup
            WHERE ctid >= :first::tid AND ctid < :above::tid AND last_day < :seen_before
            RETURNING viewer
        )
        SELECT count(*) AS count FROM gone
    """,
    "viewers": """
        WITH gone AS (
            DELETE FROM viewers
            WHERE ctid >= :first::tid AND ctid < :above::tid AND last_day < :seen_before
            RETURNING viewer
        ), seen_elsewhere AS (
            UPDATE viewers
            SET popup_id = NULL
            WHERE ctid >= :first::tid AND ctid < :above::tid AND last_day >= :seen_before
              AND popup_last_day < :seen_before AND popup_id IS NOT NULL
        )
        SELECT count(*) AS count FROM gone
    """,
    "stretch_viewers": """
        WITH gone AS (
            DELETE FROM stretch_viewers
            WHERE ctid >= :first::tid AND ctid < :above::tid AND met_at < :seen_before
            RETURNING viewer
        )
        SELECT count(*) AS count FROM gone
    """,
}

# The names of viewers leave an order with its events; that and whose credit it was stays.
FORGET_NAMES = """
    WITH named AS (
        SELECT shop_id, order_id
        FROM orders
        WHERE received_at < :received_before AND (viewer_name IS NOT NULL OR reported_viewer IS NOT NULL)
        LIMIT :batch_rows
        FOR NO KEY UPDATE
    ), changed AS (
        UPDATE orders
        SET viewer_name = NULL, reported_viewer = NULL
        FROM named
        WHERE orders.shop_id = named.shop_id AND orders.order_id = named.order_id
        RETURNING orders.order_id
    )
    SELECT count(*) AS count FROM changed
"""

# Shops with orders before which a touch came late, and that nobody has credited again since.
SELECT_SHOPS_TO_CREDIT = "SELECT DISTINCT shop_id FROM orders_to_credit ORDER BY shop_id"

SELECT_PAGES = "SELECT pg_relation_size(:table::regclass) / current_setting('block_size')::bigint AS pages"


def retain(raw: CoreConnection, days: int, *, now: datetime | None = None, say: Callable[[str], None] = print) -> None:
    """Create the coming months' partitions and delete events older than `days`. Concurrent runs wait for each other."""
    now = now or datetime.now(UTC)
    with alone(raw, say):
        with limited(raw) as connection:
            try:
                add_up_sources(connection, say)  # before any view is deleted
                _delete_old_strays(connection, now - timedelta(days=days), say)
                move_strays(raw, connection, say)
            finally:  # the coming months' events need these, whatever has become of the rest
                make_partitions(raw, now, say)
            drop_partitions(raw, now - max(timedelta(days=days), OF_NOW), say)
            _delete(connection, DELETE_FOREIGN_IDS, below=first_id_of_months(raw))
            for shop_id in sorted(delete_deleted_popups(connection, now, say)):
                recount_viewers_of_shop(raw, shop_id)
            _delete_idempotency_keys(connection, now, say)
            finish_erasures(connection, say)
            finish_shop_erasures(connection, say)
            _delete(connection, DELETE_CODE_BUDGETS, hour_before=now - BUDGET_AGE)
            _forget_viewers(connection, now, say)
            _delete(connection, FORGET_NAMES, received_before=now - timedelta(days=days))
            _credit_waiting(connection)
        unify_mailboxes(Connection(raw), say)


def _credit_waiting(connection: Connection) -> None:
    for shop in connection.fetch_all(SELECT_SHOPS_TO_CREDIT):
        while run_batch(partial(credit_waiting, connection, shop["shop_id"])).leaves_more:
            pass


def _delete_idempotency_keys(connection: Connection, now: datetime, say: Callable[[str], None]) -> None:
    created_before = now - timedelta(hours=IDEMPOTENCY_HOURS)
    if keys := _delete(connection, DELETE_IDEMPOTENCY_KEYS, created_before=created_before):
        say(f"deleted {keys} idempotency keys that expired")


def _forget_viewers(connection: Connection, now: datetime, say: Callable[[str], None]) -> None:
    seen_before = now.date() - timedelta(days=VIEWER_DAYS)
    for table, sql in DELETE_VIEWERS.items():
        (row,) = connection.fetch_all(SELECT_PAGES, table=table)
        parts = [
            partial(
                connection.fetch_all,
                sql,
                first=f"({page},0)",
                above=f"({page + BATCH_PAGES},0)",
                seen_before=seen_before,
            )
            for page in range(0, row["pages"], BATCH_PAGES)
        ]
        with progress(parts, f"Reading {table}") as read:
            deleted = sum(run_batch(part)[0]["count"] for part in read)
        if deleted:
            say(f"forgot {deleted} of {table} who were last seen more than {VIEWER_DAYS} days ago")


def _delete_old_strays(connection: Connection, older_than: datetime, say: Callable[[str], None]) -> None:
    for table, sql in DELETE_OLD_STRAYS.items():
        if deleted := _delete(connection, sql, older_than=older_than):
            say(f"deleted {deleted} old rows of {table}_default")


def _delete(connection: Connection, sql: str, **parameters: Any) -> int:
    """Run a statement, which returns how many rows it deleted, until that is 0. Return the sum."""
    return run_batches(partial(_delete_batch, connection, sql, parameters))


def _delete_batch(connection: Connection, sql: str, parameters: dict[str, Any]) -> int:
    (row,) = connection.fetch_all(sql, **parameters, batch_rows=BATCH_ROWS)
    return int(row["count"])
