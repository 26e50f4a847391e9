"""The part of the cache that all instances share: entries in Redis, each key one hash (see read.lua).

Nothing here fails: while Redis is down every look finds nothing and stores are left out. Drops are made up for: a
thread tells Redis once it answers again, and who has seen an outage takes no entry from before it for fresh.
"""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import redis
from common.cache import _changes
from common.cache._entry import BODY, FORMAT, Entry, Slot, decode, encode
from common.process.bounded import Memory

# Longer than a load takes as a rule: then another process takes over.
LEASE_SECONDS = 1.0
LEASE_POLL_SECONDS = 0.02
# How much longer than it is fresh an entry is kept, for when it cannot be loaded.
OUTAGE_SECONDS = 3600
GENERATION_SECONDS = 3600
# Of entries under one key: more periods than a merchant's pages ask for, at some hundred KiB each at the most.
MAX_NAMES = 50
# Older than any entry.
AGES_SECONDS = 1e9
MAX_UNTOLD = 10_000
TELL_SECONDS = 0.25
MAX_TOLD_AT_ONCE = 500

_read_script = redis.Script(Path(__file__).with_name("read.lua"))
_store_script = redis.Script(Path(__file__).with_name("store.lua"))
_forget_script = redis.Script(Path(__file__).with_name("forget.lua"))
# Dropped here, but not in Redis yet. While there are any, a thread is telling.
_untold: Memory[str, str] = Memory(MAX_UNTOLD)
_telling = threading.Lock()


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at an entry showed: the entry itself, for how long it is fresh, and whether the looker may load it.

    forgotten_seconds is the time since its key was forgotten, None if that was long ago. looked_at is monotonic time.
    """

    generation: str = ""
    entry: Entry | None = None
    fresh_seconds: float = 0.0
    holds_lease: bool = True
    forgotten_seconds: float | None = None
    looked_at: float = 0.0


def look(slot: Slot) -> Look:
    """Return what Redis has in the slot."""
    looked_at = time.monotonic()
    if not redis.is_configured():
        return Look(looked_at=looked_at)
    trusted_seconds = min(redis.seconds_since_outage(slot.key), AGES_SECONDS)
    try:
        found = _read_script.run(slot.key, [_field(slot), int(LEASE_SECONDS * 1000), int(trusted_seconds * 1000)])
    except redis.RedisDown:
        return Look(looked_at=looked_at)
    generation, stored, fresh_ms, holds_lease, forgotten_ms = found
    entry = decode(stored) if stored else None
    return Look(
        generation.decode(),
        entry,
        fresh_ms / 1000,
        # What cannot be read is to be loaded, whoever else may be at it.
        bool(holds_lease) or bool(stored and entry is None),
        forgotten_ms / 1000 if forgotten_ms >= 0 else None,
        looked_at,
    )


def is_fresh_in_redis(key: str, name: str = BODY) -> bool:
    """Return whether Redis has a fresh entry."""
    return look(Slot(key, name)).fresh_seconds > 0


def look_until_fresh_or_leased(slot: Slot) -> Look:
    """Where another process is loading and there is no copy to serve: looks until it has, or takes too long."""
    deadline = time.monotonic() + LEASE_SECONDS
    while True:
        time.sleep(LEASE_POLL_SECONDS)
        found = look(slot)
        if found.entry or found.holds_lease or time.monotonic() > deadline:
            return found


def store(slot: Slot, generation: str, entry: Entry, fresh_seconds: float) -> None:
    """Stores an entry unless its key was forgotten since `generation`; ends the lease on it."""
    # What does not exist is not stored: its names are anybody's to invent.
    _store(slot, generation, encode(entry) if entry.body is not None else b"", fresh_seconds)


def end_lease(slot: Slot, generation: str) -> None:
    """Lets others load what the holder of the lease could not."""
    _store(slot, generation, b"", 0)


def forget(*keys: str) -> dict[str, str]:
    """Drops all entries under the keys. Returns the new generation of each."""
    generations = {key: uuid.uuid4().hex for key in keys}
    if keys and redis.is_configured() and (untold := generations.keys() - _tell(generations)):
        _tell_later(untold)
    return generations


def _tell_later(keys: set[str]) -> None:
    """Has a thread tell Redis what it could not be told now. The answer to the request at hand does not wait for it."""
    with _telling:
        is_running = bool(_untold.keys())
        for key in keys:
            _untold.put(key, key)
        if not is_running:
            threading.Thread(target=_tell_untold, daemon=True).start()


def _tell_untold() -> None:
    keys = _untold.keys()
    while keys:
        time.sleep(TELL_SECONDS)
        told = _tell({key: uuid.uuid4().hex for key in keys[:MAX_TOLD_AT_ONCE]})
        with _telling:
            for key in told:
                _untold.remove(key)
            keys = _untold.keys()


def _tell(generations: dict[str, str]) -> set[str]:
    """Drops the keys and says so in the log of changes. Returns those of which all is done."""
    runs: dict[str, list[Any]] = {key: [new, GENERATION_SECONDS * 1000] for key, new in generations.items()}
    dropped = _forget_script.run_many(runs)
    return dropped if _changes.announce(dropped) else set()


def _store(slot: Slot, generation: str, stored: bytes, fresh_seconds: float) -> None:
    if redis.is_configured():
        keep_ms = int((fresh_seconds + OUTAGE_SECONDS) * 1000)
        with suppress(redis.RedisDown):
            fresh_ms = int(fresh_seconds * 1000)
            _store_script.run(slot.key, [generation, _field(slot), stored, fresh_ms, keep_ms, MAX_NAMES])


def _field(slot: Slot) -> str:
    return f"{slot.name} v{FORMAT}"
