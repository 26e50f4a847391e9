"""A bounded map in this process's memory that evicts the oldest entries first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """A map whose values cost at most max_cost in total, each `cost(value)` (1 by default). Thread-safe."""

    def __init__(self, max_cost: int, cost: Callable[[V], int] = lambda _: 1) -> None:
        self._max_cost = max_cost
        self._cost = cost
        self._total = 0
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        return self._entries.get(key)

    def keys(self) -> list[K]:
        return list(self._entries)

    def put(self, key: K, value: V) -> None:
        with self._lock:
            self._remove(key)
            self._entries[key] = value
            self._total += self._cost(value)
            while self._total > self._max_cost:
                self._remove(next(iter(self._entries)))

    def remove(self, key: K) -> None:
        with self._lock:
            self._remove(key)

    def remove_where(self, matches: Callable[[K], bool]) -> None:
        """Remove every matching key. Scans all keys, a few thousand at most."""
        with self._lock:
            for key in [key for key in self._entries if matches(key)]:
                self._remove(key)

    def _remove(self, key: K) -> None:
        if (value := self._entries.pop(key, None)) is not None:
            self._total -= self._cost(value)
