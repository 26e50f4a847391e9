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
    def answers(self, timeout_seconds: float) -> bool: ...
    def close(self) -> None: ...


C = TypeVar("C", bound=Poolable)

# A connection that idled for longer is asked for a sign of life before it is used, at the price of a round trip:
# keepalive would have found out that the network lost it, but does not run while the platform takes the CPU away.
UNPROVEN_SECONDS = 60.0
# A server that is there answers an empty query within milliseconds.
PROOF_SECONDS = 1.0


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
    ) -> None:
        self._connect = connect
        self._min_size, self.max_size = min_size, max_size
        self._idle_timeout = idle_timeout
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

    def take(self, timeout_seconds: float) -> C:
        """A connection that nobody else has. Raises PoolExhausted after the timeout, and what `connect` raises."""
        deadline = time.monotonic() + timeout_seconds
        while idle := self._take_idle(deadline):
            if self._is_alive(idle, deadline):
                return idle.connection
        return self._open_new(deadline)

    def give_back(self, connection: C) -> None:
        """Keeps a connection that is still usable for the next taker."""
        usable = connection.is_usable()
        with self._changed:
            if usable:
                self._idle.append(_Idle(connection, time.monotonic()))
            else:
                self._drop(connection)
            self._close_aged()
            self._changed.notify()

    def close_idle(self) -> None:
        """Closes all that idle, for when one was lost: whoever took the next would wait as long to find out."""
        with self._changed:
            while self._idle:
                self._drop(self._idle.pop().connection)

    def _take_idle(self, deadline: float) -> _Idle[C] | None:
        """What idled and looks usable; None stands for the place of a new one, which the caller now has."""
        with self._changed:
            # Those who wait come first. Whoever gives one back and takes one again would otherwise always be quicker
            # than the thread that is woken for it.
            if self._to_be_had <= self.waiting:
                self._wait_until(deadline)
            while True:
                if idle := self._pop_usable():
                    return idle
                if self._open < self.max_size:
                    self._open += 1
                    return None
                # Not before everything was looked at once more: a connection may have come with the last moment, and
                # the notification of it been spent on this waiter, so that nobody else would take it.
                if time.monotonic() >= deadline:
                    raise PoolExhausted
                self._wait_until(deadline)

    @property
    def _to_be_had(self) -> int:
        """What idles, and what may still be opened."""
        return len(self._idle) + self.max_size - self._open

    def _wait_until(self, deadline: float) -> None:
        self.waiting += 1
        try:
            self._changed.wait(max(0.0, deadline - time.monotonic()))
        finally:
            self.waiting -= 1

    def _is_alive(self, idle: _Idle[C], deadline: float) -> bool:
        """Whether it may be used; what is lost is closed together with the others that idle."""
        now = time.monotonic()
        if now - idle.since <= UNPROVEN_SECONDS:
            return True
        answers = False
        try:
            answers = idle.connection.answers(min(PROOF_SECONDS, max(0.001, deadline - now)))
        finally:
            if not answers:
                self.close_idle()
                self._give_up(idle.connection)
        return answers

    def _give_up(self, connection: C) -> None:
        with self._changed:
            self._drop(connection)
            self._changed.notify()

    def _open_new(self, deadline: float) -> C:
        try:
            return self._connect(max(0.001, deadline - time.monotonic()))
        except BaseException:
            with self._changed:
                self._open -= 1
                self._changed.notify()
            raise

    def _pop_usable(self) -> _Idle[C] | None:
        while self._idle:
            idle = self._idle.pop()
            if idle.connection.is_usable():
                self._close_aged()
                return idle
            self._drop(idle.connection)
        return None

    def _close_aged(self) -> None:
        oldest_kept = time.monotonic() - self._idle_timeout
        while self._idle and self._open > self._min_size and self._idle[0].since < oldest_kept:
            self._drop(self._idle.popleft().connection)

    def _drop(self, connection: C) -> None:
        self._open -= 1
        connection.close()
