"""What has changed lately: a log in Redis of the keys that were forgotten, which each process asks for now and then.

Who knows of every change also knows what has not changed: such an entry is served from memory for as long as it is
fresh, and an instance asks Redis once for all its shops instead of once for each.

It never vouches for too much. A log that was lost, evicted, or cut off because it had grown too long goes on as another
epoch, and what was looked at in an earlier one is no longer vouched for; nor is anything while Redis does not answer.
"""

from __future__ import annotations

import threading
import time
import uuid
from math import inf
from pathlib import Path
from typing import NamedTuple

from common import redis

# What is announced, and thereby vouched for. Reports are not: they change with every event, and would drown the rest.
ANNOUNCED = "active-popups:"
# How old our knowledge may be. Promised is that an edit is served everywhere within 2 s; the rest is for the way of the
# request.
KNOWN_SECONDS = 1.5
# A log this long is cut off: it is read whole, in about 0.2 ms.
MAX_CHANGES = 1000
KEPT_SECONDS = 3600

_KEY = "changes"
_add_script = redis.Script(Path(__file__).with_name("changes_add.lua"))
_read_script = redis.Script(Path(__file__).with_name("changes_read.lua"))


class _Known(NamedTuple):
    """Every change since `since`, as of asked_at (monotonic times): when we heard of a key's last one."""

    epoch: bytes
    number: int
    since: float
    asked_at: float
    changed_at: dict[bytes, float]


_known: _Known | None = None
_asking = threading.Lock()


def unchanged_until(key: str, looked_at: float) -> float:
    """Until when what was found at that monotonic time is still what one would find; -inf where nobody knows."""
    known = _known
    if known is None or not key.startswith(ANNOUNCED):
        return -inf
    if looked_at < known.since or looked_at <= known.changed_at.get(key.encode(), -inf):
        return -inf
    return known.asked_at + KNOWN_SECONDS


def catch_up() -> None:
    """Asks Redis what has changed, unless that is known. One thread asks, the others wait for it. Never fails."""
    global _known
    if not redis.is_configured():
        return
    with _asking:
        asked_at = time.monotonic()
        if _known is None or _known.asked_at + KNOWN_SECONDS <= asked_at:
            _known = _ask(_known, asked_at)


def announce(keys: set[str]) -> bool:
    """Tells everybody that these keys were forgotten, which they must have been before. Returns whether Redis knows."""
    announced = [key for key in keys if key.startswith(ANNOUNCED)]
    if announced:
        try:
            _add_script.run(_KEY, [uuid.uuid4().hex, KEPT_SECONDS * 1000, MAX_CHANGES, *announced])
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
        # Not from asked_at on: of what changed since then we may have heard nothing.
        return _Known(epoch, number, answered_at, asked_at, {})
    changed_at = known.changed_at | dict.fromkeys(changed, answered_at) if changed else known.changed_at
    return _Known(epoch, number, known.since, asked_at, changed_at)
