"""Finished answers, kept: memory over Redis over whatever loads them.

In memory an answer is served for a moment without asking anybody; that moment bounds how long another instance may
serve what a writer replaced. In Redis it is fresh for its TTL, unless its key is forgotten. One thread of one process
loads at a time, the others serve the copy they have or wait for it. Everything is kept an hour longer: while it cannot
be loaded, the last good copy is served as STALE.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf

from common import shared_cache
from common.cache_entry import Entry, make_entry
from common.errors import DatabaseUnavailable
from common.memory import Memory
from common.shared_cache import OUTAGE_SECONDS, Look
from common.threads import in_thread

# Promised is that an edit is served everywhere within 2 s; the rest is for the way of the request.
MEMORY_SECONDS = 1.5
MEMORY_BYTES = 32 * 1024 * 1024
# Names that do not exist are anybody's to invent: they have a small room of their own.
MAX_ABSENT_IN_MEMORY = 1000
TTL_JITTER = 0.1
# How long a request waits for a refresh before it takes the copy at hand.
PATIENCE_SECONDS = 0.1
# While the database is down, it is asked for a key this often.
RETRY_SECONDS = 1.0
# An event shows within 2 s: half a second until its key is dropped, and one in which a reader may keep what it has.
CHANGING_SECONDS = 0.5
CHANGING_FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loader found, and how long it is fresh: its TTL, and what its content allows at most.

    body None: it does not exist.
    """

    body: bytes | None
    ttl_seconds: float
    most_seconds: float = inf


@dataclass(frozen=True, slots=True)
class Cached:
    """An answer and how it was come by: HIT, MISS or STALE, as X-Cache says."""

    entry: Entry
    verdict: str


@dataclass(frozen=True, slots=True)
class _Held:
    """An entry in memory: until when it is served unasked, and until when in need. Both on the monotonic clock."""

    entry: Entry
    verdict: str
    serve_until: float
    keep_until: float


_held: Memory[_Held] = Memory(MEMORY_BYTES, cost=lambda held: held.entry.size_bytes)
_absent: Memory[_Held] = Memory(MAX_ABSENT_IN_MEMORY)
_forgotten_at: Memory[float] = Memory(10_000)
_refreshing: dict[str, asyncio.Task[Cached]] = {}
_loaders: dict[str, threading.Lock] = {}
_loaders_lock = threading.Lock()


async def get(key: str, load: Callable[[], Loaded], name: str = "body") -> Cached:
    """The entry called `name` under a key, for coroutines: refreshed once for all who ask, waited for only if need be.

    Raises what `load` raises, except DatabaseUnavailable where an old copy can be served instead.
    """
    if cached := _in_memory(key, name):
        return cached
    full_name = f"{key} {name}"
    refresh = _refreshing.get(full_name)
    if refresh is None:
        refresh = asyncio.get_running_loop().create_task(in_thread(get_or_load, key, load, name))
        _refreshing[full_name] = refresh
        refresh.add_done_callback(partial(_end_refresh, full_name))
    if old := _usable_copy(full_name):
        await asyncio.wait({refresh}, timeout=PATIENCE_SECONDS)
        if not refresh.done():
            return Cached(old, "STALE")
    return await asyncio.shield(refresh)


def get_or_load(key: str, load: Callable[[], Loaded], name: str = "body") -> Cached:
    """The same for threads: the entry from memory, from Redis, or loaded by one thread for all. May block."""
    if cached := _in_memory(key, name):
        return cached
    with _loader_lock(f"{key} {name}"):
        return _in_memory(key, name) or _refresh(key, load, name)


def forget(*keys: str) -> None:
    """Drops everything under the keys, everywhere; memories follow within MEMORY_SECONDS. Never fails."""
    for key in keys:
        _held.remove(f"{key} body")
        _absent.remove(f"{key} body")
    shared_cache.forget(*keys)


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
    look = Look(shared_cache.forget(key)[key], looked_at=time.monotonic())
    with suppress(DatabaseUnavailable):
        _keep(key, "body", load(), look)


def _in_memory(key: str, name: str) -> Cached | None:
    full_name = f"{key} {name}"
    held = _held.get(full_name) or _absent.get(full_name)
    if held is None or time.monotonic() >= held.serve_until:
        return None
    return Cached(held.entry, held.verdict)


def _usable_copy(full_name: str) -> Entry | None:
    held = _held.get(full_name)
    return held.entry if held and time.monotonic() < held.keep_until else None


def _end_refresh(full_name: str, refresh: asyncio.Task[Cached]) -> None:
    del _refreshing[full_name]
    if not refresh.cancelled():
        refresh.exception()  # looked at: those who waited have it, or have taken the copy at hand


def _refresh(key: str, load: Callable[[], Loaded], name: str) -> Cached:
    look = shared_cache.look_until_fresh_or_leased(key, name)
    if look.entry and look.fresh_seconds > 0:
        _hold(f"{key} {name}", look.entry, "HIT", look.looked_at + min(MEMORY_SECONDS, look.fresh_seconds))
        return Cached(look.entry, "HIT")
    if look.entry and not look.holds_lease:
        return Cached(look.entry, "STALE")  # another process is loading what replaces it
    try:
        return Cached(_keep(key, name, load(), look), "MISS")
    except BaseException as error:
        shared_cache.end_lease(key, name, look.generation)
        old = look.entry or _usable_copy(f"{key} {name}")
        if old is None or not isinstance(error, DatabaseUnavailable):
            raise
        _hold(f"{key} {name}", old, "STALE", time.monotonic() + RETRY_SECONDS)
        return Cached(old, "STALE")


def _keep(key: str, name: str, loaded: Loaded, look: Look) -> Entry:
    """Puts what was loaded into memory and Redis."""
    entry = make_entry(loaded.body)
    fresh_seconds = min(loaded.ttl_seconds * random.uniform(1 - TTL_JITTER, 1 + TTL_JITTER), loaded.most_seconds)
    if look.forgotten_seconds is not None and look.forgotten_seconds < 2 * CHANGING_SECONDS:
        fresh_seconds = min(fresh_seconds, CHANGING_FRESH_SECONDS)
    _hold(f"{key} {name}", entry, "HIT", look.looked_at + min(MEMORY_SECONDS, fresh_seconds))
    shared_cache.store(key, name, look.generation, entry, fresh_seconds)
    return entry


def _hold(full_name: str, entry: Entry, verdict: str, serve_until: float) -> None:
    room = _absent if entry.body is None else _held
    room.put(full_name, _Held(entry, verdict, serve_until, time.monotonic() + OUTAGE_SECONDS))


def _loader_lock(full_name: str) -> threading.Lock:
    """The lock of those who would load this entry. Locks that nobody holds are dropped when they are many."""
    with _loaders_lock:
        if len(_loaders) > MAX_ABSENT_IN_MEMORY:
            for idle in [other for other, lock in _loaders.items() if not lock.locked()]:
                del _loaders[idle]
        return _loaders.setdefault(full_name, threading.Lock())
