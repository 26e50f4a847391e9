"""Reads from the replica while it keeps up, else from the primary."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import inf
from typing import TypeVar

from common import logs
from common.config import settings
from common.errors import DatabaseTimeout, DatabaseUnavailable
from common.postgres import _database
from common.postgres.connect import has_replica

T = TypeVar("T")

MAX_LAG_SECONDS = 5
# A read from a replica that is further behind may lack an event that must show within 2 s.
SETTLED_LAG_SECONDS = 0.5
UNSETTLED_FRESH_SECONDS = 1.0
# How long a measurement of the lag holds: one query per second under any load.
MEASURED_SECONDS = 1.0

SELECT_PRIMARY_POSITION = "SELECT pg_current_wal_lsn()::text AS lsn"

# A replica that has replayed all that the primary had written a moment ago has no lag, however old the last write is.
SELECT_REPLICA_LAG = """
    SELECT CASE
        WHEN NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= :primary_lsn::pg_lsn THEN 0
        ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)
    END::float8 AS lag_seconds
"""


class _Lag:
    """The last measured lag. One thread refreshes it once it expires; others use the old value meanwhile."""

    def __init__(self) -> None:
        self.lag_seconds = inf
        self._until = 0.0
        self._lock = threading.Lock()

    def keeps_up(self) -> bool:
        if time.monotonic() >= self._until and self._lock.acquire(blocking=False):
            try:
                self.set(_lag_seconds())
            finally:
                self._lock.release()
        return self.lag_seconds <= MAX_LAG_SECONDS

    def set(self, lag_seconds: float) -> None:
        kept_up, keeps_up = self.lag_seconds <= MAX_LAG_SECONDS, lag_seconds <= MAX_LAG_SECONDS
        if keeps_up != kept_up:
            logs.write("INFO" if keeps_up else "WARNING", "Replica keeps up" if keeps_up else "Replica is not used")
        self.lag_seconds = lag_seconds
        self._until = time.monotonic() + MEASURED_SECONDS


_lag = _Lag()


def read(act: Callable[[_database.Connection], T]) -> T:
    """Return `act(connection)` on the replica if it is usable, else on the primary. `act` only reads.

    A result of None is retried on the primary, because a new row may not be replicated yet.
    """
    if has_replica(settings()) and _lag.keeps_up():
        try:
            with _database.connection(replica=True) as connection:
                found = act(connection)
        except DatabaseTimeout:
            raise  # the primary would not be faster, and has other work
        except DatabaseUnavailable:
            _lag.set(inf)
        else:
            if found is not None:
                return found
    with _database.connection() as connection:
        return act(connection)


def fresh_seconds() -> float:
    """Return how long the last read is fresh, in seconds: bounded while the replica lags, else infinite."""
    return UNSETTLED_FRESH_SECONDS if SETTLED_LAG_SECONDS < _lag.lag_seconds <= MAX_LAG_SECONDS else inf


def _lag_seconds() -> float:
    """Return the replica's lag; infinite if it does not answer, 0 if only the primary does not."""
    try:
        position = _database.fetch_one(SELECT_PRIMARY_POSITION)
    except DatabaseUnavailable:
        return 0.0
    try:
        with _database.connection(replica=True) as connection:
            lag = connection.fetch_one(SELECT_REPLICA_LAG, primary_lsn=position and position["lsn"])
    except DatabaseUnavailable:
        return inf
    return float(lag["lag_seconds"]) if lag else inf
