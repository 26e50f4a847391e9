"""Statements on pooled connections. Every call may block, and may raise DatabaseUnavailable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from common import logs
from common.config import settings
from common.errors import DatabaseUnavailable
from common.postgres._errors import DatabaseUnreachable, LostRace
from common.postgres._pool import Pool, PoolExhausted
from common.process import waits
from common.process.breaker import Breaker
from common.process.garbage import freeze_connected
from common.process.per_process import per_process

if TYPE_CHECKING:
    from common.postgres.driver import Connection as Connection  # for callers' annotations


Row = dict[str, Any]
T = TypeVar("T")

MAX_LOST_RACES = 3
# Long enough to connect to a running server, also through the Cloud SQL connector.
PROBE_SECONDS = 2.0
# An attempt with less than a quarter of PROBE_SECONDS does not prove that the server is down.
TELLING_PART = 1 / 4


def fetch_all(sql: str, **parameters: Any) -> list[Row]:
    """Return the rows of one autocommitted statement."""
    with connection() as opened:
        return opened.fetch_all(sql, **parameters)


def fetch_one(sql: str, **parameters: Any) -> Row | None:
    """Return the first row of one autocommitted statement, or None."""
    with connection() as opened:
        return opened.fetch_one(sql, **parameters)


@contextmanager
def connection(*, replica: bool = False) -> Iterator[Connection]:
    """Lend a pooled connection in autocommit mode to the block. Raises DatabaseUnavailable."""
    pool, breaker = _pool(replica), _breaker(replica)
    seconds = _seconds_left(replica)
    if not pool.has_idle and not breaker.admits():
        raise DatabaseUnavailable()
    if not replica:
        _note_state(pool)
    taken = _take(pool, seconds)
    waited_before = waits.waited_for("database")
    try:
        yield taken
    except DatabaseUnavailable as error:
        waits.add(waits.current(), {"in_vain": waits.waited_for("database") - waited_before})
        if isinstance(error, DatabaseUnreachable):
            # It fell silent, and no other request should wait as long to find out: the idle connections may be lost as
            # well, and one probe at a time is enough to try a new one.
            breaker.suspect()
            pool.close_idle()
        raise
    else:
        breaker.record(success=True)
    finally:
        pool.give_back(taken)


def retry_lost_races(act: Callable[[], T]) -> T:
    """Return `act()`, retried a few times at most after a deadlock or a serialization failure."""
    for _ in range(MAX_LOST_RACES):
        with suppress(LostRace):
            return act()
    return act()


def load_driver() -> None:
    """Import pg8000, and the Cloud SQL connector where it is used, without connecting."""
    from common.postgres.connect import load_connector

    load_connector(settings())


def pool_state() -> dict[str, int]:
    """Return the primary's connections in use, the callers waiting for one, and the maximum.

    After a request that needed a connection these are its highest values: its own has been returned by then.
    """
    pool, most = _pool(False), waits.most()
    return {
        "in_use": max(pool.in_use, most.get("in_use", 0)),
        "waiting": max(pool.waiting, most.get("waiting", 0)),
        "max": pool.max_size,
    }


def _take(pool: Pool[Connection], seconds: float) -> Connection:
    try:
        with waits.waiting_for("connection"):
            return pool.take(seconds)
    except PoolExhausted:
        logs.write("ERROR", "No database connection", reason="all are in use", pool=pool_state())
        raise DatabaseUnavailable() from None


def _note_state(pool: Pool[Connection]) -> None:
    """Record the pool's state for the log line, just before the request takes a connection."""
    in_use, waiting = pool.in_use, pool.waiting
    waits.note_most(in_use=min(in_use + 1, pool.max_size), waiting=waiting + (in_use >= pool.max_size))


def _seconds_left(replica: bool) -> float:
    """Return the timeout for taking a connection: what is left of the request's DB_CONNECTION_TIMEOUT.

    A request takes one for its API key and one for itself. The replica gets half, so that the primary can still be
    tried. Raises DatabaseUnavailable if nothing is left.
    """
    waited = waits.waited_for("connection") + waits.waited_for("in_vain")
    left = settings().db_connection_timeout / 1000 - waited
    if left <= 0:
        logs.write("ERROR", "No database connection", reason="the request has waited long enough")
        raise DatabaseUnavailable()
    return left / 2 if replica else left


@per_process
def _breaker(replica: bool) -> Breaker:
    """Return the server's breaker: while it is down, one request per second probes it; the others fail at once."""
    return Breaker("The read replica" if replica else "Postgres")


@per_process
def _pool(replica: bool) -> Pool[Connection]:
    config, breaker = settings(), _breaker(replica)
    telling_seconds = min(PROBE_SECONDS, config.db_connection_timeout / 1000) * TELLING_PART

    def connect(timeout_seconds: float) -> Connection:
        from common.postgres.driver import (
            open_connection,  # imports pg8000, which a cached answer does not need
        )

        if not breaker.closed:
            timeout_seconds = min(timeout_seconds, PROBE_SECONDS)
        try:
            opened = open_connection(config, timeout_seconds, replica=replica)
        except DatabaseUnreachable:
            if timeout_seconds >= telling_seconds:
                breaker.record(success=False)
            raise
        breaker.record(success=True)
        freeze_connected()
        return opened

    return Pool(
        connect,
        min_size=config.db_pool_min,
        max_size=config.db_pool_max,
        idle_timeout=config.db_idle_timeout / 1000,
    )
