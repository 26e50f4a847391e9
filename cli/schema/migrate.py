"""Apply the migrations in sql/: each file once, in order, recorded in a ledger.

A file and its ledger row are one transaction. A file that begins with `-- no transaction` (for CREATE INDEX
CONCURRENTLY) runs statement by statement instead and is entered last; an interrupted file runs again from its first
statement, so each must be safe to repeat (`IF NOT EXISTS`). Lock timeouts are short (`cli/schema/locks.py`).
"""

import contextlib
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError

from cli.schema.indexes import NameTooLong, build_index
from cli.schema.locks import change, is_lock_timeout, run_alone
from cli.schema.statements import split_statements

SQL_FOLDER = Path(__file__).resolve().parents[2] / "sql"

NO_TRANSACTION = "-- no transaction"

LOCK_ID = 0x706F70757073
"""The advisory lock of everything that changes the schema: "popups" in ASCII."""

MIN_VERSION = 14_00_00
"""Of the server, as server_version_num says it. 13 knows no function whose body is SQL, which sql/0003 makes."""

SELECT_VERSION = "SELECT current_setting('server_version_num')::int, current_setting('server_version')"

_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class MigrationError(Exception):
    """Nothing can be migrated; the message is one line for the operator."""


@dataclass(frozen=True)
class Migration:
    """A file of sql/, and when it was applied, if it was."""

    version: int
    name: str
    sql: str
    applied_at: datetime | None = None

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrate(
    connection: CoreConnection, folder: Path = SQL_FOLDER, *, say: Callable[[str], None] = print
) -> list[Migration]:
    """Apply the pending migrations and return them. Safe to repeat and to run concurrently: one run waits."""
    _refuse_old_server(connection)
    with alone(connection, say):
        _create_ledger(connection)
        pending = [migration for migration in status(connection, folder) if migration.applied_at is None]
        for migration in pending:
            _apply(connection, migration)
            say(f"applied {migration.name}")
    return pending


def status(connection: CoreConnection, folder: Path = SQL_FOLDER) -> list[Migration]:
    """Return every migration in order. Raises MigrationError if files and ledger contradict each other."""
    ledger = _read_ledger(connection)
    migrations = []
    for found in _read_files(folder):
        checksum, applied_at = ledger.pop(found.name, (found.checksum, None))
        if checksum != found.checksum:
            raise MigrationError(
                f"{found.name} was edited after it was applied; restore it and write a new migration instead"
            )
        migrations.append(Migration(found.version, found.name, found.sql, applied_at))
    for name in ledger:
        raise MigrationError(f"{name} was applied to this database but its file is missing; is this checkout too old?")
    return migrations


def _read_files(folder: Path) -> list[Migration]:
    migrations: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if not match:
            raise MigrationError(f"{path.name} is no name for a migration; allowed: 0001_some_words.sql")
        version = int(match[1])
        if version in migrations:
            raise MigrationError(f"{path.name} and {migrations[version].name} have the same number")
        migrations[version] = Migration(version, path.name, path.read_text("utf-8"))
    return list(migrations.values())


@contextlib.contextmanager
def alone(connection: CoreConnection, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the advisory lock of everything that changes the schema.

    It polls, because waiting inside pg_advisory_lock() holds a snapshot, for which a CREATE INDEX CONCURRENTLY under
    the lock would wait: a deadlock.
    """
    waiting = False
    while not connection.execute_simple(f"SELECT pg_try_advisory_lock({LOCK_ID})").rows[0][0]:
        if not waiting:
            say("waiting for another migration to finish")
        waiting = True
        time.sleep(0.2)
    try:
        yield
    finally:
        with contextlib.suppress(Exception):  # a closed connection has released it
            connection.execute_simple(f"SELECT pg_advisory_unlock({LOCK_ID})")


def _refuse_old_server(connection: CoreConnection) -> None:
    ((number, version),) = connection.execute_simple(SELECT_VERSION).rows or ((0, ""),)
    if number < MIN_VERSION:
        raise MigrationError(f"Postgres {MIN_VERSION // 10_000} or newer is needed; this is {version}")


def _create_ledger(connection: CoreConnection) -> None:
    connection.execute_simple(
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            version    integer     NOT NULL CONSTRAINT schema_migrations_pk PRIMARY KEY,
            name       text        NOT NULL CONSTRAINT schema_migrations_name_key UNIQUE,
            checksum   text        NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )


def _read_ledger(connection: CoreConnection) -> dict[str, tuple[str, datetime]]:
    """Return (checksum, time) by name, in order of version."""
    if connection.execute_simple("SELECT to_regclass('schema_migrations')").rows[0][0] is None:
        return {}
    rows = connection.execute_simple("SELECT name, checksum, applied_at FROM schema_migrations ORDER BY version").rows
    return {name: (checksum, applied_at) for name, checksum, applied_at in rows}


def _apply(connection: CoreConnection, migration: Migration) -> None:
    run = _run_by_statement if migration.sql.startswith(NO_TRANSACTION) else _run_as_transaction
    try:
        run(connection, migration)
    except NameTooLong as error:
        raise MigrationError(f"{migration.name}: {error}") from None
    except DatabaseError as error:
        if is_lock_timeout(error):
            raise MigrationError(
                f"{migration.name} found no moment at which no long query holds its table; it was not applied,"
                " run it again"
            ) from error
        raise MigrationError(f"{migration.name} failed: {error.args[0].get('M')}") from error


def _run_as_transaction(connection: CoreConnection, migration: Migration) -> None:
    change(connection, migration.sql, _entry(migration))


def _run_by_statement(connection: CoreConnection, migration: Migration) -> None:
    for statement in split_statements(migration.sql):
        if not build_index(connection, statement):
            run_alone(connection, statement)
    connection.execute_simple(_entry(migration))


def _entry(migration: Migration) -> str:
    """Return the statement that enters it in the ledger."""
    return (
        "INSERT INTO schema_migrations (version, name, checksum)"
        f" VALUES ({migration.version}, '{migration.name}', '{migration.checksum}')"
    )
