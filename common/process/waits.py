"""How long a request waited for each of its dependencies, and how busy they were, for its log line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Waited = dict[str, float]
Most = dict[str, int]

_waited: ContextVar[Waited | None] = ContextVar("waited", default=None)
_most: ContextVar[Most | None] = ContextVar("most", default=None)


def start() -> Waited:
    """Seconds by dependency, from now on and for the request at hand; filled while it is worked on."""
    waited: Waited = {}
    _waited.set(waited)
    _most.set({})
    return waited


def current() -> Waited:
    """Those of the request at hand; nobody's where nobody counts."""
    waited = _waited.get()
    return {} if waited is None else waited


def add(waited: Waited, more: Waited) -> None:
    """Adds what was waited for on a request's behalf."""
    for dependency, seconds in more.items():
        waited[dependency] = waited.get(dependency, 0.0) + seconds


def start_anew() -> None:
    """Forgets what the request at hand has waited so far: its next part has all the time that a request has."""
    current().clear()


def waited_for(dependency: str) -> float:
    """The seconds that the request at hand has waited for this dependency so far; 0 where nobody counts."""
    return current().get(dependency, 0.0)


def note_most(**seen: int) -> None:
    """Keeps for the request at hand the highest of what it has seen so far."""
    most = _most.get()
    if most is not None:
        for name, value in seen.items():
            most[name] = max(value, most.get(name, 0))


def most() -> Most:
    """The highest of what the request at hand has seen; nothing where it has seen none, or nobody counts."""
    return _most.get() or {}


@contextmanager
def waiting_for(dependency: str) -> Iterator[None]:
    """Adds the block's time to what the request has waited for this dependency."""
    waited = _waited.get()
    if waited is None:
        yield
        return
    started = time.perf_counter()
    try:
        yield
    finally:
        waited[dependency] = waited.get(dependency, 0.0) + time.perf_counter() - started
