"""The server of Flask functions: uvicorn handles slow clients, threads run the WSGI application (PEP 3333).

Each of gunicorn's own threads waits for one client at a time, so as many half-sent requests or unread answers as there
are threads would block all others, probes included. Here a request takes a thread once its head is complete, and waits
for a body only when the application reads it, which is after the rate limit and the API key.
"""

from __future__ import annotations

import asyncio
import io
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from uvicorn_worker import UvicornWorker

from common import logs
from common.errors import ProblemError
from common.web._health import LIVE, READY
from common.web.incoming import Incoming, Receive, Scope, Send, joined_headers, send_parts
from common.web.protocol import SERVER_OPTIONS

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# Reserved for probes, while every other thread waits for the database.
PROBE_THREADS = 2
# What a body may keep a thread waiting, in total, before it counts as slow: enough for one that is in transit.
AT_ONCE_SECONDS = 0.1


class TooManySlowClients(ProblemError):
    """Too many others are sending their bodies slowly. Try again after the seconds in `Retry-After`."""

    status, code = 503, "too_many_slow_clients"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class PatientWorker(UvicornWorker):  # type: ignore[misc]
    """A gunicorn worker whose `threads` run a WSGI application."""

    CONFIG_KWARGS = SERVER_OPTIONS

    async def _serve(self) -> None:
        self.wsgi: Any = Threads(self.wsgi, self.cfg.threads)
        await super()._serve()


class Threads:
    """Adapts a WSGI application to ASGI, run by a number of threads; at most half of them wait for slow clients."""

    def __init__(self, application: WsgiApplication, threads: int) -> None:
        self._application = application
        self._threads = ThreadPoolExecutor(threads)
        self._probes = ThreadPoolExecutor(PROBE_THREADS)
        self._patience = threading.BoundedSemaphore(max(1, threads // 2))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = joined_headers(scope["headers"])
        incoming = Incoming(scope, receive, headers)
        body = _Input(incoming, asyncio.get_running_loop(), self._patience)
        pool = self._probes if scope["path"] in (LIVE, READY) else self._threads
        answer = _Answer()
        await _run(pool, partial(answer.begin, self._application, _environ(scope, headers, body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        is_whole = answer.is_whole and incoming.has_ended
        await send({"type": "http.response.body", "body": answer.first, "more_body": not is_whole})
        if not answer.is_whole:
            try:
                await send_parts(partial(_run, pool, answer.next_part), receive, send)
            finally:
                await _run(pool, answer.close)
        elif not is_whole:
            await incoming.discard()
            await send({"type": "http.response.body", "body": b""})


@dataclass(slots=True)
class _Answer:
    """The application's answer, produced in threads."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    first: bytes = b""
    is_whole: bool = False
    _parts: Iterator[bytes] = field(default_factory=lambda: iter(()))
    close: Callable[[], None] = lambda: None

    def begin(self, application: WsgiApplication, environ: dict[str, Any]) -> None:
        """Run the application, and take the parts that are available at once."""
        parts = application(environ, self._start_response)
        self._parts = iter(parts)
        self.close = getattr(parts, "close", self.close)
        self.first = self.next_part()
        length = dict(self.headers).get(b"content-length")
        has_none = environ["REQUEST_METHOD"] == "HEAD" or self.status in (204, 304)
        self.is_whole = has_none or length == str(len(self.first)).encode()
        if self.is_whole:
            self.close()

    def next_part(self) -> bytes:
        """Return the next part of the body; empty at the end."""
        return next((part for part in self._parts if part), b"")

    def _start_response(self, status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        self.status = int(status.partition(" ")[0])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class _Input(io.RawIOBase):
    """wsgi.input: reading it blocks the thread until the body has arrived.

    A body that has kept its thread waiting for AT_ONCE_SECONDS in total is slow. Its thread is then one of those that
    may wait, until the read ends: who sends a byte now and then gets no more of a thread than who sends nothing.
    """

    def __init__(self, incoming: Incoming, loop: asyncio.AbstractEventLoop, patience: threading.Semaphore) -> None:
        self._incoming, self._loop, self._patience = incoming, loop, patience
        self._received = bytearray()
        self._at_once_seconds = AT_ONCE_SECONDS
        self._is_waiting = False

    def read(self, size: int = -1) -> bytes:
        try:
            while not self._incoming.has_ended and not 0 <= size <= len(self._received):
                self._received += self._next_chunk()
        finally:
            self._end_wait()
        read = bytes(self._received if size < 0 else self._received[:size])
        del self._received[: len(read)]
        return read

    def _next_chunk(self) -> bytes:
        coming = asyncio.run_coroutine_threadsafe(self._incoming.chunk(), self._loop)
        if not self._is_waiting:
            started = time.monotonic()
            try:
                return coming.result(self._at_once_seconds)
            except TimeoutError:
                self._begin_wait(coming)
            finally:
                self._at_once_seconds = max(0.0, self._at_once_seconds - (time.monotonic() - started))
        return coming.result()

    def _begin_wait(self, coming: Future[bytes]) -> None:
        if not self._patience.acquire(blocking=False):
            coming.cancel()
            logs.write("WARNING", "Too many clients send their bodies slowly")
            raise TooManySlowClients()
        self._is_waiting = True

    def _end_wait(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._patience.release()


async def _run(pool: Executor, call: Callable[[], Any]) -> Any:
    return await asyncio.get_running_loop().run_in_executor(pool, call)


def _environ(scope: Scope, headers: dict[str, str], body: _Input) -> dict[str, Any]:
    """Return the environ by PEP 3333, without headers whose names have an underscore, which could spoof others."""
    address, port = scope.get("server") or ("", 0)
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items() if "_" not in name}
    return {
        **environ,
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": headers.get("content-length", ""),
        "SERVER_NAME": address,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
