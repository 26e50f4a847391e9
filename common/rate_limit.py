"""Requests a minute and client: counted in Redis for the whole fleet, in memory where there is no Redis.

A sliding window estimated from two counters (the "sliding window counter"): exact within the assumption that the
previous window's requests were evenly spread. A limit fails open: an outage of Redis never refuses a shopper.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from common import redis_client
from common.config import settings
from common.errors import RateLimited
from common.memory import Memory

WINDOW_SECONDS = 60
# About 200 bytes each: 10 000 clients a minute and instance, the busiest of which stay.
MAX_CLIENTS_IN_MEMORY = 10_000

VIEWS, CONVERSIONS, STATS, DEFAULT = "views", "conversions", "stats", "default"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a limit says to one request. quota 0: the limit is off."""

    name: str
    passes: bool
    quota: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int = 0
    window_seconds: int = WINDOW_SECONDS


def hit(name: str, client: str) -> Verdict:
    """Counts one request of this client against the limit. May block for Redis."""
    quota = _quota(name)
    if quota == 0:
        return untouched(name)
    key = f"rate-limit:{name}:{client}"
    passes, remaining, reset_ms, wait_ms = _count(key, quota)
    return Verdict(name, bool(passes), quota, remaining, math.ceil(reset_ms / 1000), max(1, math.ceil(wait_ms / 1000)))


def untouched(name: str) -> Verdict:
    """The verdict on a request that is not counted, such as a health probe."""
    return Verdict(name, True, _quota(name), _quota(name), WINDOW_SECONDS)


def refuse_if_exceeded(verdict: Verdict) -> None:
    """Raises RateLimited with the Retry-After that the verdict asks for."""
    if not verdict.passes:
        raise RateLimited(headers={"Retry-After": str(verdict.retry_after_seconds)})


def _quota(name: str) -> int:
    quota: int = getattr(settings(), f"rate_limit_{name}")
    return quota


_count_in_redis = redis_client.load_script(Path(__file__).with_name("rate_limit.lua"))


def _count(key: str, quota: int) -> tuple[int, int, float, float]:
    if redis_client.is_configured():
        try:
            passes, remaining, reset_ms, wait_ms = _count_in_redis([key], [quota, WINDOW_SECONDS * 1000])
            return passes, remaining, reset_ms, wait_ms
        except redis_client.RedisDown:
            pass
    return _count_in_memory(key, quota, time.monotonic() * 1000)


@dataclass(frozen=True, slots=True)
class _Window:
    start_ms: float
    current: int = 0
    previous: int = 0


_windows: Memory[_Window] = Memory(MAX_CLIENTS_IN_MEMORY)
_windows_lock = threading.Lock()


def _count_in_memory(key: str, quota: int, now_ms: float) -> tuple[int, int, float, float]:
    """The same count as rate_limit.lua, for one process."""
    window_ms = WINDOW_SECONDS * 1000
    with _windows_lock:
        window = _slide(_windows.get(key) or _Window(now_ms), now_ms, window_ms)
        reset_ms = window.start_ms + window_ms - now_ms
        used = window.previous * reset_ms / window_ms + window.current
        if used + 1 > quota:
            wait_ms = reset_ms
            if window.previous > 0 and window.current + 1 <= quota:
                wait_ms = (used + 1 - quota) * window_ms / window.previous
            return 0, 0, reset_ms, wait_ms
        _windows.put(key, _Window(window.start_ms, window.current + 1, window.previous))
        return 1, math.floor(quota - used - 1), reset_ms, 0


def _slide(window: _Window, now_ms: float, window_ms: float) -> _Window:
    passed = math.floor((now_ms - window.start_ms) / window_ms)
    if passed < 1:
        return window
    return _Window(window.start_ms + passed * window_ms, 0, window.current if passed == 1 else 0)
