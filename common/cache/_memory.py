"""The cache's first level, in this process's memory: short-lived copies, kept longer for outages."""

from __future__ import annotations

import time
from dataclasses import replace

from common.cache._entry import Cached, Slot
from common.process.bounded import Memory

MEMORY_BYTES = 32 * 1024 * 1024
# Clients can invent any number of names that do not exist: these have a small map of their own.
MAX_ABSENT = 1000

_present: Memory[Slot, Cached] = Memory(MEMORY_BYTES, cost=lambda cached: cached.entry.size_bytes)
_absent: Memory[Slot, Cached] = Memory(MAX_ABSENT)


def find(slot: Slot) -> Cached | None:
    """Return the slot's copy if it may be served without asking Redis."""
    cached = _present.get(slot) or _absent.get(slot)
    return cached if cached and time.monotonic() < cached.serve_until else None


def copy_of(slot: Slot) -> Cached | None:
    """Return the slot's copy if it may still be served in an outage."""
    cached = _present.get(slot)
    return cached if cached and time.monotonic() < cached.keep_until else None


def find_stale(slot: Slot) -> Cached | None:
    """Return the same, marked as STALE."""
    cached = copy_of(slot)
    return cached and replace(cached, verdict="STALE")


def put(slot: Slot, cached: Cached) -> None:
    """Put an answer in the place of what the slot had."""
    room, other = (_absent, _present) if cached.entry.body is None else (_present, _absent)
    other.remove(slot)
    room.put(slot, cached)


def serve_stale(slot: Slot, cached: Cached, seconds: float) -> Cached:
    """Return the copy as STALE, served for `seconds` without asking Redis, but kept no longer than before."""
    stale = replace(cached, verdict="STALE", serve_until=min(time.monotonic() + seconds, cached.keep_until))
    put(slot, stale)
    return stale


def drop(key: str) -> None:
    """Drop every answer under a key, whatever its name."""
    _present.remove_where(lambda slot: slot.key == key)
    _absent.remove_where(lambda slot: slot.key == key)
