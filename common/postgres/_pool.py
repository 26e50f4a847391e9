"""A bounded connection pool: opens on demand, closes idle connections, and never reuses a broken one."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Poolable(Protocol):
    """The connection interface that a pool needs."""

    def is_usable(self) -> bool: ...
    def answers(self, timeout_seconds: float) -> bool: ...
    def close(self) -> None: ...


C = TypeVar("C", bound=Poolable)

# A connection that was idle for longer is probed before use, which costs a round trip: TCP keepalive would detect that
# the network lost it, but does not run while the platform throttles the CPU.
UNPROVEN_SECONDS = 60.0
# A running server answers an empty query within milliseconds.
PROOF_SECONDS = 1.0


class PoolExhausted(Exception):
    """No connection became free within the timeout."""


@dataclass(slots=True)
class _Idle(Generic[C]):
    connection: C
    since: float


class Pool(Generic[C]):
    """At most max_size connections, made by `connect(timeout_seconds)`; times are in seconds.

    There is no thread: connections that were idle for too long are closed whenever one is taken or given back.
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
        # The most recently used at the right: it is taken first, so that the others can expire.
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
        """Return a connection for exclusive use. Raises PoolExhausted after the timeout, or the error of `connect`."""
        deadline = time.monotonic() + timeout_seconds
        while idle := self._take_idle(deadline):
            if self._is_alive(idle, deadline):
                return idle.connection
        return self._open_new(deadline)

    def give_back(self, connection: C) -> None:
        """Give a connection back: kept for the next caller, or closed if it is not usable."""
        usable = connection.is_usable()
        with self._changed:
            if usable:
                self._idle.append(_Idle(connection, time.monotonic()))
            else:
                self._drop(connection)
            self._close_aged()
            self._changed.notify()

    def close_idle(self) -> None:
        """Close all idle connections, after one was lost: each of the next callers would wait as long to find out."""
        with self._changed:
            while self._idle:
                self._drop(self._idle.pop().connection)

    def _take_idle(self, deadline: float) -> _Idle[C] | None:
        """Return an idle connection that looks usable; None reserves the place of a new one for the caller."""
        with self._changed:
            # Waiters come first. A thread that gives a connection back and takes one again would otherwise always win
            # against the thread that is woken for it.
            if self._to_be_had <= self.waiting:
                self._wait_until(deadline)
            while True:
                if idle := self._pop_usable():
                    return idle
                if self._open < self.max_size:
                    self._open += 1
                    return None
                # Only after one more look: a connection may have arrived in the last moment, and its notification gone
                # to this waiter, so that no other would take it.
                if time.monotonic() >= deadline:
                    raise PoolExhausted
                self._wait_until(deadline)

    @property
    def _to_be_had(self) -> int:
        """Return how many connections are idle or may still be opened."""
        return len(self._idle) + self.max_size - self._open

    def _wait_until(self, deadline: float) -> None:
        self.waiting += 1
        try:
            self._changed.wait(max(0.0, deadline - time.monotonic()))
        finally:
            self.waiting -= 1

    def _is_alive(self, idle: _Idle[C], deadline: float) -> bool:
        """Return whether the connection may be used; a lost one is closed together with all idle ones."""
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
