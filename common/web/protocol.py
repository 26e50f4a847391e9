"""uvicorn's HTTP protocol with timeouts for slow clients, and a bound on the memory of each.

uvicorn itself waits without limit for the rest of a request's head, for its body, and until an answer is read. None of
that takes a thread, only a connection, which is closed here after a timeout.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from common import logs
from common.errors import ProblemError
from common.json_text import dumps
from common.web.incoming import INCOMPLETE

HEAD_SECONDS = 10.0
MAX_HEAD_BYTES = 64 * 1024
# 1 MiB at 35 KiB/s.
BODY_SECONDS = 30.0
# A client that reads an answer more slowly than 1 KiB/s is disconnected.
READER_SECONDS, READER_BYTES = 30.0, 30 * 1024

# The ASGI extension by which an application may answer at once: `(status, headers, body) -> bool`.
WHOLE_ANSWER = "popups.whole_answer"
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")

_SECONDS = {"head": HEAD_SECONDS, "body": BODY_SECONDS}


class MalformedRequest(ProblemError):
    """This is not an HTTP request."""

    status, code = 400, "malformed_request"


class HeadTooLarge(ProblemError):
    """The request's address and headers are larger than this function accepts."""

    status, code = 431, "head_too_large"


def _write_answer(cycle: Any, status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Write a whole answer at once, and return whether that was possible: the client must be able to take it.

    uvicorn's own way, two messages, checks, lowers and joins each header of each answer: a seventh of a cached read.
    """
    if cycle.disconnected or cycle.flow.write_paused:
        return False
    lines = [STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in cycle.default_headers)]
    lines += map(_line, headers.items())
    if status not in (204, 304):
        lines.append(b"content-length: %d\r\n" % len(body))
    if not cycle.keep_alive:
        lines.append(b"connection: close\r\n")
    lines += (b"\r\n", b"" if cycle.scope["method"] == "HEAD" else body)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"".join(lines))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


# Nearly all headers of an answer are those of the answers before.
@lru_cache(maxsize=2048)
def _line(header: tuple[str, str]) -> bytes:
    name, value = header
    if _CONTROL.search(name) or _CONTROL.search(value):
        raise ValueError(f"A header with a control character: {name}")
    return f"{name.lower()}: {value}\r\n".encode("latin-1")


class PatientProtocol(HttpToolsProtocol):
    """One connection, with a deadline for what the client has to send or read next."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._reading: str | None = None
        self._heads_begun = 0
        # What the client has to send next, and of which request.
        self._due: tuple[str, int] | None = None
        self._due_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._unread_bytes = 0
        self._reader_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_clock(0)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._due_timer, self._reader_timer):
            if timer:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._set_clock(len(data))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading = "head"
        self._heads_begun += 1

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._reading = "body"
        self.scope["extensions"] = {WHOLE_ANSWER: partial(_write_answer, self.cycle)}  # type: ignore[dict-item]

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._reading = None

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep a half-closed connection open until its answer is sent."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        if self._reading == "body" and not self.cycle.response_started:
            self._break_body_off()
        self.cycle.keep_alive = False
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_bytes = self.transport.get_write_buffer_size()
        self._reader_timer = self.loop.call_later(READER_SECONDS, self._check_reader)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reader_timer:
            self._reader_timer.cancel()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Handle malformed HTTP: within a body, end the body for the application; else answer here."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self._refuse_head(MalformedRequest())
        elif self._reading == "body" and not self.cycle.response_started:
            self._break_body_off()
        else:
            self.cycle.keep_alive = False  # it followed a request that is being answered

    def _set_clock(self, received_bytes: int) -> None:
        """Start the timeout for what the client has to send next; a part of it does not restart the timeout."""
        due = self._reading
        if due is None and (self.cycle is None or self.cycle.response_complete):
            due = "head"
        if due and (due, self._heads_begun) == self._due:
            self._head_bytes += received_bytes if due == "head" else 0
        else:
            if self._due_timer:
                self._due_timer.cancel()
            self._due, self._head_bytes = (due, self._heads_begun) if due else None, received_bytes
            self._due_timer = self.loop.call_later(_SECONDS[due], self._end_wait) if due else None
        if due == "head" and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse_head(HeadTooLarge())

    def _end_wait(self) -> None:
        if self._reading == "body" and not self.cycle.response_started:
            self._break_body_off()
        else:
            self.transport.abort()

    def _break_body_off(self) -> None:
        """End the body for the application, marked as incomplete."""
        self.cycle.scope["state"][INCOMPLETE] = True
        self.cycle.keep_alive = False
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def _check_reader(self) -> None:
        unread = self.transport.get_write_buffer_size()
        if unread > self._unread_bytes - READER_BYTES:
            self.transport.abort()
            return
        self._unread_bytes = unread
        self._reader_timer = self.loop.call_later(READER_SECONDS, self._check_reader)

    def _refuse_head(self, refusal: ProblemError) -> None:
        """Answer a malformed request, and close the connection."""
        request_id = os.urandom(16).hex()
        problem = refusal.as_problem(request_id)
        body = dumps(problem)
        head = (
            f"HTTP/1.1 {problem['status']} {problem['title']}\r\ncontent-type: application/problem+json\r\n"
            f"cache-control: no-store\r\nx-content-type-options: nosniff\r\nx-request-id: {request_id}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
        logs.write("INFO", f"Refused what is no request: {refusal.code}", **{logs.LABELS: {"request_id": request_id}})


# For uvicorn's Config: no lifespan events, no WebSocket, and no middleware that reads X-Forwarded-For.
SERVER_OPTIONS: dict[str, Any] = {
    "loop": "auto",
    "http": PatientProtocol,
    "lifespan": "off",
    "ws": "none",
    "proxy_headers": False,
}
