"""Liveness, and readiness of the dependencies."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any, NamedTuple

from common import postgres, redis
from common.errors import DatabaseUnavailable
from common.process.garbage import freeze_loaded
from common.process.per_process import per_process
from common.version import VERSION

LIVE, READY = "/_health", "/_ready"

# How long a check holds: probes are not rate-limited, but any number of them costs one check per second.
FRESH_SECONDS = 1.0
# A probe that waits longer for a running check reports the database as down.
PATIENCE_SECONDS = 1.0

DRIVER_AFTER_SECONDS = 1.0

PING_DATABASE = "SELECT 1 AS answer"

# To be monitored, because it changes without a release: the remaining partitions, events that lie in none of them (at
# most 2000 are counted, which costs nothing), and the connections. These are
# not counted by pg_stat_activity, where a plain role cannot see the kind of other roles' sessions.
SELECT_SCHEMA = """
    SELECT (SELECT max(version) FROM schema_migrations) AS migration,
        (SELECT count(*)
         FROM pg_inherits
         JOIN pg_class AS month ON month.oid = inhrelid
         WHERE inhparent = 'popup_views'::regclass
           AND relname BETWEEN 'popup_views_' || to_char(now() + interval '1 month', 'YYYY_MM') AND 'popup_views_9'
        ) AS months_ahead,
        (SELECT count(*)::int
         FROM (
             (SELECT FROM popup_views_default LIMIT 1000)
             UNION ALL
             (SELECT FROM popup_conversions_default LIMIT 1000)
         ) AS misplaced
        ) AS rows_in_default,
        (SELECT sum(numbackends)::int FROM pg_stat_database) AS connections,
        current_setting('max_connections')::int AS max_connections
"""


class Readiness(NamedTuple):
    """The states of the database and the cache, the schema's state for the log, and the monotonic time it expires."""

    database: str
    cache: str
    schema: dict[str, Any]
    fresh_until: float

    @property
    def is_ready(self) -> bool:
        return self.database == "ok"

    def as_answer(self) -> dict[str, str]:
        status = "ok" if self.is_ready else "unavailable"
        return {"status": status, "version": VERSION, "database": self.database, "cache": self.cache}


_readiness = Readiness("down", "down", {}, 0.0)
_checking = threading.Lock()


@per_process
def load_clients() -> None:
    """Import, in a thread, what requests need; the platform's startup probe comes before them.

    At once the client of Redis, for the first of them; a second later Postgres' driver, for which an answer out of
    Redis would only wait.
    """
    threading.Thread(target=_load_clients, daemon=True).start()


def _load_clients() -> None:
    if redis.is_configured():
        redis.load_client()
        freeze_loaded()
    time.sleep(DRIVER_AFTER_SECONDS)
    postgres.load_driver()
    freeze_loaded()


def fresh_readiness() -> Readiness | None:
    """Return the last result, or None once it has expired. Never blocks."""
    return _readiness if time.monotonic() < _readiness.fresh_until else None


def check_readiness() -> Readiness:
    """Return whether the dependencies answer: one thread checks, the others wait for its result. May block."""
    if not _checking.acquire(timeout=PATIENCE_SECONDS):
        return _readiness._replace(database="down")
    try:
        return fresh_readiness() or _check()
    finally:
        _checking.release()


def _check() -> Readiness:
    global _readiness
    database_state, cache_state = _database_state(), _cache_state()
    known = schema() if database_state == "ok" else {}
    _readiness = Readiness(database_state, cache_state, known, time.monotonic() + FRESH_SECONDS)
    return _readiness


def schema() -> dict[str, Any]:
    """Return the database's migration, partitions and connections for the log; empty if they cannot be read."""
    with suppress(Exception):  # a failure of what is only for the log must not make the instance unready
        return postgres.fetch_one(SELECT_SCHEMA) or {}
    return {}


def _database_state() -> str:
    with suppress(DatabaseUnavailable):
        postgres.fetch_one(PING_DATABASE)
        return "ok"
    return "down"


def _cache_state() -> str:
    if not redis.is_configured():
        return "memory"
    with suppress(redis.RedisDown):
        redis.prove_writable()
        return "ok"
    return "down"
