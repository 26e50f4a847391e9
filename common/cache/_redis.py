"""The cache's second level, shared by all instances: entries in Redis, one hash per key (see read.lua).

Nothing here fails: while Redis is down, lookups miss and stores are skipped. Invalidations are replayed by a thread
once Redis answers again, and a process that saw an outage treats every entry stored before it as stale.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import redis
from common.cache import _changes
from common.cache._entry import BODY, FORMAT, Entry, Slot, decode, encode
from common.process.bounded import Memory

# Longer than most loads: after that another process takes over.
LEASE_SECONDS = 1.0
# When to look again for what another process is loading. Most loads take some milliseconds; where they take longer,
# the fleet is busy enough without being asked. In all this is a lease.
LEASE_PAUSES_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.37)
# How long an entry is kept after it stops being fresh, for stale-if-error.
OUTAGE_SECONDS = 3600
GENERATION_SECONDS = 3600
# Entries under one key: more periods than a merchant's pages ask for, at a few hundred KiB each at most.
MAX_NAMES = 50
# Older than any entry.
AGES_SECONDS = 1e9
MAX_PENDING = 10_000
REPLAY_SECONDS = 0.25
MAX_REPLAYED_AT_ONCE = 500

_read_script = redis.Script(Path(__file__).with_name("read.lua"))
_store_script = redis.Script(Path(__file__).with_name("store.lua"))
_forget_script = redis.Script(Path(__file__).with_name("forget.lua"))
# Invalidations that Redis has not taken yet. While there are any, a thread replays them.
_pending: Memory[str, str] = Memory(MAX_PENDING)
_pending_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class Lookup:
    """The result of a lookup: the entry, for how long it is fresh, and whether the caller holds the lease to load it.

    forgotten_seconds is the time since its key was forgotten, None if that was long ago. looked_at is monotonic time.
    """

    generation: str = ""
    entry: Entry | None = None
    fresh_seconds: float = 0.0
    holds_lease: bool = True
    forgotten_seconds: float | None = None
    looked_at: float = 0.0


def read_each(slots: Sequence[Slot]) -> list[Lookup]:
    """Look the slots up in Redis, in one round trip; misses while Redis is down."""
    looked_at = time.monotonic()
    if not slots or not redis.is_configured():
        return [Lookup(looked_at=looked_at) for _ in slots]
    return [_as_lookup(found, looked_at) for found in _read_script.run_each([_read_run(slot) for slot in slots])]


def _read_run(slot: Slot) -> redis.Run:
    trusted_seconds = min(redis.seconds_since_outage(slot.key), AGES_SECONDS)
    return slot.key, [_field(slot), int(LEASE_SECONDS * 1000), int(trusted_seconds * 1000)]


def _as_lookup(found: Any, looked_at: float) -> Lookup:
    if isinstance(found, redis.RedisDown):
        return Lookup(looked_at=looked_at)
    generation, stored, fresh_ms, holds_lease, forgotten_ms = found
    entry = decode(stored) if stored else None
    return Lookup(
        generation.decode(),
        entry,
        fresh_ms / 1000,
        # A corrupt entry must be loaded, even if another process holds the lease.
        bool(holds_lease) or bool(stored and entry is None),
        forgotten_ms / 1000 if forgotten_ms >= 0 else None,
        looked_at,
    )


def is_fresh_in_redis(key: str, name: str = BODY) -> bool:
    """Return whether Redis has a fresh entry."""
    (lookup,) = read_each([Slot(key, name)])
    return lookup.fresh_seconds > 0


def store(slot: Slot, generation: str, entry: Entry, fresh_seconds: float) -> None:
    """Store an entry unless its key was forgotten since `generation`; end the lease on it."""
    # What does not exist is not stored: clients can invent any number of names.
    _store(slot, generation, encode(entry) if entry.body is not None else b"", fresh_seconds)


def end_lease(slot: Slot, generation: str) -> None:
    """Release the lease after a failed load, so that others can try."""
    _store(slot, generation, b"", 0)


def forget(*keys: str) -> dict[str, str]:
    """Drop all entries under the keys. Return the new generation of each."""
    generations = {key: uuid.uuid4().hex for key in keys}
    if keys and redis.is_configured() and (failed := generations.keys() - _invalidate(generations)):
        _replay_later(failed)
    return generations


def _replay_later(keys: set[str]) -> None:
    """Replay these invalidations in a thread, so that the current request does not wait for Redis."""
    with _pending_guard:
        is_running = bool(_pending.keys())
        for key in keys:
            _pending.put(key, key)
        if not is_running:
            threading.Thread(target=_replay_pending, daemon=True).start()


def _replay_pending() -> None:
    keys = _pending.keys()
    while keys:
        time.sleep(REPLAY_SECONDS)
        done = _invalidate({key: uuid.uuid4().hex for key in keys[:MAX_REPLAYED_AT_ONCE]})
        with _pending_guard:
            for key in done:
                _pending.remove(key)
            keys = _pending.keys()


def _invalidate(generations: dict[str, str]) -> set[str]:
    """Drop the keys in Redis and append them to the change log. Return those for which both succeeded."""
    answers = _forget_script.run_each([(key, [new, GENERATION_SECONDS * 1000]) for key, new in generations.items()])
    dropped = {key for key, answer in zip(generations, answers, strict=True) if not isinstance(answer, redis.RedisDown)}
    return dropped if _changes.add(dropped) else set()


def _store(slot: Slot, generation: str, stored: bytes, fresh_seconds: float) -> None:
    if redis.is_configured():
        keep_ms = int((fresh_seconds + OUTAGE_SECONDS) * 1000)
        with suppress(redis.RedisDown):
            fresh_ms = int(fresh_seconds * 1000)
            _store_script.run(slot.key, [generation, _field(slot), stored, fresh_ms, keep_ms, MAX_NAMES])


def _field(slot: Slot) -> str:
    return f"{slot.name} v{FORMAT}"
