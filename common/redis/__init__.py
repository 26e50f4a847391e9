"""Redis, Valkey or a cluster: scripts in one round trip each, and reachability."""

from __future__ import annotations

from common.redis._client import (
    RedisDown,
    Run,
    Script,
    admits,
    is_configured,
    is_reachable,
    load_client,
    prove_writable,
    seconds_since_outage,
)

__all__ = [
    "RedisDown",
    "Run",
    "Script",
    "admits",
    "is_configured",
    "is_reachable",
    "load_client",
    "prove_writable",
    "seconds_since_outage",
]
