"""Requests per minute and client, counted in this process and settled with other processes through Redis.

A sliding window is estimated from two counters ("sliding window counter"): exact if the previous window's requests were
evenly spread. Every hit is counted in memory; each time a client has made SETTLED_SHARE of its quota here, the hits are
added to Redis and the sum comes back; near the quota, and of a small one always, that is every hit. So most requests
make no round trip, refusals none at all, and each further instance admits at most that share, or one request, beyond
the quota; of a small one none. While Redis is down, each process counts in memory alone.
"""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import NamedTuple

from common import redis
from common.config import settings
from common.errors import RateLimited
from common.process.bounded import Memory

WINDOW_SECONDS = 60
WINDOW_MS = WINDOW_SECONDS * 1000
# Ten instances together exceed the quota by at most 1 %.
SETTLED_SHARE = 0.001
# Of a quota up to this, each hit is settled: one request too many would be a twentieth of it.
SMALL_QUOTA = 20
# About 300 bytes each: 3 MB.
MAX_CLIENTS_IN_MEMORY = 10_000

VIEWS, CONVERSIONS, STATS, DEFAULT, ORDERS = "views", "conversions", "stats", "default", "orders"


class Verdict(NamedTuple):
    """A limit's answer to one request. quota 0: the limit is off."""

    name: str
    passes: bool
    quota: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int = 0
    window_seconds: int = WINDOW_SECONDS


class _Window(NamedTuple):
    """One client's hits as this process knows them; `unsettled` of the current ones are not in Redis yet."""

    start_ms: int
    current: int = 0
    previous: int = 0
    unsettled: int = 0

    def at(self, now_ms: int) -> _Window:
        """Return the window that is running at now_ms."""
        passed = (now_ms - self.start_ms) // WINDOW_MS
        if passed < 1:
            return self
        return _Window(self.start_ms + passed * WINDOW_MS, 0, self.current if passed == 1 else 0)

    def used(self, now_ms: int) -> int:
        """Return the estimate, rounded down: a client that waits for the end of a window has one request free."""
        return self.current + self.previous * (self.start_ms + WINDOW_MS - now_ms) // WINDOW_MS


_windows: Memory[str, _Window] = Memory(MAX_CLIENTS_IN_MEMORY)
_lock = threading.Lock()
_script = redis.Script(Path(__file__).with_name("hit.lua"))


def hit_in_memory(name: str, client: str) -> Verdict | None:
    """Count one request of this client; return None if Redis must be asked first. Never blocks."""
    quota = quota_of(name)
    if quota == 0:
        return untouched(name)
    key, now_ms = _key(name, client), _now_ms()
    with _lock:
        window = (_windows.get(key) or _Window(now_ms)).at(now_ms)
        passes = window.used(now_ms) + 1 <= quota
        if passes:
            if window.unsettled + 1 >= _hits_to_settle(window, quota) and redis.is_reachable(key):
                return None
            window = window._replace(current=window.current + 1, unsettled=window.unsettled + 1)
            _windows.put(key, window)
    return _verdict(name, quota, passes, window, now_ms)


def hit(name: str, client: str) -> Verdict:
    """Count one request of this client, and settle the hits counted here with Redis. May block."""
    quota, key = quota_of(name), _key(name, client)
    with _lock:
        window = (_windows.get(key) or _Window(_now_ms())).at(_now_ms())
        _windows.put(key, window._replace(unsettled=0))
    try:
        passes, elapsed_ms, current, previous = _script.run(key, [quota, WINDOW_MS, window.unsettled])
    except redis.RedisDown:
        return _hit_without_redis(name, client, quota, window.unsettled)
    now_ms = _now_ms()
    with _lock:
        counted_meanwhile = (_windows.get(key) or _Window(now_ms)).unsettled
        settled = _Window(now_ms - elapsed_ms, current + counted_meanwhile, previous, counted_meanwhile)
        _windows.put(key, settled)
    return _verdict(name, quota, bool(passes), settled, now_ms)


def _hit_without_redis(name: str, client: str, quota: int, unsettled: int) -> Verdict:
    """Count one request in memory alone, and keep the unsettled hits for later."""
    key, now_ms = _key(name, client), _now_ms()
    with _lock:
        window = (_windows.get(key) or _Window(now_ms)).at(now_ms)
        passes = window.used(now_ms) + 1 <= quota
        counted = window.unsettled + unsettled + passes
        window = window._replace(current=window.current + passes, unsettled=min(counted, quota))
        _windows.put(key, window)
    return _verdict(name, quota, passes, window, now_ms)


def untouched(name: str) -> Verdict:
    """Return the verdict on a request that is not counted, such as a health probe."""
    quota = quota_of(name)
    return Verdict(name, True, quota, quota, WINDOW_SECONDS)


def refuse_if_exceeded(verdict: Verdict) -> None:
    """Raise RateLimited with the Retry-After that the verdict asks for."""
    if not verdict.passes:
        raise RateLimited(headers={"Retry-After": str(verdict.retry_after_seconds)})


def quota_of(name: str) -> int:
    quota: int = getattr(settings(), f"rate_limit_{name}")
    return quota


def _hits_to_settle(window: _Window, quota: int) -> int:
    """Return how many hits are settled at a time: one of a small quota, and past half of any; at least two else.

    Two spare an occasional caller the round trip.
    """
    is_near = quota <= SMALL_QUOTA or window.current + 1 > quota / 2
    return 1 if is_near else max(2, 1 + int(quota * SETTLED_SHARE))


def _verdict(name: str, quota: int, passes: bool, window: _Window, now_ms: int) -> Verdict:
    wait_ms = 0 if passes else _wait_ms(window, quota, now_ms)
    return Verdict(
        name,
        passes,
        quota,
        remaining=max(0, quota - window.used(now_ms)),
        reset_seconds=math.ceil((window.start_ms + WINDOW_MS - now_ms) / 1000),
        retry_after_seconds=min(WINDOW_SECONDS, max(1, math.ceil(wait_ms / 1000))),
    )


def _wait_ms(window: _Window, quota: int, now_ms: int) -> float:
    """Return the ms until one more hit passes, plus one: a window's hits slide out evenly during the next window."""
    free = quota - window.current
    if free > 0:
        return window.start_ms + WINDOW_MS - now_ms - free * WINDOW_MS / window.previous + 1
    return window.start_ms + 2 * WINDOW_MS - now_ms - quota * WINDOW_MS / window.current + 1


def _key(name: str, client: str) -> str:
    return f"rate-limit:{name}:{client}"


def _now_ms() -> int:
    """Return whole ms: in floats a window of 60 s ends 60.000000000001 s after it started, which rounds up to 61."""
    return time.monotonic_ns() // 1_000_000
