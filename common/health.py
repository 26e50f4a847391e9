"""Whether the process lives, and whether what it depends on answers."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from common import database, redis_client
from common.errors import DatabaseUnavailable
from common.version import VERSION

LIVE, READY = "/_health", "/_ready"

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


def readiness() -> tuple[dict[str, str], int]:
    """The state of each dependency, and the status: 503 when the database is down. May block."""
    state = {"database": _database_state(), "cache": _cache_state()}
    ready = state["database"] == "ok"
    return {"status": "ok" if ready else "unavailable", "version": VERSION, **state}, 200 if ready else 503


def schema() -> dict[str, Any]:
    """The database's migration, partitions and connections, for the log; empty where they cannot be read."""
    with suppress(Exception):  # whatever it meets, what is only for the log must not make an instance look ill
        return database.fetch_one(SELECT_SCHEMA) or {}
    return {}


def _database_state() -> str:
    with suppress(DatabaseUnavailable):
        database.fetch_one(PING_DATABASE)
        return "ok"
    return "down"


def _cache_state() -> str:
    if not redis_client.is_configured():
        return "memory"
    with suppress(redis_client.RedisDown):
        redis_client.prove_writable()
        return "ok"
    return "down"
