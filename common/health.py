"""Whether the process lives, and whether what it depends on answers."""

from __future__ import annotations

from contextlib import suppress

from common import database, redis_client
from common.errors import DatabaseUnavailable

LIVE, READY = "/_health", "/_ready"

PING_DATABASE = "SELECT 1 AS answer"


def readiness() -> tuple[dict[str, str], int]:
    """The state of each dependency, and the status: 503 when the database is down. May block."""
    state = {"database": _database_state(), "cache": _cache_state()}
    ready = state["database"] == "ok"
    return {"status": "ok" if ready else "unavailable", **state}, 200 if ready else 503


def _database_state() -> str:
    with suppress(DatabaseUnavailable):
        database.fetch_one(PING_DATABASE)
        return "ok"
    return "down"


def _cache_state() -> str:
    if not redis_client.is_configured():
        return "memory"
    with suppress(redis_client.RedisDown):
        redis_client.ping()
        return "ok"
    return "down"
