"""What is put into the cache and for how long: an answer that Redis had, or that was loaded.

In memory an answer is served for a moment without asking anybody; that moment bounds how long another instance may
serve what a writer replaced. In Redis it is fresh for its TTL, unless its key is forgotten. Everything is kept an hour
longer: while it cannot be loaded, the last good copy is served as STALE.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from common import logs
from common.cache import _changes, _memory, _redis
from common.cache._entry import Entry, make_entry
from common.cache._memory import Held
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


class Cached(NamedTuple):
    """An answer and how it was come by: HIT, MISS or STALE, as X-Cache says."""

    entry: Entry
    verdict: str


def from_redis(full_name: str, look: Look) -> Cached | None:
    """What Redis had, where it can be served; what is no longer fresh is a copy at hand at least."""
    if look.entry is None:
        return None
    verdict = "HIT" if look.fresh_seconds > 0 else "STALE"
    _hold(full_name, look.entry, verdict, look.looked_at, look.fresh_seconds)
    # Who holds the lease shall load what replaces it; for others that is being done.
    return None if look.holds_lease else Cached(look.entry, verdict)


def load(key: str, name: str, source: Callable[[], Loaded], look: Look) -> Cached:
    """What the source has, put into the cache; or what another process has put there meanwhile. Blocks."""
    full_name = f"{key} {name}"
    if not look.holds_lease:
        look = _redis.look_until_fresh_or_leased(key, name)
        if cached := from_redis(full_name, look):
            return cached
    try:
        return Cached(keep(key, name, source(), look), "MISS")
    except BaseException as error:
        _redis.end_lease(key, name, look.generation)
        old = _memory.copy_at_hand(full_name)
        if old is None or not _is_trouble(error):
            raise
        _memory.hold_longer(full_name, old, RETRY_SECONDS)
        return Cached(old.entry, "STALE")


def keep(key: str, name: str, loaded: Loaded, look: Look) -> Entry:
    """Puts what was loaded into memory and Redis. Its freshness counts from before it was loaded."""
    entry = make_entry(loaded.body)
    fresh_seconds = min(loaded.ttl_seconds * random.uniform(1 - TTL_JITTER, 1 + TTL_JITTER), loaded.most_seconds)
    if look.forgotten_seconds is not None and look.forgotten_seconds < 2 * CHANGING_SECONDS:
        fresh_seconds = min(fresh_seconds, CHANGING_FRESH_SECONDS)
    _hold(f"{key} {name}", entry, "HIT", look.looked_at, fresh_seconds)
    left_seconds = max(0.0, look.looked_at + fresh_seconds - time.monotonic())
    _redis.store(key, name, look.generation, entry, left_seconds)
    return entry


def _is_trouble(error: BaseException) -> bool:
    """Whether it is ours and not the caller's, who then gets an older answer; what nobody expected is logged."""
    if isinstance(error, DatabaseUnavailable):
        return True
    if isinstance(error, ProblemError) or not isinstance(error, Exception):
        return False
    logs.write_exception("A cached answer could not be loaded", error)
    return True


def _hold(full_name: str, entry: Entry, verdict: str, since: float, fresh_seconds: float) -> None:
    fresh_until = since + fresh_seconds
    serve_until = min(since + MEMORY_SECONDS, fresh_until)
    _memory.hold(full_name, Held(entry, verdict, since, serve_until, fresh_until, fresh_until + OUTAGE_SECONDS))
