"""Finished answers, kept: memory over Redis over whatever loads them (cache_loading.py says for how long).

Here is who waits for whom. What memory has is served without asking anybody, and as long as the log of changes vouches
for it. One thread of one process loads at a time; the others serve the copy they have, or wait for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf

from common.cache import _changes, _loading, _memory, _redis
from common.cache._loading import CHANGING_SECONDS, Cached, Loaded
from common.cache._locks import lock_of
from common.cache._memory import Held
from common.cache._redis import Look
from common.errors import DatabaseUnavailable
from common.process.bounded import Memory
from common.process.threads import in_brief_thread, in_thread

# How long a refresh is waited for before the copy at hand is served.
PATIENCE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _Refresh:
    """What one task does for all coroutines that ask for an entry; started_at is monotonic time."""

    task: asyncio.Task[Cached]
    started_at: float


_forgotten_at: Memory[float] = Memory(10_000)
_refreshes: dict[str, _Refresh] = {}


async def get(key: str, load: Callable[[], Loaded], name: str = "body") -> Cached:
    """The entry called `name` under a key, for coroutines: refreshed once for all who ask, waited for only if need be.

    Raises what `load` raises, except DatabaseUnavailable where an old copy can be served instead.
    """
    full_name = f"{key} {name}"
    if held := _memory.find(full_name) or _find_unchanged(key, full_name):
        return Cached(held.entry, held.verdict)
    refresh = _refreshes.get(full_name) or _start_refresh(full_name, _refresh(key, load, name))
    patience = max(0.0, refresh.started_at + PATIENCE_SECONDS - time.monotonic())
    while not refresh.task.done():
        await asyncio.wait({refresh.task}, timeout=patience)
        if refresh.task.done():
            break
        if loaded := _memory.find(full_name):  # Redis is still being told of it
            return Cached(loaded.entry, "MISS")
        if old := _memory.copy_at_hand(full_name):
            return Cached(old.entry, "STALE")
        patience = PATIENCE_SECONDS
    return refresh.task.result()


def get_or_load(key: str, load: Callable[[], Loaded], name: str = "body") -> Cached:
    """The same for threads: the entry from memory, from Redis, or loaded by one thread for all. May block."""
    full_name = f"{key} {name}"
    if held := _memory.find(full_name):
        return Cached(held.entry, held.verdict)
    lock, old = lock_of(full_name), _memory.copy_at_hand(full_name)
    if old is None:
        lock.acquire()
    elif not lock.acquire(timeout=PATIENCE_SECONDS):
        return Cached(old.entry, "STALE")
    try:
        if held := _memory.find(full_name):  # whoever had the lock has loaded it
            return Cached(held.entry, held.verdict)
        look = _redis.look(key, name)
        return _loading.from_redis(full_name, look) or _loading.load(key, name, load, look)
    finally:
        lock.release()


def forget(*keys: str) -> None:
    """Drops everything under the keys, everywhere; memories follow within 1.5 s. Never fails."""
    for key in keys:
        _memory.drop(key)
    _redis.forget(*keys)


def forget_soon(*keys: str) -> None:
    """Like forget, for keys that change many times a second: each is dropped at most every CHANGING_SECONDS.

    What changes between two drops is not lost: an entry loaded so soon after a drop is not kept for long.
    """
    now = time.monotonic()
    due = [key for key in keys if now - (_forgotten_at.get(key) or -inf) >= CHANGING_SECONDS]
    for key in due:
        _forgotten_at.put(key, now)
    forget(*due)


def replace(key: str, load: Callable[[], Loaded]) -> None:
    """Drops everything under the key and puts what `load` finds in its place, so that no reader has to. Never fails."""
    _memory.drop(key)
    look = Look(_redis.forget(key)[key], looked_at=time.monotonic())
    with suppress(DatabaseUnavailable):
        _loading.keep(key, "body", load(), look)


def _start_refresh(full_name: str, work: Coroutine[None, None, Cached]) -> _Refresh:
    refresh = _Refresh(asyncio.get_running_loop().create_task(work), time.monotonic())
    _refreshes[full_name] = refresh
    refresh.task.add_done_callback(partial(_end_refresh, full_name))
    return refresh


def _end_refresh(full_name: str, task: asyncio.Task[Cached]) -> None:
    del _refreshes[full_name]
    if not task.cancelled():
        task.exception()  # looked at: those who waited have it, or have taken the copy at hand


async def _refresh(key: str, load: Callable[[], Loaded], name: str) -> Cached:
    found = await in_brief_thread(_ask_redis, key, name)
    return found if isinstance(found, Cached) else await in_thread(_loading.load, key, name, load, found)


def _ask_redis(key: str, name: str) -> Cached | Look:
    """The entry where it is still the same or Redis has it; otherwise the look that says who shall load it."""
    full_name = f"{key} {name}"
    _changes.catch_up()
    if held := _find_unchanged(key, full_name):
        return Cached(held.entry, held.verdict)
    look = _redis.look(key, name)
    return _loading.from_redis(full_name, look) or look


def _find_unchanged(key: str, full_name: str) -> Held | None:
    """What was to be served for a moment, and may be for another, because the key has not changed. Never blocks."""
    held = _memory.copy_at_hand(full_name)
    if held is None:
        return None
    serve_until = min(held.fresh_until, _changes.unchanged_until(key, held.looked_at))
    if time.monotonic() >= serve_until:
        return None
    _memory.serve_on(full_name, held, serve_until)
    return held
