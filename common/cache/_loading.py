"""What is put into the cache and for how long: an answer that Redis had, or that was loaded.

In memory an answer is served for a moment without asking anybody; that moment bounds how long another instance may
serve what a writer replaced. In Redis it is fresh for its TTL, unless its key is forgotten. Everything is kept an hour
longer: while it cannot be loaded, the last good copy is served as STALE.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

from common import logs
from common.cache import _changes, _memory, _redis
from common.cache._entry import Cached, Entry, Slot, make_entry
from common.cache._redis import OUTAGE_SECONDS, Look
from common.errors import DatabaseUnavailable, ProblemError

MEMORY_SECONDS = _changes.KNOWN_SECONDS
TTL_JITTER = 0.1
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


def from_redis(slot: Slot, look: Look) -> Cached | None:
    """Return what Redis had, where it can be served, and hold it in memory; no longer fresh, it is a stale copy."""
    if look.entry is None:
        return None
    verdict = "HIT" if look.fresh_seconds > 0 else "STALE"
    cached = _hold(slot, look.entry, verdict, look.looked_at, look.fresh_seconds)
    # The holder of the lease shall load what replaces it; for all others that is under way.
    return None if look.holds_lease else cached


def load(slot: Slot, source: Callable[[], Loaded], look: Look) -> Cached:
    """Return what the source has, put into the cache; or what another process has put there meanwhile. Blocks."""
    if not look.holds_lease:
        look = _redis.look_until_fresh_or_leased(slot)
        if cached := from_redis(slot, look):
            return cached
    try:
        return replace(keep(slot, source(), look), verdict="MISS")
    except BaseException as error:
        _redis.end_lease(slot, look.generation)
        old = _memory.copy_of(slot)
        if old is None or not _is_trouble(error):
            raise
        return _memory.serve_stale(slot, old, RETRY_SECONDS)


def keep(slot: Slot, loaded: Loaded, look: Look) -> Cached:
    """Put what was loaded into memory and Redis. Its freshness counts from before it was loaded."""
    entry = make_entry(loaded.body)
    fresh_seconds = min(loaded.ttl_seconds * random.uniform(1 - TTL_JITTER, 1 + TTL_JITTER), loaded.most_seconds)
    if look.forgotten_seconds is not None and look.forgotten_seconds < 2 * CHANGING_SECONDS:
        fresh_seconds = min(fresh_seconds, CHANGING_FRESH_SECONDS)
    cached = _hold(slot, entry, "HIT", look.looked_at, fresh_seconds)
    left_seconds = max(0.0, look.looked_at + fresh_seconds - time.monotonic())
    _redis.store(slot, look.generation, entry, left_seconds)
    return cached


def _is_trouble(error: BaseException) -> bool:
    """Whether it is ours and not the caller's, who then gets an older answer; what nobody expected is logged."""
    if isinstance(error, DatabaseUnavailable):
        return True
    if isinstance(error, ProblemError) or not isinstance(error, Exception):
        return False
    logs.write_exception("A cached answer could not be loaded", error)
    return True


def _hold(slot: Slot, entry: Entry, verdict: str, since: float, fresh_seconds: float) -> Cached:
    fresh_until = since + fresh_seconds
    serve_until = min(since + MEMORY_SECONDS, fresh_until)
    cached = Cached(entry, verdict, since, serve_until, fresh_until, fresh_until + OUTAGE_SECONDS)
    _memory.hold(slot, cached)
    return cached
