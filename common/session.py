"""One connection to Postgres and its statements: prepared once, then one round trip each.

Only this module and connect.py know pg8000. Its `prepare_statement` and `execute_named` are semi-private, which is why
its version is pinned; tests hold what we use of them. Imported with the first connection: a request that is answered
from the cache pays for none of it.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from pg8000.converters import make_params
from pg8000.core import IN_FAILED_TRANSACTION, CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import to_statement

from common import logs
from common.config import Config
from common.connect import connect
from common.database_errors import DatabaseUnreachable, Duplicate, LostRace, StaleStatement
from common.errors import DatabaseUnavailable
from common.timing import waiting_for

# SQLSTATEs after which the server has ended, or is about to end, the connection: connection exceptions and shutdowns.
_HUNG_UP = ("08", "57P")
# A later try may succeed: also locks not had, a full server, a cancelled or read-only statement.
_TRY_AGAIN = (*_HUNG_UP, "53", "55P03", "57014", "25006")
# Deadlocks and serialization failures: rolled back so that another transaction could go on.
_LOST_RACE = "40"
_UNIQUE_VIOLATION = "23505"
# Where Postgres refuses a prepared statement because a migration has changed what it returns.
_STALE_STATEMENT = "RevalidateCachedQuery"


def open_session(config: Config, timeout_seconds: float, *, replica: bool = False) -> Session:
    """A session on a new connection. Raises DatabaseUnreachable, or DatabaseUnavailable where the server refuses.

    The log has the reason.
    """
    try:
        return Session(connect(config, connect_timeout_seconds=timeout_seconds, replica=replica))
    except Exception as error:
        logs.write("ERROR", "No database connection", reason=f"{type(error).__name__}: {error}"[:500])
        raise (DatabaseUnavailable if isinstance(error, DatabaseError) else DatabaseUnreachable)() from error


class Session:
    """A connection and the statements it has prepared."""

    def __init__(self, connection: CoreConnection) -> None:
        self._connection = connection
        self._prepared: dict[str, tuple[Any, ...]] = {}
        self._broken = False
        self._after_commit: list[Callable[[], None]] = []

    def fetch_all(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        context = self._run(sql, parameters)
        names = [column["name"] for column in context.columns or ()]
        return [dict(zip(names, row, strict=True)) for row in context.rows or ()]

    def fetch_one(self, sql: str, **parameters: Any) -> dict[str, Any] | None:
        rows = self.fetch_all(sql, **parameters)
        return rows[0] if rows else None

    def execute(self, sql: str, **parameters: Any) -> int:
        """How many rows the statement changed."""
        return int(self._run(sql, parameters).row_count)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Has `act` called once the running transaction has committed; not at all if it does not."""
        self._after_commit.append(act)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """The block's statements are committed together when it ends without an error."""
        self._after_commit.clear()
        self._run_simple("BEGIN")
        try:
            yield
        except BaseException:
            with suppress(DatabaseUnavailable):
                self._run_simple("ROLLBACK")
            raise
        self._run_simple("COMMIT")
        for act in self._after_commit:
            act()

    def _run_simple(self, sql: str) -> None:
        with self._watched():
            self._connection.execute_simple(sql)

    def is_usable(self) -> bool:
        """False once broken, and when the server has hung up: an idle connection has nothing to say but goodbye."""
        if self._broken:
            return False
        try:
            readable, _, _ = select.select([self._connection._usock], [], [], 0)
        except (OSError, ValueError):
            return False
        return not readable

    def close(self) -> None:
        with suppress(Exception):
            self._connection.close()

    def _run(self, sql: str, parameters: dict[str, Any]) -> Any:
        try:
            return self._run_prepared(sql, parameters)
        except StaleStatement:
            self._prepared.clear()
            if self._connection._transaction_status == IN_FAILED_TRANSACTION:
                raise
        return self._run_prepared(sql, parameters)

    def _run_prepared(self, sql: str, parameters: dict[str, Any]) -> Any:
        statement, in_order = _statement(sql)
        values = make_params(self._connection.py_types, in_order(parameters))
        with self._watched():
            if sql not in self._prepared:
                self._prepared[sql] = self._connection.prepare_statement(statement, ())
            name, columns, input_functions = self._prepared[sql]
            return self._connection.execute_named(name, values, columns, input_functions, statement)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Turns the driver's errors into ours; after anything but a refusal by the server the connection is broken."""
        try:
            with waiting_for("database"):
                yield
        except DatabaseError as error:
            details = error.args[0]
            sqlstate = details.get("C", "")
            self._broken = self._broken or sqlstate.startswith(_HUNG_UP)
            if details.get("R") == _STALE_STATEMENT:
                raise StaleStatement() from error
            if sqlstate.startswith(_LOST_RACE):
                raise LostRace() from error
            if sqlstate.startswith(_TRY_AGAIN):
                raise DatabaseUnavailable() from error
            if sqlstate == _UNIQUE_VIOLATION:
                raise Duplicate(details.get("n", "")) from error
            raise
        except (InterfaceError, OSError) as error:
            self._broken = True
            raise DatabaseUnavailable() from error
        except BaseException:
            self._broken = True
            raise


@lru_cache(maxsize=256)
def _statement(sql: str) -> tuple[str, Callable[[dict[str, Any]], tuple[Any, ...]]]:
    statement, in_order = to_statement(sql)
    return statement, in_order
