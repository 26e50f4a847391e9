"""A bounded map in this process's memory; the oldest entries make room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Memory(Generic[V]):
    """At most max_cost of values, where an entry costs what `cost` says (1 by default). Safe between threads."""

    def __init__(self, max_cost: int, cost: Callable[[V], int] = lambda _: 1) -> None:
        self._max_cost = max_cost
        self._cost = cost
        self._total = 0
        self._entries: OrderedDict[str, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> V | None:
        return self._entries.get(key)

    def keys(self) -> list[str]:
        return list(self._entries)

    def put(self, key: str, value: V) -> None:
        with self._lock:
            self._remove(key)
            self._entries[key] = value
            self._total += self._cost(value)
            while self._total > self._max_cost:
                self._remove(next(iter(self._entries)))

    def remove(self, key: str) -> None:
        with self._lock:
            self._remove(key)

    def remove_starting(self, prefix: str) -> None:
        """Looks at all keys, of which there are some thousands at most."""
        with self._lock:
            for key in [key for key in self._entries if key.startswith(prefix)]:
                self._remove(key)

    def _remove(self, key: str) -> None:
        if (value := self._entries.pop(key, None)) is not None:
            self._total -= self._cost(value)
