"""A lock for every name; those that nobody holds are dropped when they are many."""

from __future__ import annotations

import threading

MAX_LOCKS = 1000

_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


def lock_of(name: str) -> threading.Lock:
    with _guard:
        if len(_locks) > MAX_LOCKS:
            for idle in [other for other, lock in _locks.items() if not lock.locked()]:
                del _locks[idle]
        return _locks.setdefault(name, threading.Lock())
