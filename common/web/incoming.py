"""A request's body under ASGI: read on demand; an unread body is discarded after the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

from common.errors import ProblemError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Set in a request's state if its body breaks off or takes too long, while the client can still be answered.
INCOMPLETE = "incomplete"
# Many clients read the answer only after they have sent the whole body, so it is read up to this size. The platform
# accepts no larger request over HTTP/1.
MAX_DISCARDED_BYTES = 32 * 1024 * 1024


class IncompleteBody(ProblemError):
    """The body broke off, or did not come in time."""

    status, code = 400, "incomplete_body"


def joined_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name; repeated ones are joined by commas (RFC 9110, section 5.3)."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


class Incoming:
    """The body of one request, which arrives in chunks."""

    def __init__(self, scope: Scope, receive: Receive, headers: Mapping[str, str]) -> None:
        self._state, self._receive = scope.get("state", {}), receive
        length = headers.get("content-length", "0")
        self._announced_bytes = int(length) if length.isdecimal() else 0
        self.has_ended = not self._announced_bytes and "transfer-encoding" not in headers

    async def chunk(self) -> bytes:
        """Return the next bytes, maybe none. Raises IncompleteBody."""
        message = await self._receive()
        self.has_ended = not message.get("more_body", False)
        if message["type"] == "http.disconnect" or INCOMPLETE in self._state:
            self.has_ended = True
            raise IncompleteBody()
        chunk: bytes = message.get("body", b"")
        return chunk

    async def read(self, max_bytes: int) -> bytes | None:
        """Return the whole body, or None as soon as it is known to be larger. Raises IncompleteBody."""
        if self._announced_bytes > max_bytes:
            return None
        chunks: list[bytes] = []
        size = 0
        while not self.has_ended:
            chunks.append(await self.chunk())
            size += len(chunks[-1])
            if size > max_bytes:
                return None
        return b"".join(chunks)

    async def discard(self) -> None:
        """Read and drop the rest of the body, so that the client gets to read its answer."""
        discarded = 0
        with suppress(IncompleteBody):
            while not self.has_ended and discarded <= MAX_DISCARDED_BYTES:
                discarded += len(await self.chunk())


async def send_parts(next_part: Callable[[], Awaitable[bytes]], receive: Receive, send: Send) -> None:
    """Send the remaining parts of a body, each made once the previous one is sent, until the client disconnects."""
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        while not gone.done() and (part := await next_part()):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
