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

    def record(self, *, success: bool) -> None:
        if success == self._closed:
            return
        with self._lock:
            self._closed = success
            self._next_try = time.monotonic() + BREAKER_SECONDS
        logs.write("INFO" if success else "WARNING", "Redis answers again" if success else "Redis does not answer")


def is_configured() -> bool:
    return settings().redis_url is not None


def call(command: Callable[[Any], T]) -> T:
    """What `command(client)` returns. Raises RedisDown, at once while the breaker is open."""
    breaker = _breaker()
    if not breaker.allows():
        raise RedisDown
    import redis  # 100 ms that a function without Redis never pays

    try:
        result = command(_client())
    except (redis.RedisError, OSError) as error:
        breaker.record(success=False)
        raise RedisDown from error
    breaker.record(success=True)
    return result


def load_script(path: Path) -> Callable[..., Any]:
    """A Lua file as `run(keys, arguments)`: one round trip, sent by its hash once the server has it."""
    source = path.read_text()

    def run(keys: list[str], arguments: list[Any]) -> Any:
        return call(lambda client: _script(source)(keys=keys, args=arguments, client=client))

    return run


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
