"""Cached reads with single flight, and invalidation.

A copy in memory is served without a round trip, and for as long as the change log shows its key as unchanged. Per slot
one caller at a time loads (single flight); the others are served a stale copy, or wait. _loading.py decides how long an
answer is fresh.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from math import inf

from common.cache import _loading, _lookups, _memory, _redis
from common.cache._entry import BODY, Cached, Slot
from common.cache._loading import CHANGING_SECONDS, Loaded
from common.cache._redis import LEASE_PAUSES_SECONDS, Lookup
from common.errors import DatabaseUnavailable
from common.process.bounded import Memory
from common.process.threads import in_loading_thread

# How long a caller waits for a refresh before it is served a stale copy.
PATIENCE_SECONDS = 0.1
MAX_LOCKS = 1000


@dataclass(frozen=True, slots=True)
class _Refresh:
    """The task that refreshes a slot for all waiting coroutines; started_at is monotonic time.

    `loads` is set once Redis had no answer, and it is loaded.
    """

    task: asyncio.Task[Cached]
    started_at: float
    loads: threading.Event


_forgotten_at: Memory[str, float] = Memory(10_000)
_refreshes: dict[Slot, _Refresh] = {}
_locks: dict[Slot, threading.Lock] = {}
_locks_guard = threading.Lock()


async def get_async(key: str, load: Callable[[], Loaded], name: str = BODY) -> Cached:
    """Return the answer called `name` under a key, for coroutines; concurrent callers share one refresh.

    Raises what `load` raises, except DatabaseUnavailable where a stale copy can be served instead.
    """
    slot = Slot(key, name)
    if cached := _memory.find(slot) or _loading.find_unchanged(slot):
        return cached
    refresh = _refreshes.get(slot) or _start_refresh(slot, load)
    # A caller that joins a running refresh waits only for the rest of the first caller's patience.
    patience = max(0.0, refresh.started_at + PATIENCE_SECONDS - time.monotonic())
    while not refresh.task.done():
        await asyncio.wait({refresh.task}, timeout=patience)
        if refresh.task.done():
            break
        if found := _memory.find(slot):  # the task has yet to store it in Redis, or to return
            loaded = refresh.loads.is_set() and found.verdict == "HIT"
            return replace(found, verdict="MISS") if loaded else found
        if stale := _memory.find_stale(slot):
            return stale
        patience = PATIENCE_SECONDS
    return refresh.task.result()


def get_blocking(key: str, load: Callable[[], Loaded], name: str = BODY) -> Cached:
    """Return the same for threads: from memory, from Redis, or loaded by one thread for all. May block.

    The change log is not asked: it has no keys of reports, which threads read.
    """
    slot = Slot(key, name)
    if cached := _memory.find(slot):
        return cached
    lock, stale = _lock_of(slot), _memory.find_stale(slot)
    if stale is None:
        lock.acquire()
    elif not lock.acquire(timeout=PATIENCE_SECONDS):
        return stale
    try:
        if cached := _memory.find(slot):  # the thread that held the lock has loaded it
            return cached
        found = _loading.look_up(slot)
        for pause in LEASE_PAUSES_SECONDS:
            if not _loading.is_loading_elsewhere(found):
                break
            time.sleep(pause)
            found = _loading.look_up(slot)
        return found if isinstance(found, Cached) else _loading.load(slot, load, found)
    finally:
        lock.release()


def forget(*keys: str) -> None:
    """Drop everything under the keys, everywhere; other instances' memories follow within 1.5 s. Never fails."""
    for key in keys:
        _memory.drop(key)
    _redis.forget(*keys)


def forget_soon(*keys: str) -> None:
    """Forget keys that change many times per second: each is dropped at most once per CHANGING_SECONDS.

    A change between two drops is not lost: an answer loaded so soon after a drop is fresh for a short time only.
    """
    now = time.monotonic()
    due = [key for key in keys if now - (_forgotten_at.get(key) or -inf) >= CHANGING_SECONDS]
    for key in due:
        _forgotten_at.put(key, now)
    forget(*due)


def reload(key: str, load: Callable[[], Loaded], name: str = BODY) -> None:
    """Drop everything under the key, and store what `load` returns as `name`: its readers do not wait. Never fails."""
    _memory.drop(key)
    lookup = Lookup(_redis.forget(key)[key], looked_at=time.monotonic())
    with suppress(DatabaseUnavailable):
        _loading.keep(Slot(key, name), load(), lookup)


def _start_refresh(slot: Slot, load: Callable[[], Loaded]) -> _Refresh:
    loads = threading.Event()

    def source() -> Loaded:
        loads.set()
        return load()

    task = asyncio.get_running_loop().create_task(_refresh(slot, source))
    refresh = _Refresh(task, time.monotonic(), loads)
    _refreshes[slot] = refresh
    refresh.task.add_done_callback(partial(_end_refresh, slot))
    return refresh


def _end_refresh(slot: Slot, task: asyncio.Task[Cached]) -> None:
    del _refreshes[slot]
    if not task.cancelled():
        task.exception()  # mark it retrieved: the waiting callers have it, or were served a stale copy


async def _refresh(slot: Slot, load: Callable[[], Loaded]) -> Cached:
    """Ask Redis; while another process loads the answer, wait for that without holding a thread."""
    found = await _lookups.look_up(slot)
    for pause in LEASE_PAUSES_SECONDS:
        if not _loading.is_loading_elsewhere(found):
            break
        await asyncio.sleep(pause)
        found = await _lookups.look_up(slot)
    return found if isinstance(found, Cached) else await in_loading_thread(_loading.load, slot, load, found)


def _lock_of(slot: Slot) -> threading.Lock:
    """Return the slot's lock; idle locks are dropped above MAX_LOCKS."""
    with _locks_guard:
        if len(_locks) > MAX_LOCKS:
            for idle in [other for other, lock in _locks.items() if not lock.locked()]:
                del _locks[idle]
        return _locks.setdefault(slot, threading.Lock())
