"""How long a request waited for each dependency, and how busy they were, for its log line."""

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
    """Start counting for the current request; return its seconds by dependency, a dict that fills as it runs."""
    waited: Waited = {}
    _waited.set(waited)
    _most.set({})
    return waited


def current() -> Waited:
    """Return the current request's waits, or a throwaway dict outside a request."""
    waited = _waited.get()
    return {} if waited is None else waited


def add(waited: Waited, more: Waited) -> None:
    """Add waits made on a request's behalf, such as by a shared flush."""
    for dependency, seconds in more.items():
        waited[dependency] = waited.get(dependency, 0.0) + seconds


def start_anew() -> None:
    """Reset the current request's waits, so that its next part has a whole request's time."""
    current().clear()


def waited_for(dependency: str) -> float:
    """Return the seconds that the current request has waited for this dependency; 0 outside a request."""
    return current().get(dependency, 0.0)


def note_most(**seen: int) -> None:
    """Keep the highest value seen by the current request under each name."""
    most = _most.get()
    if most is not None:
        for name, value in seen.items():
            most[name] = max(value, most.get(name, 0))


def most() -> Most:
    """Return the highest values seen by the current request; empty outside a request."""
    return _most.get() or {}


@contextmanager
def waiting_for(dependency: str) -> Iterator[None]:
    """Add the block's duration to the current request's waits for this dependency."""
    waited = _waited.get()
    if waited is None:
        yield
        return
    started = time.perf_counter()
    try:
        yield
    finally:
        waited[dependency] = waited.get(dependency, 0.0) + time.perf_counter() - started
