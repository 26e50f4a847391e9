"""Change tables in use: with short lock timeouts and retries, since live traffic queues behind a waiting lock."""

from collections.abc import Callable
from time import sleep

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError

LOCK_TIMEOUT_MS = 200
"""How long one try queues for a lock, and what comes after it with it. A flush of events takes some 10 ms."""

PAUSE_SECONDS = 2.0
"""Between two tries: nine tenths of the time belong to the traffic."""

TRIES = 45
"""A minute and a half in all. A query that reads for longer will be there for longer still."""

LOCK_NOT_AVAILABLE = "55P03"


def is_lock_timeout(error: DatabaseError) -> bool:
    return bool(error.args[0].get("C") == LOCK_NOT_AVAILABLE)


def change(connection: CoreConnection, *statements: str) -> None:
    """Run the statements in one transaction, retrying for its locks. Raises the last DatabaseError if it fails."""

    def act() -> None:
        connection.execute_simple("BEGIN")
        try:
            for statement in (f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}", *statements, "COMMIT"):
                connection.execute_simple(statement)
        except DatabaseError:
            connection.execute_simple("ROLLBACK")
            raise

    retry_for_locks(act)


def run_alone(connection: CoreConnection, statement: str) -> None:
    """Run a statement that commits by itself, retrying for its locks."""
    # CONCURRENTLY waits for every older transaction, but nothing queues behind it.
    timeout = 0 if "CONCURRENTLY" in statement.upper() else LOCK_TIMEOUT_MS
    connection.execute_simple(f"SET lock_timeout = {timeout}")
    try:
        retry_for_locks(lambda: connection.execute_simple(statement))
    finally:
        connection.execute_simple("RESET lock_timeout")


def retry_for_locks(act: Callable[[], object]) -> None:
    """Call `act`, which has a lock timeout, until it gets its locks. Raises its last DatabaseError."""
    for tries_left in reversed(range(TRIES)):
        try:
            act()
            return
        except DatabaseError as error:
            if not is_lock_timeout(error) or not tries_left:
                raise
        sleep(PAUSE_SECONDS)
