"""The load at a fixed rate: a request is sent when it is due, whether or not the ones before it were answered.

It shares its core with Postgres, so it does as little as it can while it sends: requests are made before the start,
answers are looked at for their status and length, and the garbage collector rests.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import quantiles
from urllib.parse import urlsplit

from benchmarks.load import CONNECTIONS, Round

HEAD = b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"


def run_steady(url: str, make_body: Callable[[], bytes], per_second: int, seconds: int) -> Round:
    """One request every 1/per_second.

    A latency counts from the moment the request was due: a stalled server cannot hide behind a sender that waits.
    """
    bodies = [make_body() for _ in range(per_second * seconds)]
    requests = [HEAD % len(body) + body for body in bodies]
    with _no_collections():
        return asyncio.run(_send_steadily(url, requests, per_second))


@dataclass
class _Sending:
    """The connections at hand, the requests that wait for one, and what came of those that were answered."""

    idle: deque[_Connection] = field(default_factory=deque)
    waiting: deque[tuple[bytes, float]] = field(default_factory=deque)
    latencies: list[float] = field(default_factory=list)
    errors: int = 0

    def send(self, request: bytes, due: float) -> None:
        if self.idle:
            self.idle.popleft().send(request, due)
        else:
            self.waiting.append((request, due))

    def note(self, connection: _Connection, status: int, due: float) -> None:
        self.latencies.append(time.perf_counter() - due)
        self.errors += status >= 400
        if self.waiting:
            connection.send(*self.waiting.popleft())
        else:
            self.idle.append(connection)


class _Connection(asyncio.Protocol):
    """Sends one request at a time and reads its answer whole."""

    def __init__(self, sending: _Sending) -> None:
        self._sending = sending
        self._answer = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._sending.idle.append(self)

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


async def _send_steadily(url: str, requests: list[bytes], per_second: int) -> Round:
    address, sending = urlsplit(url), _Sending()
    loop = asyncio.get_running_loop()
    for _ in range(2 * CONNECTIONS):
        await loop.create_connection(lambda: _Connection(sending), address.hostname, address.port)
    connections = list(sending.idle)
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
