"""One connection to Postgres and its statements: prepared once, then one round trip each.

Only this module and connect.py know pg8000. This one uses semi-private parts of it, so its version is pinned, and tests
check them. Imported with the first connection: a cached answer does not pay for the import.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from pg8000.converters import make_params
from pg8000.core import (
    COMMAND_COMPLETE,
    IN_FAILED_TRANSACTION,
    READY_FOR_QUERY,
    SYNC_MSG,
    Context,
    CoreConnection,
    _flush,
    _read,
    _write,
    ci_unpack,
)
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import to_statement

from common import logs
from common.config import Config
from common.errors import DatabaseUnavailable
from common.postgres import _errors
from common.postgres._errors import DatabaseUnreachable, StaleStatement
from common.postgres.connect import connect
from common.process.waits import waiting_for

_BEGIN = "BEGIN"

_Call = tuple[str, dict[str, Any]]


def open_connection(config: Config, timeout_seconds: float, *, replica: bool = False) -> Connection:
    """Open a connection. Raises DatabaseUnreachable, or DatabaseUnavailable if the server refuses; logs the reason."""
    try:
        return Connection(connect(config, connect_timeout_seconds=timeout_seconds, replica=replica))
    except Exception as error:
        logs.write("ERROR", "No database connection", reason=f"{type(error).__name__}: {error}"[:500])
        raise (DatabaseUnavailable if isinstance(error, DatabaseError) else DatabaseUnreachable)() from error


class Connection:
    """A connection and its prepared statements."""

    def __init__(self, connection: CoreConnection) -> None:
        self._connection = connection
        self._prepared: dict[str, tuple[Any, ...]] = {}
        self._broken = False
        self._queued: list[_Call] = []

    def fetch_all(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        return _rows(self._run(sql, parameters))

    def fetch_one(self, sql: str, **parameters: Any) -> dict[str, Any] | None:
        rows = self.fetch_all(sql, **parameters)
        return rows[0] if rows else None

    def execute(self, sql: str, **parameters: Any) -> int:
        """Run a statement and return how many rows it changed."""
        return int(self._run(sql, parameters).row_count)

    def queue(self, sql: str, **parameters: Any) -> int:
        """Send a statement together with the next one, in one round trip. The next one raises this one's errors.

        Return its place among what `fetch_each` returns.
        """
        self._queued.append((sql, parameters))
        return len(self._queued) - 1

    def fetch_each(self) -> list[list[dict[str, Any]]]:
        """Send the queued statements, in one round trip and one transaction. Return the rows of each."""
        calls, self._queued = self._queued, []
        return [_rows(context) for context in self._run_all(calls)]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the block's statements together if it ends without an error; else roll them back.

        BEGIN is sent with the first statement and COMMIT with the last queued one: neither costs a round trip.
        """
        self.queue(_BEGIN)
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self._queued.clear()
            with suppress(DatabaseUnavailable):
                self._roll_back()
            raise

    def is_usable(self) -> bool:
        """Return False once the connection is broken or closed by the server; an idle one is readable only for that."""
        if self._broken:
            return False
        said = select.poll()  # not select(), which refuses files beyond the 1024th
        said.register(self._connection._usock, select.POLLIN)
        return not said.poll(0)

    def answers(self, timeout_seconds: float) -> bool:
        """Return whether the server answers, in one round trip; if not, the connection is broken."""
        sock = self._connection._usock
        usual_timeout = sock.gettimeout()
        sock.settimeout(timeout_seconds)
        try:
            self._connection.execute_simple("")
        except (DatabaseError, InterfaceError, OSError):
            self._broken = True
            return False
        sock.settimeout(usual_timeout)
        return True

    def close(self) -> None:
        self._broken = True
        with suppress(Exception):
            self._connection.close()

    def _run(self, sql: str, parameters: dict[str, Any]) -> Context:
        calls, self._queued = [*self._queued, (sql, parameters)], []
        return self._run_all(calls)[-1]

    def _run_all(self, calls: list[_Call]) -> list[Context]:
        try:
            return self._send(calls)
        except StaleStatement:
            self._prepared.clear()
            if self._connection._transaction_status == IN_FAILED_TRANSACTION:
                if calls[0][0] != _BEGIN:
                    raise
                self._roll_back()
        return self._send(calls)

    def _send(self, calls: list[_Call]) -> list[Context]:
        """Return the calls' results. After an error the server skips the remaining calls."""
        values = [make_params(self._connection.py_types, _statement(sql)[1](given)) for sql, given in calls]
        with self._watched():
            contexts = [self._prepare(sql) for sql, _ in calls]
            for (sql, _), its_values in zip(calls, values, strict=True):
                self._connection.send_BIND(self._prepared[sql][0], its_values)
                self._connection.send_EXECUTE()
            _write(self._connection._sock, SYNC_MSG)
            _flush(self._connection._sock)
            self._read_answers(contexts)
        return contexts

    def _prepare(self, sql: str) -> Context:
        """Return a statement's context; prepare it first if this connection has not, which costs a round trip."""
        statement = _statement(sql)[0]
        if sql not in self._prepared:
            self._prepared[sql] = self._connection.prepare_statement(statement, ())
        _, columns, input_functions = self._prepared[sql]
        return Context(statement, columns=columns, input_funcs=input_functions)

    def _read_answers(self, contexts: list[Context]) -> None:
        """Read the server's messages into each statement's context, and raise the first error."""
        connection, current, code = self._connection, 0, None
        while code != READY_FOR_QUERY:
            code, size = ci_unpack(_read(connection._sock, 5))
            about = contexts[min(current, len(contexts) - 1)]
            connection.message_types[code](_read(connection._sock, size - 4), about)
            current += code == COMMAND_COMPLETE
        for context in contexts:
            if context.error is not None:
                raise context.error

    def _roll_back(self) -> None:
        with self._watched():
            self._connection.execute_simple("ROLLBACK")

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Translate the driver's errors into ours; after any but an error from the server the connection is broken."""
        try:
            with waiting_for("database"):
                yield
        except DatabaseError as error:
            refusal = error.args[0]
            self._broken = self._broken or _errors.has_hung_up(refusal)
            if expected := _errors.expected_refusal(refusal):
                raise expected from error
            error.args = (_errors.loggable(refusal),)
            raise
        except (InterfaceError, OSError) as error:
            self._broken = True
            raise _errors.broken_connection(error) from error
        except BaseException:
            self._broken = True
            raise


def _rows(context: Context) -> list[dict[str, Any]]:
    names = [column["name"] for column in context.columns or ()]
    return [dict(zip(names, row, strict=True)) for row in context.rows or ()]


@lru_cache(maxsize=256)
def _statement(sql: str) -> tuple[str, Callable[[dict[str, Any]], tuple[Any, ...]]]:
    statement, in_order = to_statement(sql)
    return statement, in_order
