"""A Function under functions-framework's ASGI server, or any other. Only this module knows ASGI and Starlette."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, MutableMapping
from functools import lru_cache
from typing import Any

import functions_framework.aio
from starlette.requests import Request as StarletteRequest

from common.config import keep_peer_address
from common.process.garbage import freeze_loaded
from common.process.threads import in_thread
from common.web._body import MAX_DISCARDED_BYTES
from common.web._messages import Request, Response, StreamedResponse
from common.web._pipeline import Function

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Nothing of ours reads a body that comes with these; the server discards it.
BODILESS = ("GET", "HEAD")

keep_peer_address()


def asgi_function(function: Function) -> Callable[[StarletteRequest], Awaitable[Application]]:
    """The callable that functions-framework serves under the function's name."""

    async def serve(incoming: StarletteRequest) -> Application:
        return await _answer(function, incoming.scope, incoming.receive)

    serve.__name__ = function.name
    register: Any = functions_framework.aio.http  # its types know Starlette's own responses only
    register(serve)
    freeze_loaded()
    return serve


def asgi_app(function: Function) -> Application:
    """The function as an ASGI application of its own."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _answer(function, scope, receive)
        await answer(scope, receive, send)

    return application


async def _answer(function: Function, scope: Scope, receive: Receive) -> Application:
    method: str = scope["method"]
    request = Request(
        method=method,
        path=scope["path"],
        query_string=scope["query_string"].decode("latin-1"),
        headers=_joined_headers(scope["headers"]),
        body=b"" if method in BODILESS else await _read_limited(receive, function.audience.max_body_bytes),
        peer=scope["client"][0] if scope["client"] else "",
    )
    response = await function.handle(request)

    async def send_answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await _send(response, send)

    return send_answer


def _joined_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; one that came several times is joined by commas (RFC 9110, section 5.3)."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


async def _read_limited(receive: Receive, max_bytes: int) -> bytes | None:
    """The body, or None when it is larger. What is too much is still read, so that the client hears the answer."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more and size <= MAX_DISCARDED_BYTES:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= max_bytes:
            chunks.append(chunk)
        more = message["type"] == "http.request" and message.get("more_body", False)
    return b"".join(chunks) if size <= max_bytes else None


async def _send(response: Response, send: Send) -> None:
    is_streamed = isinstance(response, StreamedResponse)
    headers = [(_as_bytes(name), value.encode("latin-1")) for name, value in response.headers.items()]
    if response.status not in (204, 304) and not is_streamed:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": is_streamed})
    if isinstance(response, StreamedResponse):
        await _send_rest(response.rest, send)


@lru_cache(maxsize=256)
def _as_bytes(name: str) -> bytes:
    return name.lower().encode()


async def _send_rest(rest: Generator[bytes, None, None], send: Send) -> None:
    try:
        while part := await in_thread(next, rest, b""):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await in_thread(rest.close)
