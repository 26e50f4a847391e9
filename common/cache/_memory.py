"""The part of the cache in this process's memory: served for a moment without asking anybody, kept for outages."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from common.cache._entry import Entry
from common.process.bounded import Memory

MEMORY_BYTES = 32 * 1024 * 1024
# Names that do not exist are anybody's to invent: they have a small room of their own.
MAX_ABSENT = 1000


@dataclass(frozen=True, slots=True)
class Held:
    """An entry and how it was come by; when that was, until when it is served unasked, is fresh, and is served in need.

    All times are monotonic.
    """

    entry: Entry
    verdict: str
    looked_at: float
    serve_until: float
    fresh_until: float
    keep_until: float


_present: Memory[Held] = Memory(MEMORY_BYTES, cost=lambda held: held.entry.size_bytes)
_absent: Memory[Held] = Memory(MAX_ABSENT)


def find(full_name: str) -> Held | None:
    """What may be served without asking anybody."""
    held = _present.get(full_name) or _absent.get(full_name)
    return held if held and time.monotonic() < held.serve_until else None


def copy_at_hand(full_name: str) -> Held | None:
    """What may be served while there is nothing better."""
    held = _present.get(full_name)
    return held if held and time.monotonic() < held.keep_until else None


def hold(full_name: str, held: Held) -> None:
    room, other = (_absent, _present) if held.entry.body is None else (_present, _absent)
    other.remove(full_name)
    room.put(full_name, held)


def serve_on(full_name: str, held: Held, until: float) -> None:
    """Has an entry served unasked until that monotonic time."""
    hold(full_name, replace(held, serve_until=until))


def hold_longer(full_name: str, held: Held, seconds: float) -> None:
    """Has an old copy served unasked for a while, but kept no longer than it would have been."""
    hold(full_name, replace(held, verdict="STALE", serve_until=min(time.monotonic() + seconds, held.keep_until)))


def drop(key: str) -> None:
    """Drops every entry under a key, whatever its name."""
    _present.remove_starting(f"{key} ")
    _absent.remove_starting(f"{key} ")
