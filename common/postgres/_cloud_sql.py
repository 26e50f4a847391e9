"""Connections through the Cloud SQL connector, within the caller's timeout.

The connector has no timeout of its own: it waits for the Admin API, and blocks its event loop while it signs in or
connects to an instance. So it runs on a loop of ours; a stuck one is abandoned for a new one, and closes itself once it
is no longer blocked.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from concurrent.futures import CancelledError
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from common.process.per_process import per_process

# A working loop answers within a millisecond, or a tenth of a second on a busy machine.
STUCK_SECONDS = 0.1
# The socket timeout while connecting. Without it, an address that accepts connections and then stays silent would block
# a loop forever: the connector's sockets have no timeout.
SILENCE_SECONDS = 10.0
# Each has a thread and some files. While nothing answers, one attempt of 2 s is made per second (breaker.py), so about
# this many are blocked at a time if each is for SILENCE_SECONDS.
MAX_LEFT_BEHIND = 5


class _Connector:
    """The connector, on its own event loop and thread."""

    def __init__(self) -> None:
        # 380 ms of imports, which an answer out of the cache does without.
        from google.cloud.sql.connector import Connector, connector

        # All that the connector's module uses of `socket`; it has no setting for the timeout.
        create_connection = partial(socket.create_connection, timeout=SILENCE_SECONDS)
        connector.socket = SimpleNamespace(create_connection=create_connection)  # type: ignore[attr-defined,assignment]
        self._loop = asyncio.new_event_loop()
        try:
            # Lazy: an instance without requests has no CPU for a background refresh.
            self._connector = Connector(refresh_strategy="lazy", loop=self._loop)
        except BaseException:  # no credentials, for example
            self._loop.close()
            raise
        self._thread = threading.Thread(target=self._run, name="cloud-sql", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the thread, at once or as soon as it is no longer blocked."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(self._close())
        self._loop.close()
        # A connection that was made after the timeout has no owner and a reference cycle: only the collector closes it.
        gc.collect()

    async def _close(self) -> None:
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self._connector.close_async()
        await self._loop.shutdown_default_executor()

    def connect(self, instance: str, options: dict[str, Any], timeout_seconds: float) -> CoreConnection:
        connecting = asyncio.run_coroutine_threadsafe(
            self._connector.connect_async(instance, "pg8000", **options), self._loop
        )
        try:
            return cast(CoreConnection, connecting.result(timeout_seconds))
        except TimeoutError:
            connecting.cancel()
            raise TimeoutError("Cloud SQL: no connection in time") from None

    def is_stuck(self) -> bool:
        """Return whether something blocks the loop, such as an address that does not answer."""
        try:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(STUCK_SECONDS)
        except (TimeoutError, CancelledError, RuntimeError):  # RuntimeError: another thread has abandoned it already
            return True
        return False


class _Current:
    """The process's connector, replaced when it is stuck."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connector: _Connector | None = None
        self._left_behind: list[_Connector] = []

    def get(self) -> _Connector:
        """Return the connector, a new one if it is stuck. Raises OSError while MAX_LEFT_BEHIND are blocked."""
        with self._lock:
            if self._connector is None:
                self._left_behind = [connector for connector in self._left_behind if connector.is_running]
                if len(self._left_behind) >= MAX_LEFT_BEHIND:
                    raise OSError(f"Cloud SQL: {MAX_LEFT_BEHIND} attempts to connect are still without an answer")
                self._connector = _Connector()
            return self._connector

    def leave_behind(self, connector: _Connector) -> None:
        with self._lock:
            if self._connector is connector:
                self._connector = None
                self._left_behind.append(connector)
                connector.stop()


@per_process
def _current() -> _Current:
    return _Current()


def load() -> None:
    """Import the connector."""
    import google.cloud.sql.connector  # noqa: F401


def connect(instance: str, options: dict[str, Any]) -> CoreConnection:
    """Connect to `project:region:instance` within options["timeout"] seconds.

    Raises DatabaseError if Postgres refuses, else InterfaceError or OSError.
    """
    deadline = time.monotonic() + options["timeout"]
    try:
        return _connect_once(instance, options, deadline)
    except (ConnectionError, InterfaceError):
        # After an error the connector drops what it has cached: the instance may have failed over to another address,
        # and its certificates may have changed.
        return _connect_once(instance, options, deadline)


def _connect_once(instance: str, options: dict[str, Any], deadline: float) -> CoreConnection:
    connector = _current().get()
    try:
        return connector.connect(instance, options, deadline - time.monotonic())
    except TimeoutError:
        if connector.is_stuck():
            _current().leave_behind(connector)
        raise
    except (DatabaseError, InterfaceError):
        raise
    except Exception as error:
        # From the Admin API, the sign-in, TLS or the connector, which share no base class.
        raise ConnectionError(f"Cloud SQL: {type(error).__name__}: {error}") from error
