"""Finished answers, kept: memory over Redis over whatever loads them.

In memory an answer is served for a moment without asking anybody; that moment bounds how long another instance may
serve what a writer replaced. While the log of changes vouches for it, one moment follows the other. In Redis it is
fresh for its TTL, unless its key is forgotten. One thread of one process loads at a time, the others serve the copy
they have or wait for it. Everything is kept an hour longer: while it cannot be loaded, the last good copy is served as
STALE.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import NamedTuple

from common import change_log, local_cache, logs, shared_cache
from common.cache_entry import Entry, make_entry
from common.errors import DatabaseUnavailable, ProblemError
from common.local_cache import Held
from common.memory import Memory
from common.name_locks import lock_of
from common.shared_cache import OUTAGE_SECONDS, Look
from common.threads import in_brief_thread, in_thread

MEMORY_SECONDS = change_log.KNOWN_SECONDS
TTL_JITTER = 0.1
# How long a refresh is waited for before the copy at hand is served.
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


class Cached(NamedTuple):
    """An answer and how it was come by: HIT, MISS or STALE, as X-Cache says."""

    entry: Entry
    verdict: str


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
    if held := local_cache.find(full_name) or _find_unchanged(key, full_name):
        return Cached(held.entry, held.verdict)
    refresh = _refreshes.get(full_name) or _start_refresh(full_name, _refresh(key, load, name))
    patience = max(0.0, refresh.started_at + PATIENCE_SECONDS - time.monotonic())
    while not refresh.task.done():
        await asyncio.wait({refresh.task}, timeout=patience)
        if refresh.task.done():
            break
        if loaded := local_cache.find(full_name):  # Redis is still being told of it
            return Cached(loaded.entry, "MISS")
        if old := local_cache.copy_at_hand(full_name):
            return Cached(old.entry, "STALE")
        patience = PATIENCE_SECONDS
    return refresh.task.result()


def get_or_load(key: str, load: Callable[[], Loaded], name: str = "body") -> Cached:
    """The same for threads: the entry from memory, from Redis, or loaded by one thread for all. May block."""
    full_name = f"{key} {name}"
    if held := local_cache.find(full_name):
        return Cached(held.entry, held.verdict)
    lock, old = lock_of(full_name), local_cache.copy_at_hand(full_name)
    if old is None:
        lock.acquire()
    elif not lock.acquire(timeout=PATIENCE_SECONDS):
        return Cached(old.entry, "STALE")
    try:
        if held := local_cache.find(full_name):  # whoever had the lock has loaded it
            return Cached(held.entry, held.verdict)
        look = shared_cache.look(key, name)
        return _from_redis(full_name, look) or _load(key, load, name, look)
    finally:
        lock.release()


def forget(*keys: str) -> None:
    """Drops everything under the keys, everywhere; memories follow within MEMORY_SECONDS. Never fails."""
    for key in keys:
        local_cache.drop(key)
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
    local_cache.drop(key)
    look = Look(shared_cache.forget(key)[key], looked_at=time.monotonic())
    with suppress(DatabaseUnavailable):
        _keep(key, "body", load(), look)


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
    return found if isinstance(found, Cached) else await in_thread(_load, key, load, name, found)


def _ask_redis(key: str, name: str) -> Cached | Look:
    """The entry where it is still the same or Redis has it; otherwise the look that says who shall load it."""
    full_name = f"{key} {name}"
    change_log.catch_up()
    if held := _find_unchanged(key, full_name):
        return Cached(held.entry, held.verdict)
    look = shared_cache.look(key, name)
    return _from_redis(full_name, look) or look


def _find_unchanged(key: str, full_name: str) -> Held | None:
    """What was to be served for a moment, and may be for another, because the key has not changed. Never blocks."""
    held = local_cache.copy_at_hand(full_name)
    if held is None:
        return None
    serve_until = min(held.fresh_until, change_log.unchanged_until(key, held.looked_at))
    if time.monotonic() >= serve_until:
        return None
    local_cache.serve_on(full_name, held, serve_until)
    return held


def _from_redis(full_name: str, look: Look) -> Cached | None:
    """What Redis had, where it can be served; what is no longer fresh is a copy at hand at least."""
    if look.entry is None:
        return None
    verdict = "HIT" if look.fresh_seconds > 0 else "STALE"
    _hold(full_name, look.entry, verdict, look.looked_at, look.fresh_seconds)
    # Who holds the lease shall load what replaces it; for others that is being done.
    return None if look.holds_lease else Cached(look.entry, verdict)


def _load(key: str, load: Callable[[], Loaded], name: str, look: Look) -> Cached:
    """What `load` finds, put into the cache; or what another process has put there meanwhile. Blocks."""
    full_name = f"{key} {name}"
    if not look.holds_lease:
        look = shared_cache.look_until_fresh_or_leased(key, name)
        if cached := _from_redis(full_name, look):
            return cached
    try:
        return Cached(_keep(key, name, load(), look), "MISS")
    except BaseException as error:
        shared_cache.end_lease(key, name, look.generation)
        old = local_cache.copy_at_hand(full_name)
        if old is None or not _is_trouble(error):
            raise
        local_cache.hold_longer(full_name, old, RETRY_SECONDS)
        return Cached(old.entry, "STALE")


def _is_trouble(error: BaseException) -> bool:
    """Whether it is ours and not the caller's, who then gets an older answer; what nobody expected is logged."""
    if isinstance(error, DatabaseUnavailable):
        return True
    if isinstance(error, ProblemError) or not isinstance(error, Exception):
        return False
    logs.write_exception("A cached answer could not be loaded", error)
    return True


def _keep(key: str, name: str, loaded: Loaded, look: Look) -> Entry:
    """Puts what was loaded into memory and Redis. Its freshness counts from before it was loaded."""
    entry = make_entry(loaded.body)
    fresh_seconds = min(loaded.ttl_seconds * random.uniform(1 - TTL_JITTER, 1 + TTL_JITTER), loaded.most_seconds)
    if look.forgotten_seconds is not None and look.forgotten_seconds < 2 * CHANGING_SECONDS:
        fresh_seconds = min(fresh_seconds, CHANGING_FRESH_SECONDS)
    _hold(f"{key} {name}", entry, "HIT", look.looked_at, fresh_seconds)
    left_seconds = max(0.0, look.looked_at + fresh_seconds - time.monotonic())
    shared_cache.store(key, name, look.generation, entry, left_seconds)
    return entry


def _hold(full_name: str, entry: Entry, verdict: str, since: float, fresh_seconds: float) -> None:
    fresh_until = since + fresh_seconds
    serve_until = min(since + MEMORY_SECONDS, fresh_until)
    local_cache.hold(full_name, Held(entry, verdict, since, serve_until, fresh_until, fresh_until + OUTAGE_SECONDS))
