"""The servers behind REDIS_URL: one, or the nodes of a Redis Cluster, each with its own client and breaker.

redis-py's own RedisCluster is not used: when a node fails, it asks the others for the new layout within the request,
one by one and under a lock, and sleeps 250 ms if slots are not served. Here a request talks to the key's presumed node
and to one more at most.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from common.config import settings
from common.process.breaker import Breaker
from common.process.per_process import per_process

# A storefront request has 200 ms for Redis in total: enough to connect, send AUTH, and get one answer.
CONNECT_TIMEOUT_SECONDS = 0.06
SOCKET_TIMEOUT_SECONDS = 0.07
MAX_CONNECTIONS = 100
# Enough to find a key even for a node that has one of the 16384 slots.
MAX_KEYS_TRIED = 200_000


class Node:
    """A server, with its client and its breaker."""

    def __init__(self, url: str) -> None:
        self.client = _client(url)
        self.breaker = Breaker(f"Redis at {urlsplit(url).netloc.rpartition('@')[2]}")


class Nodes:
    """The map from keys to nodes, learned from the nodes' own redirections and layouts."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("+cluster", "", 1)
        self._entry = Node(self._url)
        self._by_address: dict[str, Node] = {}
        # First slot, last slot and node of each range.
        self._ranges: list[tuple[int, int, Node]] = []

    def all(self) -> list[Node]:
        return list({id(node): node for _, _, node in self._ranges}.values()) or [self._entry]

    def of(self, key: str) -> Node:
        """Return the node that presumably has the key; a wrong one answers with a redirection."""
        if not self._ranges:
            return self._entry
        from redis.crc import key_slot

        slot = key_slot(key.encode())
        return next((node for first, last, node in self._ranges if first <= slot <= last), self._entry)

    def key_on(self, node: Node, prefix: str) -> str:
        """Return a key with this prefix that the node has; found within a few tries per node."""
        keys = (f"{prefix}:{number}" for number in range(MAX_KEYS_TRIED))
        return next((key for key in keys if self.of(key) is node), prefix)

    def at(self, host: str, port: int) -> Node:
        """Return the node at this address; a redirection without a host means the entry node's host."""
        host = host or urlsplit(self._url).hostname or ""
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if address not in self._by_address:
            self._by_address[address] = Node(_with_address(self._url, address))
        return self._by_address[address]

    def learn(self, client: Any) -> None:
        """Ask a node for the cluster's layout. Raises redis-py's errors."""
        slots = client.execute_command("CLUSTER SLOTS")
        found = [(first, last, self.at((host or b"").decode(), port)) for first, last, (host, port, *_), *_ in slots]
        self._ranges = found or self._ranges


@per_process
def nodes() -> Nodes:
    url = settings().redis_url
    assert url is not None
    return Nodes(url)


def _client(url: str) -> Any:
    from redis import Redis  # 100 ms that a function without Redis never pays
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # redis-py would retry ten times with timeouts of 5 s.
    limits: dict[str, Any] = {
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "max_connections": MAX_CONNECTIONS,
        "retry": Retry(NoBackoff(), 0),
    }
    if url.startswith("rediss://") and (ca_file := settings().redis_ca_file):
        limits["ssl_ca_certs"] = ca_file  # a parameter of the URL comes before it
    # A new connection must not wait for further answers: no HELLO, no CLIENT SETINFO.
    client = Redis.from_url(url, protocol=2, driver_info=None, **limits)
    client.response_callbacks.pop("CLUSTER SLOTS", None)
    return client


def _with_address(url: str, address: str) -> str:
    parts = urlsplit(url)
    credentials = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return parts._replace(netloc=credentials + address).geturl()
