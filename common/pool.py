"""A bounded pool of connections: opened when needed, kept while useful, never handed out twice once broken."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Poolable(Protocol):
    """What a pool must know of a connection."""

    def is_usable(self) -> bool: ...
    def close(self) -> None: ...


C = TypeVar("C", bound=Poolable)


class PoolExhausted(Exception):
    """No connection came free within the longest wait."""


@dataclass(slots=True)
class _Idle(Generic[C]):
    connection: C
    since: float


class Pool(Generic[C]):
    """At most max_size connections, made by `connect(timeout_seconds)`; times are in seconds.

    No thread of its own: what idles too long is closed whenever a connection comes or goes.
    """

    def __init__(
        self,
        connect: Callable[[float], C],
        *,
        min_size: int,
        max_size: int,
        idle_timeout: float,
        connection_timeout: float,
    ) -> None:
        self._connect = connect
        self._min_size, self.max_size = min_size, max_size
        self._idle_timeout, self._connection_timeout = idle_timeout, connection_timeout
        # The most recently used at the right: it is taken first, so that the others may grow old and close.
        self._idle: deque[_Idle[C]] = deque()
        self._open = 0
        self.waiting = 0
        self._changed = threading.Condition()

    @property
    def in_use(self) -> int:
        return self._open - len(self._idle)

    @property
    def has_idle(self) -> bool:
        return bool(self._idle)

    def take(self) -> C:
        """A connection that nobody else has. Raises PoolExhausted after the timeout, and what `connect` raises."""
        deadline = time.monotonic() + self._connection_timeout
        with self._changed:
            while True:
                if connection := self._pop_usable():
                    return connection
                if self._open < self.max_size:
                    self._open += 1
                    break
                self._wait_until(deadline)
        return self._open_new(deadline)

    def give_back(self, connection: C) -> None:
        """Keeps a connection that is still usable for the next taker."""
        usable = connection.is_usable()
        with self._changed:
            if usable:
                self._idle.append(_Idle(connection, time.monotonic()))
            else:
                self._drop(connection)
            self._close_idle()
            self._changed.notify()

    def _wait_until(self, deadline: float) -> None:
        self.waiting += 1
        try:
            if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                raise PoolExhausted
        finally:
            self.waiting -= 1

    def _open_new(self, deadline: float) -> C:
        try:
            return self._connect(max(0.001, deadline - time.monotonic()))
        except BaseException:
            with self._changed:
                self._open -= 1
                self._changed.notify()
            raise

    def _pop_usable(self) -> C | None:
        while self._idle:
            connection = self._idle.pop().connection
            if connection.is_usable():
                self._close_idle()
                return connection
            self._drop(connection)
        return None

    def _close_idle(self) -> None:
        oldest_kept = time.monotonic() - self._idle_timeout
        while self._idle and self._open > self._min_size and self._idle[0].since < oldest_kept:
            self._drop(self._idle.popleft().connection)

    def _drop(self, connection: C) -> None:
        self._open -= 1
        connection.close()
