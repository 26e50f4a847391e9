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
    from common.postgres.driver import Connection as Connection  # callers name it in annotations


Row = dict[str, Any]
T = TypeVar("T")

MAX_LOST_RACES = 3
# Long enough to connect to a server that is there, through the Cloud SQL connector too.
PROBE_SECONDS = 2.0
# Who had less than this part of a probe's time has not found out whether the server is there.
TELLING_PART = 1 / 4


def fetch_all(sql: str, **parameters: Any) -> list[Row]:
    """The rows of one statement that commits by itself."""
    with connection() as opened:
        return opened.fetch_all(sql, **parameters)


def fetch_one(sql: str, **parameters: Any) -> Row | None:
    """The first row of one statement that commits by itself, or None."""
    with connection() as opened:
        return opened.fetch_one(sql, **parameters)


@contextmanager
def connection(*, replica: bool = False) -> Iterator[Connection]:
    """A pooled connection for the block, where every statement commits by itself. Raises DatabaseUnavailable."""
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
            # It fell silent, and nobody else shall wait as long to find out: what idles may be lost as well, and one at
            # a time is enough to try a new connection.
            breaker.suspect()
            pool.close_idle()
        raise
    else:
        breaker.record(success=True)
    finally:
        pool.give_back(taken)


def retry_lost_races(act: Callable[[], T]) -> T:
    """What `act` returns; it is called again, a few times at most, when Postgres prefers another transaction."""
    for _ in range(MAX_LOST_RACES):
        with suppress(LostRace):
            return act()
    return act()


def pool_state() -> dict[str, int]:
    """The primary's connections in use, the callers waiting for one, and how many there may be.

    For a request that needed one, as they were at most: when it is asked, its own is back already.
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
    """For the log line of a request that is about to take a connection, or to wait for one."""
    in_use, waiting = pool.in_use, pool.waiting
    waits.note_most(in_use=min(in_use + 1, pool.max_size), waiting=waiting + (in_use >= pool.max_size))


def _seconds_left(replica: bool) -> float:
    """For a connection: DB_CONNECTION_TIMEOUT is for all of a request, which asks for its key and then for itself.

    Half of it for the replica, so that the primary has its turn. Raises DatabaseUnavailable when nothing is left.
    """
    waited = waits.waited_for("connection") + waits.waited_for("in_vain")
    left = settings().db_connection_timeout / 1000 - waited
    if left <= 0:
        logs.write("ERROR", "No database connection", reason="the request has waited long enough")
        raise DatabaseUnavailable()
    return left / 2 if replica else left


@per_process
def _breaker(replica: bool) -> Breaker:
    """Of each server: while it is down, every second one request finds out, and the others do not wait with it."""
    return Breaker("The read replica" if replica else "Postgres")


@per_process
def _pool(replica: bool) -> Pool[Connection]:
    config, breaker = settings(), _breaker(replica)
    telling_seconds = min(PROBE_SECONDS, config.db_connection_timeout / 1000) * TELLING_PART

    def connect(timeout_seconds: float) -> Connection:
        from common.postgres.driver import (
            open_connection,  # and with it pg8000, which an answer from the cache can do without
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
