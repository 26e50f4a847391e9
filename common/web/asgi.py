"""A Function under functions-framework's ASGI server, or any other. Only this module knows ASGI and Starlette."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import functions_framework.aio
from starlette.requests import Request as StarletteRequest
from uvicorn_worker import UvicornWorker

from common.config import keep_peer_address
from common.process.garbage import freeze_loaded
from common.process.threads import in_thread
from common.web._messages import Request, Response, StreamedResponse
from common.web._pipeline import Function
from common.web.incoming import Incoming, Receive, Scope, Send, joined_headers, send_parts
from common.web.protocol import SERVER_OPTIONS, WHOLE_ANSWER

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

keep_peer_address()
UvicornWorker.CONFIG_KWARGS.update(SERVER_OPTIONS)


def asgi_function(function: Function) -> Callable[[StarletteRequest], Awaitable[Application]]:
    """Return the callable that functions-framework serves under the function's name."""
    application = asgi_app(function)

    async def serve(_: StarletteRequest) -> Application:
        return application

    serve.__name__ = function.name
    serve.application = application  # type: ignore[attr-defined]
    register: Any = functions_framework.aio.http  # typed for Starlette's own responses only
    register(serve)
    freeze_loaded()
    return serve


def _application_of(serve: Any, *_: Any) -> Application:
    """Replace the framework's own application, which would itself answer /robots.txt and methods unknown to it."""
    application: Application = serve.application
    return application


_framework: Any = functions_framework.aio
_framework._create_asgi_app_with_function = _application_of


def asgi_app(function: Function) -> Application:
    """Return the function as a standalone ASGI application."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        headers = joined_headers(scope["headers"])
        incoming = Incoming(scope, receive, headers)
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query_string=scope["query_string"].decode("latin-1"),
            headers=headers,
            receive=incoming.read,
            peer=scope["client"][0] if scope["client"] else "",
        )
        await _send(await function.handle(request), scope, incoming, receive, send)

    return application


async def _send(response: Response, scope: Scope, incoming: Incoming, receive: Receive, send: Send) -> None:
    is_streamed = isinstance(response, StreamedResponse)
    is_whole = not is_streamed and incoming.has_ended
    write_answer = scope.get("extensions", {}).get(WHOLE_ANSWER)
    if is_whole and write_answer and write_answer(response.status, response.headers, response.body):
        return
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers.items()]
    if response.status not in (204, 304) and not is_streamed:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": not is_whole})
    if isinstance(response, StreamedResponse):
        try:
            await send_parts(partial(in_thread, next, response.rest, b""), receive, send)
        finally:
            await in_thread(response.rest.close)
    elif not is_whole:
        await incoming.discard()
        await send({"type": "http.response.body", "body": b""})
