"""Connections through the Cloud SQL connector, within the time that the caller has.

The connector itself has no such limit: it waits for the Admin API, and blocks its event loop while it connects to an
instance. So it runs on a loop of ours, and where that is stuck it is left behind for a new one.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, cast

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from common.per_process import per_process

# A loop that works answers within a millisecond, also on a busy machine within a tenth of a second.
STUCK_SECONDS = 0.1


class _Connector:
    """The connector on a loop and a thread of its own."""

    def __init__(self) -> None:
        # 380 ms of imports, so only a request that needs Postgres pays them.
        from google.cloud.sql.connector import Connector

        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="cloud-sql", daemon=True).start()
        # Lazy: an instance without requests has no CPU for a background refresh.
        self._connector = Connector(refresh_strategy="lazy", loop=self._loop)

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
        """Whether something blocks its loop, such as an address that does not answer."""
        try:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(STUCK_SECONDS)
        except TimeoutError:
            return True
        return False


class _Current:
    """The process's connector, until it is replaced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connector: _Connector | None = None

    def get(self) -> _Connector:
        with self._lock:
            self._connector = self._connector or _Connector()
            return self._connector

    def leave_behind(self, connector: _Connector) -> None:
        with self._lock:
            if self._connector is connector:
                self._connector = None


@per_process
def _current() -> _Current:
    return _Current()


def connect(instance: str, options: dict[str, Any]) -> CoreConnection:
    """A new connection to `project:region:instance` within options["timeout"] seconds.

    Raises DatabaseError when Postgres refuses, else InterfaceError or OSError.
    """
    deadline = time.monotonic() + options["timeout"]
    try:
        return _connect_once(instance, options, deadline)
    except (ConnectionError, InterfaceError):
        # After an error the connector forgets what it knew: the instance may have failed over to another address, and
        # its certificates may have changed.
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
        # Of the Admin API, the sign-in, TLS or the connector, which have no error in common.
        raise ConnectionError(f"Cloud SQL: {type(error).__name__}: {error}") from error
