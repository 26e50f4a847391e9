"""Run long jobs during live traffic, in batches that commit separately, with a pause after each."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from pg8000.core import CoreConnection

from common.errors import DatabaseUnavailable
from common.postgres.driver import Connection

T = TypeVar("T")

BATCH_ROWS = 1000
"""Some hundredths of a second of work."""

PAUSE_FOR_BATCH = 3
"""A pause is so many times as long as its batch: a quarter of the time, and of a core, is enough for what has time."""

MIN_PAUSE_SECONDS = 0.02

_pauses = True

TRIES = 5
TRY_AGAIN_SECONDS = 1.0

# A batch that waits for a lock ends soon and is tried again. Sequential scans are off, because Postgres'
# statistics of a table that changes so fast are misleading.
STATEMENT_TIMEOUT = "statement_timeout = '5s'"
LIMITS = ("lock_timeout = '500ms'", STATEMENT_TIMEOUT, "enable_seqscan = off", "jit = off")


@contextlib.contextmanager
def limited(connection: CoreConnection) -> Iterator[Connection]:
    """Yield a connection for batches, with timeouts for locks and statements, until the block ends."""
    for limit in LIMITS:
        connection.execute_simple(f"SET {limit}")
    try:
        yield Connection(connection)
    finally:
        with contextlib.suppress(Exception):  # it broke, which the block has raised
            for limit in LIMITS:
                connection.execute_simple(f"RESET {limit.partition(' ')[0]}")


@contextlib.contextmanager
def unlimited(connection: CoreConnection) -> Iterator[None]:
    """Lift the statement timeout in the block, for a statement that blocks nothing however long it takes."""
    connection.execute_simple("SET statement_timeout = 0")
    try:
        yield
    finally:
        connection.execute_simple(f"SET {STATEMENT_TIMEOUT}")


@contextlib.contextmanager
def unpaused() -> Iterator[None]:
    """Leave the pauses out in the block: nobody else is there."""
    global _pauses
    _pauses = False
    try:
        yield
    finally:
        _pauses = True


def run_batches(batch: Callable[[], int]) -> int:
    """Call `batch`, which returns how many rows it changed, until that is 0. Return the sum."""
    total = 0
    while changed := run_batch(batch):
        total += changed
    return total


def run_batch(batch: Callable[[], T]) -> T:
    """Return the result of `batch`, and pause. Retries; raises DatabaseUnavailable if the last attempt fails."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(DatabaseUnavailable):
            return _run_and_pause(batch)
        time.sleep(TRY_AGAIN_SECONDS)
    return _run_and_pause(batch)


def _run_and_pause(batch: Callable[[], T]) -> T:
    started = time.monotonic()
    done = batch()
    if _pauses:
        time.sleep(max(MIN_PAUSE_SECONDS, PAUSE_FOR_BATCH * (time.monotonic() - started)))
    return done
