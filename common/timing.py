"""How long a request waited for each of its dependencies, for its log line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_waited: ContextVar[dict[str, float] | None] = ContextVar("waited", default=None)


def start() -> dict[str, float]:
    """Seconds by dependency, from now on and for the request at hand; filled while it is worked on."""
    waited: dict[str, float] = {}
    _waited.set(waited)
    return waited


def waited_for(dependency: str) -> float:
    """The seconds that the request at hand has waited for this dependency so far; 0 where nobody counts."""
    return (_waited.get() or {}).get(dependency, 0.0)


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
