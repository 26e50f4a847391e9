"""The one way to Redis: a client that fails fast, and a breaker that stops asking a server that does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from common import logs
from common.config import settings
from common.per_process import per_process
from common.timing import waiting_for

T = TypeVar("T")

# redis-py would retry ten times with timeouts of 5 s; a storefront request has 200 ms in all.
SOCKET_TIMEOUT_SECONDS = 0.1
MAX_CONNECTIONS = 100
BREAKER_SECONDS = 1.0


class RedisDown(Exception):
    """Redis did not answer, or was not asked because it did not a moment ago."""


class _Breaker:
    """Open for a second after an error; then one caller at a time may try again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = True
        self._next_try = 0.0

    def allows(self) -> bool:
        if self._closed:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._next_try:
                return False
            self._next_try = now + BREAKER_SECONDS
            return True

    def would_allow(self) -> bool:
        return self._closed or time.monotonic() >= self._next_try

    def record(self, *, success: bool) -> None:
        if success == self._closed:
            return
        with self._lock:
            self._closed = success
            self._next_try = time.monotonic() + BREAKER_SECONDS
        logs.write("INFO" if success else "WARNING", "Redis answers again" if success else "Redis does not answer")


def is_configured() -> bool:
    return settings().redis_url is not None


def is_reachable() -> bool:
    """Whether Redis answered when it was last asked, or is to be tried again."""
    return is_configured() and _breaker().would_allow()


def call(command: Callable[[Any], T]) -> T:
    """What `command(client)` returns. Raises RedisDown, at once while the breaker is open."""
    breaker = _breaker()
    if not breaker.allows():
        raise RedisDown
    import redis  # 100 ms that a function without Redis never pays

    try:
        with waiting_for("redis"):
            result = command(_client())
    except redis.ResponseError as error:
        # It answered: out of memory, read-only, loading. That costs no time, so the breaker stays closed.
        logs.write("ERROR", "Redis refused a command", reason=str(error)[:200])
        raise RedisDown from error
    except (redis.RedisError, OSError) as error:
        breaker.record(success=False)
        raise RedisDown from error
    breaker.record(success=True)
    return result


class Script:
    """A Lua file, sent by its hash once the server has it."""

    def __init__(self, path: Path) -> None:
        self._source = path.read_text()

    def run(self, keys: list[str], arguments: list[Any]) -> Any:
        """What the script returns, in one round trip. Raises RedisDown."""
        return call(lambda client: _script(self._source)(keys=keys, args=arguments, client=client))

    def run_many(self, runs: list[tuple[list[str], list[Any]]]) -> list[Any]:
        """What each run of the script returns, in one round trip to each server. Raises RedisDown."""

        def command(client: Any) -> Any:
            pipeline = client.pipeline(transaction=False)
            for keys, arguments in runs:
                pipeline.eval(self._source, len(keys), *keys, *arguments)
            return pipeline.execute()

        results: list[Any] = call(command)
        return results


@per_process
def _breaker() -> _Breaker:
    return _Breaker()


@per_process
def _script(source: str) -> Any:
    return _client().register_script(source)


@per_process
def _client() -> Any:
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.cluster import RedisCluster
    from redis.retry import Retry

    url = settings().redis_url
    assert url is not None
    options: dict[str, Any] = {
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
        "max_connections": MAX_CONNECTIONS,
        "retry": Retry(NoBackoff(), 0),
    }
    if "+cluster" in url:
        return RedisCluster.from_url(url.replace("+cluster", "", 1), **options)
    return Redis.from_url(url, **options)
