"""Redis, Valkey or a cluster of them: scripts in one round trip, and whether it answers."""

from __future__ import annotations

from common.redis._client import RedisDown, Script, is_configured, is_reachable, prove_writable, seconds_since_outage

__all__ = ["RedisDown", "Script", "is_configured", "is_reachable", "prove_writable", "seconds_since_outage"]
