"""The months of the event tables: made before their events come, dropped whole when those have grown old."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from common.errors import DatabaseUnavailable
from common.session import Session

EVENT_TABLES = ("popup_views", "popup_conversions")

MONTHS_AHEAD = 3
"""Two runs may fail before an event would land in the DEFAULT partition, which then would only cost a move."""

LOCK_TIMEOUT_MS = 1000
LOCK_TRIES = 10
"""How long a statement may queue for an event table, behind which live traffic queues, and how often it may try."""

_MONTH = re.compile(r"(\d{4})_(\d{2})")

SELECT_PARTITIONS = """
    SELECT child.relname AS name
    FROM pg_inherits
    JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = (:event_table)::regclass
    ORDER BY child.relname
"""

CREATE_PARTITIONS = "SELECT create_event_partitions((:first_day)::date, :months)"


def make_partitions(session: Session, now: datetime, say: Callable[[str], None]) -> None:
    """Makes this month's partitions and those of the months ahead, where they are missing."""
    before = {name for table in EVENT_TABLES for name in partitions_of(session, table)}
    first_day = now.date().replace(day=1)
    _with_lock(session, lambda: session.fetch_one(CREATE_PARTITIONS, first_day=first_day, months=1 + MONTHS_AHEAD))
    for table in EVENT_TABLES:
        for name in partitions_of(session, table):
            if name not in before:
                say(f"made {name}")


def drop_partitions(session: Session, older_than: datetime, say: Callable[[str], None]) -> None:
    """Drops every partition whose month had ended by then."""
    for table in EVENT_TABLES:
        for name in partitions_of(session, table):
            month = _MONTH.fullmatch(name.removeprefix(f"{table}_"))
            if month and _end_of_month(int(month[1]), int(month[2])) <= older_than:
                _with_lock(session, partial(session.execute, f"DROP TABLE {name}"))
                say(f"dropped {name}")


def partitions_of(session: Session, event_table: str) -> list[str]:
    return [row["name"] for row in session.fetch_all(SELECT_PARTITIONS, event_table=event_table)]


def _end_of_month(year: int, month: int) -> datetime:
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _with_lock(session: Session, act: Callable[[], object]) -> None:
    """Runs `act` in a transaction that never waits long for a lock; raises DatabaseUnavailable after the last try."""
    for tries_left in reversed(range(LOCK_TRIES)):
        try:
            with session.transaction():
                session.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
                act()
            return
        except DatabaseUnavailable:
            if not tries_left:
                raise
            time.sleep(LOCK_TIMEOUT_MS / 1000)
