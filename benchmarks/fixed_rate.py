"""Open-loop load at a fixed rate: a request is sent when it is due, whether or not earlier ones were answered.

It shares its core with Postgres, so it does as little as possible while sending: requests are built beforehand, only
status and length of answers are parsed, and garbage collection is off.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import quantiles
from urllib.parse import urlsplit

from benchmarks.load import CONNECTIONS, Round

POST = b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b"
GET = b"GET %b HTTP/1.1\r\nHost: bench\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """The bytes of a request, and the (host, port) to send it to."""

    address: tuple[str, int]
    content: bytes


def post(url: str, body: bytes) -> Request:
    return Request(_address_of(url), POST % (len(body), body))


def get(url: str) -> Request:
    parts = urlsplit(url)
    return Request(_address_of(url), GET % f"{parts.path or '/'}?{parts.query}".encode())


def run_at_rate(requests: Sequence[Request], per_second: int, answered_at: list[float] | None = None) -> Round:
    """Send one request every 1/per_second seconds.

    Latency is measured from the time a request was due, which avoids coordinated omission. `answered_at` collects the
    time of each answer (time.perf_counter()).
    """
    with _no_collections():
        return asyncio.run(_send_steadily(requests, per_second, answered_at))


@dataclass
class _Sending:
    """Idle connections and waiting requests by address, and the results so far."""

    idle: dict[tuple[str, int], deque[_Connection]] = field(default_factory=lambda: defaultdict(deque))
    waiting: dict[tuple[str, int], deque[tuple[bytes, float]]] = field(default_factory=lambda: defaultdict(deque))
    latencies: list[float] = field(default_factory=list)
    answered_at: list[float] | None = None
    errors: int = 0

    def send(self, request: Request, due: float) -> None:
        if idle := self.idle[request.address]:
            idle.popleft().send(request.content, due)
        else:
            self.waiting[request.address].append((request.content, due))

    def note(self, connection: _Connection, status: int, due: float) -> None:
        now = time.perf_counter()
        self.latencies.append(now - due)
        if self.answered_at is not None:
            self.answered_at.append(now)
        self.errors += status >= 400
        if waiting := self.waiting[connection.address]:
            connection.send(*waiting.popleft())
        else:
            self.idle[connection.address].append(connection)


class _Connection(asyncio.Protocol):
    """A connection that sends one request at a time and reads the whole answer."""

    def __init__(self, sending: _Sending, address: tuple[str, int]) -> None:
        self.address = address
        self._sending = sending
        self._answer = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._sending.idle[self.address].append(self)

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if end and len(body) == _length_of(head):
            self._answer = b""
            self._sending.note(self, int(head.split(b" ", 2)[1]), self._due)


def _length_of(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def _address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), parts.port or 80


async def _send_steadily(requests: Sequence[Request], per_second: int, answered_at: list[float] | None) -> Round:
    sending, connections = _Sending(answered_at=answered_at), []
    loop = asyncio.get_running_loop()
    for address in {request.address for request in requests}:
        for _ in range(2 * CONNECTIONS):
            _, connection = await loop.create_connection(partial(_Connection, sending, address), *address)
            connections.append(connection)
    start = time.perf_counter()
    async with asyncio.timeout(len(requests) / per_second + 60):
        for number, request in enumerate(requests):
            due = start + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sending.send(request, due)
        while len(sending.latencies) < len(requests):
            await asyncio.sleep(0.01)
    elapsed = time.perf_counter() - start
    for connection in connections:
        connection.transport.close()
    percentiles = quantiles(sending.latencies, n=100)
    return Round(len(requests), elapsed, 1000 * percentiles[49], 1000 * percentiles[98], sending.errors)


@contextmanager
def _no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
