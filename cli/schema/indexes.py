"""Build indexes during live traffic, also on partitioned tables.

Postgres refuses CREATE INDEX CONCURRENTLY on a partitioned table. So this creates the index on the
parent only, which is invalid and costs nothing, then builds one on each partition CONCURRENTLY and attaches it. With
the last one the parent's becomes valid. An interrupted run is resumed: attached indexes stay, invalid ones are rebuilt.
"""

import re
from contextlib import nullcontext
from dataclasses import dataclass

from pg8000.core import CoreConnection

from cli.progress import progress
from cli.schema.locks import change, run_alone

_INDEX = re.compile(
    r"CREATE\s+(?P<unique>UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>\w+)"
    r"\s+ON\s+(?P<table>\w+)\s*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)

MAX_NAME_BYTES = 63
"""Postgres cuts longer names, and would then find another index under them, or none."""


class NameTooLong(Exception):
    """The index cannot be named after one of the partitions."""


@dataclass(frozen=True)
class _Index:
    """A parsed CREATE INDEX CONCURRENTLY statement."""

    unique: str
    name: str
    table: str
    rest: str

    def on(self, partition: str) -> "_Index":
        """Return the same index on a partition, named after it. Raises NameTooLong."""
        name = f"{partition}_{self.name.removeprefix(f'{self.table}_')}"
        if len(name) > MAX_NAME_BYTES:
            raise NameTooLong(f"{name} is longer than {MAX_NAME_BYTES} bytes; give {self.name} a shorter name")
        return _Index(self.unique, name, partition, self.rest)


def build_index(connection: CoreConnection, statement: str) -> bool:
    """Run a CREATE INDEX CONCURRENTLY. Return False for any other statement, without running it."""
    match = _INDEX.match(statement)
    if not match:
        return False
    index = _Index(match["unique"] or "", match["name"], match["table"], match["rest"])
    if _is_partitioned(connection, index.table):
        _build_on_partitions(connection, index)
    else:
        _build(connection, index)
    return True


def _build_on_partitions(connection: CoreConnection, index: _Index) -> None:
    partitions = [index.on(partition) for partition in _partitions_without(connection, index)]
    change(connection, f"CREATE {index.unique}INDEX IF NOT EXISTS {index.name} ON ONLY {index.table} {index.rest}")
    has_rows = _exists(connection, f"FROM {index.table}")  # an empty table takes no time
    with progress(partitions, f"Building {index.name}") if has_rows else nullcontext(partitions) as parts:
        for part in parts:
            _build(connection, part)
            change(connection, f"ALTER INDEX {index.name} ATTACH PARTITION {part.name}")


def _build(connection: CoreConnection, index: _Index) -> None:
    """Build the index. An invalid one of an interrupted run is dropped first: it slows writes and serves no query."""
    if _exists(connection, f"FROM pg_index WHERE indexrelid = to_regclass('{index.name}') AND NOT indisvalid"):
        run_alone(connection, f"DROP INDEX CONCURRENTLY {index.name}")
    create = f"CREATE {index.unique}INDEX CONCURRENTLY IF NOT EXISTS {index.name} ON {index.table} {index.rest}"
    run_alone(connection, create)


def _is_partitioned(connection: CoreConnection, table: str) -> bool:
    return _exists(connection, f"FROM pg_partitioned_table WHERE partrelid = to_regclass('{table}')")


def _partitions_without(connection: CoreConnection, index: _Index) -> list[str]:
    """Return the table's partitions whose index is not attached yet."""
    rows = connection.execute_simple(
        "SELECT inhrelid::regclass::text FROM pg_inherits AS part"
        f" WHERE inhparent = '{index.table}'::regclass AND NOT EXISTS ("
        "   SELECT FROM pg_inherits AS attached JOIN pg_index ON indexrelid = attached.inhrelid"
        f"  WHERE attached.inhparent = to_regclass('{index.name}') AND indrelid = part.inhrelid)"
        " ORDER BY 1"
    ).rows
    return [name for (name,) in rows or ()]


def _exists(connection: CoreConnection, condition: str) -> bool:
    ((found,),) = connection.execute_simple(f"SELECT EXISTS (SELECT {condition})").rows or ((False,),)
    return bool(found)
