"""Whether the process lives, and whether what it depends on answers."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any, NamedTuple

from common import postgres, redis
from common.errors import DatabaseUnavailable
from common.version import VERSION

LIVE, READY = "/_health", "/_ready"

# How long a verdict holds: probes without a limit, as many as anybody likes, cost one look a second.
FRESH_SECONDS = 1.0
# Who has to wait longer for another's look is told that the database is down, which to him it is.
PATIENCE_SECONDS = 1.0

PING_DATABASE = "SELECT 1 AS answer"

# What is to be watched but changes by itself: months run out, connections fill up. Those are not counted by
# pg_stat_activity, where a plain role does not even see what kind the sessions of others are.
SELECT_SCHEMA = """
    SELECT (SELECT max(version) FROM schema_migrations) AS migration,
        (SELECT count(*)
         FROM pg_inherits
         JOIN pg_class AS month ON month.oid = inhrelid
         WHERE inhparent = 'popup_views'::regclass
           AND relname BETWEEN 'popup_views_' || to_char(now() + interval '1 month', 'YYYY_MM') AND 'popup_views_9'
        ) AS months_ahead,
        (SELECT sum(numbackends)::int FROM pg_stat_database) AS connections,
        current_setting('max_connections')::int AS max_connections
"""


class Verdict(NamedTuple):
    """The states of the database and the cache; what the log is to know of the schema; and the monotonic end of it."""

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


_verdict = Verdict("down", "down", {}, 0.0)
_looking = threading.Lock()


def fresh_verdict() -> Verdict | None:
    """The last verdict, while it holds. Never blocks."""
    return _verdict if time.monotonic() < _verdict.fresh_until else None


def readiness() -> Verdict:
    """Whether what we depend on answers: one thread looks, the others wait for what it finds. May block."""
    if not _looking.acquire(timeout=PATIENCE_SECONDS):
        return _verdict._replace(database="down")
    try:
        return fresh_verdict() or _look()
    finally:
        _looking.release()


def _look() -> Verdict:
    global _verdict
    database_state, cache_state = _database_state(), _cache_state()
    known = schema() if database_state == "ok" else {}
    _verdict = Verdict(database_state, cache_state, known, time.monotonic() + FRESH_SECONDS)
    return _verdict


def schema() -> dict[str, Any]:
    """The database's migration, partitions and connections, for the log; empty where they cannot be read."""
    with suppress(Exception):  # whatever it meets, what is only for the log must not make an instance look ill
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
