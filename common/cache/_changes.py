"""The change log: recently invalidated keys in Redis, polled by each process.

A process that knows every change also knows which keys have not changed: their entries are served from memory for as
long as they are fresh, and an instance asks Redis once for all its shops instead of once per shop.

If the log is lost, evicted or truncated, a new epoch starts, and entries checked under the old epoch are no longer
trusted. Nor is any entry while Redis does not answer.
"""

from __future__ import annotations

import threading
import time
import uuid
from math import inf
from pathlib import Path
from typing import NamedTuple

from common import redis

# The prefix of the keys in the log. Reports are not logged: they change with every event, and would crowd out the rest.
LOGGED = "active-popups:"
# How old the known state of the log may be. An edit is promised to show everywhere within 2 s; the other half second is
# for the requests themselves.
KNOWN_SECONDS = 1.5
# The log is truncated at this length: it is read whole, in about 0.2 ms.
MAX_CHANGES = 1000
KEPT_SECONDS = 3600

_KEY = "changes"
_add_script = redis.Script(Path(__file__).with_name("changes_add.lua"))
_read_script = redis.Script(Path(__file__).with_name("changes_read.lua"))


class _Known(NamedTuple):
    """All changes between `since` and asked_at (monotonic times); changed_at is when a key's last one was read."""

    epoch: bytes
    number: int
    since: float
    asked_at: float
    changed_at: dict[bytes, float]


_known: _Known | None = None
_asking = threading.Lock()


def unchanged_until(key: str, looked_at: float) -> float:
    """Return the monotonic time until which an entry looked up at looked_at is current; -inf if unknown."""
    known = _known
    if known is None or not key.startswith(LOGGED):
        return -inf
    if looked_at < known.since or looked_at <= known.changed_at.get(key.encode(), -inf):
        return -inf
    return known.asked_at + KNOWN_SECONDS


def catch_up() -> None:
    """Read the log unless the known state is recent enough. One thread reads, the others wait. Never fails."""
    global _known
    if not redis.is_configured():
        return
    with _asking:
        asked_at = time.monotonic()
        if _known is None or _known.asked_at + KNOWN_SECONDS <= asked_at:
            _known = _ask(_known, asked_at)


def add(keys: set[str]) -> bool:
    """Append keys, already forgotten, to the log that every process reads. Return whether Redis stored them."""
    logged = [key for key in keys if key.startswith(LOGGED)]
    if logged:
        try:
            _add_script.run(_KEY, [uuid.uuid4().hex, KEPT_SECONDS * 1000, MAX_CHANGES, *logged])
        except redis.RedisDown:
            return False
    return True


def _ask(known: _Known | None, asked_at: float) -> _Known | None:
    last_number = known.number if known else 0
    try:
        epoch, number, *changed = _read_script.run(_KEY, [uuid.uuid4().hex, KEPT_SECONDS * 1000, last_number])
    except redis.RedisDown:
        return None
    answered_at = time.monotonic()
    if known is None or epoch != known.epoch or number < known.number:
        # From answered_at, not asked_at: a change in between may be missing from the answer.
        return _Known(epoch, number, answered_at, asked_at, {})
    changed_at = known.changed_at | dict.fromkeys(changed, answered_at) if changed else known.changed_at
    return _Known(epoch, number, known.since, asked_at, changed_at)
