"""A Function under functions-framework's Flask server: a thread a request. Only this module knows Flask."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from itertools import chain
from typing import IO, TypeVar

import flask
import functions_framework

from common.process.garbage import freeze_loaded
from common.web._body import MAX_DISCARDED_BYTES
from common.web._messages import Request, Response, StreamedResponse
from common.web._pipeline import Function

T = TypeVar("T")


def flask_function(function: Function) -> Callable[[flask.Request], flask.Response]:
    """The callable that functions-framework serves under the function's name."""

    def serve(incoming: flask.Request) -> flask.Response:
        request = Request(
            method=incoming.method,
            path=incoming.path,
            query_string=incoming.query_string.decode("latin-1"),
            headers={name.lower(): value for name, value in incoming.headers.items()},
            body=_read_limited(incoming.stream, function.audience.max_body_bytes),
            peer=incoming.remote_addr or "",
        )
        return _as_flask(_run(function.handle(request)))

    serve.__name__ = function.name
    functions_framework.http(serve)  # registers it; what it returns is a mere wrapper
    # There is one while functions-framework loads us: paths that it has no route for are ours.
    if flask.has_app_context():
        flask.current_app.register_error_handler(404, lambda _: serve(flask.request))
    freeze_loaded()
    return serve


def _read_limited(stream: IO[bytes], max_bytes: int) -> bytes | None:
    """The whole stream, or None when it is larger; that is still read, so that the client hears the answer."""
    body = stream.read(max_bytes + 1)
    if len(body) <= max_bytes:
        return body
    discarded = len(body)
    while discarded <= MAX_DISCARDED_BYTES and (chunk := stream.read(64 * 1024)):
        discarded += len(chunk)
    return None


def _as_flask(response: Response) -> flask.Response:
    if isinstance(response, StreamedResponse):
        answer = flask.Response(chain([response.body], response.rest), response.status, response.headers)
        answer.call_on_close(response.rest.close)
        return answer
    answer = flask.Response(response.body, response.status, response.headers)
    if "Content-Type" not in response.headers:  # Flask's own would call it a page
        del answer.headers["Content-Type"]
    return answer


def _run(answering: Coroutine[None, None, T]) -> T:
    """The result of a coroutine that never suspends, because `in_thread` runs in place where there is no loop."""
    try:
        answering.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    answering.close()
    raise RuntimeError("A coroutine waited for an event loop where there is none.")
