"""Loading into the cache, and the lifetimes of what is loaded.

Memory serves an answer for MEMORY_SECONDS without a round trip, which bounds how long another instance may serve what
a writer has replaced. In Redis it is fresh for its TTL, unless its key is forgotten. Everything is kept an hour longer
(stale-if-error): while loading fails, the last good copy is served as STALE.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf

from common import logs
from common.cache import _changes, _memory, _redis
from common.cache._entry import Cached, Entry, Slot, make_entry
from common.cache._redis import OUTAGE_SECONDS, Lookup
from common.errors import DatabaseUnavailable, ProblemError

MEMORY_SECONDS = _changes.KNOWN_SECONDS
TTL_JITTER = 0.1
# While the database is down, a load is retried this often per key.
RETRY_SECONDS = 1.0
# An event shows within 2 s: half a second until its key is dropped, and one second that a reader may keep its copy.
CHANGING_SECONDS = 0.5
CHANGING_FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loader's result, its TTL, and the longest time that its content may count as fresh.

    body is None if it does not exist.
    """

    body: bytes | None
    ttl_seconds: float
    most_seconds: float = inf


def find_unchanged(slot: Slot) -> Cached | None:
    """Return the copy in memory if its key has not changed since it was looked up, else None. Never blocks."""
    cached = _memory.copy_of(slot)
    if cached is None:
        return None
    serve_until = min(cached.fresh_until, _changes.unchanged_until(slot.key, cached.looked_at))
    if time.monotonic() >= serve_until:
        return None
    _memory.put(slot, replace(cached, serve_until=serve_until))
    return cached


def look_up(slot: Slot) -> Cached | Lookup:
    """Return the entry that Redis has, put into memory, as STALE if it is not fresh; otherwise the Lookup.

    A caller that holds the lease gets the Lookup and loads the replacement; the others are served the stale entry.
    """
    (found,) = look_up_each([slot])
    return found


def look_up_each(slots: Sequence[Slot]) -> list[Cached | Lookup]:
    """Do the same for several slots, in one round trip."""
    return [_put_found(slot, lookup) for slot, lookup in zip(slots, _redis.read_each(slots), strict=True)]


def _put_found(slot: Slot, lookup: Lookup) -> Cached | Lookup:
    """Put what Redis had into memory. Return it, or the lookup if the caller has to load a newer answer."""
    if lookup.entry is None:
        return lookup
    verdict = "HIT" if lookup.fresh_seconds > 0 else "STALE"
    cached = _put(slot, lookup.entry, verdict, lookup.looked_at, lookup.fresh_seconds)
    return lookup if lookup.holds_lease else cached


def is_loading_elsewhere(found: Cached | Lookup) -> bool:
    """Return whether another process holds the lease and there is nothing yet to serve."""
    return isinstance(found, Lookup) and not found.holds_lease


def load(slot: Slot, source: Callable[[], Loaded], lookup: Lookup) -> Cached:
    """Load from the source into the cache. Blocks."""
    try:
        return replace(keep(slot, source(), lookup), verdict="MISS")
    except BaseException as error:
        _redis.end_lease(slot, lookup.generation)
        old = _memory.copy_of(slot)
        if old is None or not _is_trouble(error):
            raise
        return _memory.serve_stale(slot, old, RETRY_SECONDS)


def keep(slot: Slot, loaded: Loaded, lookup: Lookup) -> Cached:
    """Store a loaded answer in memory and Redis. Its freshness counts from before the load."""
    entry = make_entry(loaded.body)
    fresh_seconds = min(loaded.ttl_seconds * random.uniform(1 - TTL_JITTER, 1 + TTL_JITTER), loaded.most_seconds)
    if lookup.forgotten_seconds is not None and lookup.forgotten_seconds < 2 * CHANGING_SECONDS:
        fresh_seconds = min(fresh_seconds, CHANGING_FRESH_SECONDS)
    cached = _put(slot, entry, "HIT", lookup.looked_at, fresh_seconds)
    left_seconds = max(0.0, lookup.looked_at + fresh_seconds - time.monotonic())
    _redis.store(slot, lookup.generation, entry, left_seconds)
    return cached


def _is_trouble(error: BaseException) -> bool:
    """Return whether the server is at fault, not the caller: then a stale copy is served. Log unexpected errors."""
    if isinstance(error, DatabaseUnavailable):
        return True
    if isinstance(error, ProblemError) or not isinstance(error, Exception):
        return False
    logs.write_exception("A cached answer could not be loaded", error)
    return True


def _put(slot: Slot, entry: Entry, verdict: str, since: float, fresh_seconds: float) -> Cached:
    fresh_until = since + fresh_seconds
    serve_until = min(since + MEMORY_SECONDS, fresh_until)
    cached = Cached(entry, verdict, since, serve_until, fresh_until, fresh_until + OUTAGE_SECONDS)
    _memory.put(slot, cached)
    return cached
