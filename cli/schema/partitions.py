"""The monthly partitions of the event tables: created ahead of time, dropped when their events are too old."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError

from cli.schema.locks import change

EVENT_TABLES = ("popup_views", "popup_conversions", "popup_signals")

MONTHS_AHEAD = 3
"""Two runs may fail before events go into the DEFAULT partition."""

MAX_ROWS_IN_THE_WAY = 1000
"""How many rows of DEFAULT a new month takes over while it holds the table: a few hundredths of a second."""

MAX_HELD_MS = 1000
"""How long making a month may hold the table, which makes Postgres read all of DEFAULT. It is empty unless nobody has
made months for long."""

QUERY_CANCELED = "57014"

_MONTH = re.compile(r"(\d{4})_(\d{2})")


def make_partitions(connection: CoreConnection, now: datetime, say: Callable[[str], None]) -> None:
    """Create the missing partitions of this month and the months ahead, unless rows in DEFAULT prevent it.

    A month that DEFAULT has served in its stead goes on so: its events are as safe there, and it ends.
    """
    wanted = [_month_after(now.date(), months) for months in range(1 + MONTHS_AHEAD)]
    for table in EVENT_TABLES:
        there = months_of(connection, table)
        for month in wanted:
            if month not in there:
                say(_make(connection, table, month))


def drop_partitions(connection: CoreConnection, older_than: datetime, say: Callable[[str], None]) -> None:
    """Drop every partition whose month had ended by then."""
    for table in EVENT_TABLES:
        for month in months_of(connection, table):
            if _start_of(_month_after(month, 1)) <= older_than:
                change(connection, f"DROP TABLE {_name(table, month)}")
                say(f"dropped {_name(table, month)}")


def months_of(connection: CoreConnection, event_table: str) -> list[date]:
    """Return the first days of the months that have a partition, in order."""
    names = [name.removeprefix(f"{event_table}_") for name in partitions_of(connection, event_table)]
    return sorted(date(int(month[1]), int(month[2]), 1) for month in map(_MONTH.fullmatch, names) if month)


def first_id_of_months(connection: CoreConnection) -> uuid.UUID:
    """Return the lower bound of the event ids in monthly partitions."""
    first = min(month for table in EVENT_TABLES for month in months_of(connection, table))
    return uuid.UUID(int=int(_start_of(first).timestamp() * 1000) << 80)


def partitions_of(connection: CoreConnection, event_table: str) -> list[str]:
    rows = connection.execute_simple(
        "SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid"
        f" WHERE inhparent = '{event_table}'::regclass ORDER BY child.relname"
    ).rows
    return [name for (name,) in rows or ()]


def _make(connection: CoreConnection, table: str, month: date) -> str:
    """Create the partition if possible. Return a line that says what was done."""
    name = _name(table, month)
    if _rows_in_the_way(connection, table, month) > MAX_ROWS_IN_THE_WAY:
        return f"did not make {name}: {table}_default has its events"
    try:
        change(
            connection,
            f"SET LOCAL statement_timeout = {MAX_HELD_MS}",
            f"SELECT create_month_partition('{table}', '{month}')",
        )
    except DatabaseError as error:
        if error.args[0].get("C") != QUERY_CANCELED:
            raise
        return f"did not make {name}: {table}_default is too large to be read while everybody waits"
    return f"made {name}"


def _rows_in_the_way(connection: CoreConnection, table: str, month: date) -> int:
    """Return how many rows of DEFAULT belong to the month, counting at most one more than allowed."""
    first, above = _start_of(month), _start_of(_month_after(month, 1))
    ((count,),) = connection.execute_simple(
        f"SELECT count(*) FROM (SELECT FROM {table}_default WHERE event_id >= first_event_id('{first}')"
        f" AND event_id < first_event_id('{above}') LIMIT {MAX_ROWS_IN_THE_WAY + 1}) AS row"
    ).rows
    return int(count)


def _name(table: str, month: date) -> str:
    return f"{table}_{month:%Y_%m}"


def _month_after(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def _start_of(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)
