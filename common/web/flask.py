"""A Function under functions-framework's Flask server, one thread per request. Only this module knows Flask."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from itertools import chain
from typing import Any, TypeVar

import flask
import functions_framework
from functions_framework._http import gunicorn as framework

from common.config import keep_peer_address
from common.errors import ProblemError
from common.process.garbage import freeze_loaded
from common.web._messages import Request, Response, StreamedResponse
from common.web._pipeline import Function
from common.web._worker import PatientWorker, Threads
from common.web.incoming import IncompleteBody

T = TypeVar("T")

keep_peer_address()
_server: Any = framework
_server.GunicornApplication = partial(framework.GunicornApplication, worker_class=PatientWorker)


def flask_function(function: Function) -> Callable[[flask.Request], flask.Response]:
    """Return the callable that functions-framework serves under the function's name."""

    def serve(incoming: flask.Request) -> flask.Response:
        return _serve(function, incoming)

    serve.__name__ = function.name
    functions_framework.http(serve)  # registers it; the returned wrapper is not needed
    # There is one while functions-framework loads the function. Take over what it would answer itself, such as
    # /robots.txt; and it would read every request's body to the end.
    if flask.has_app_context() and flask.current_app.name == function.name:
        flask.current_app.wsgi_app = partial(_application, function)  # type: ignore[method-assign]
    freeze_loaded()
    return serve


def flask_app(function: Function, threads: int) -> Threads:
    """Return the function as a standalone ASGI application, served by Flask in `threads` threads as when deployed."""
    return Threads(partial(_application, function), threads)


def _application(function: Function, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    return _serve(function, flask.Request(environ))(environ, start_response)


def _serve(function: Function, incoming: flask.Request) -> flask.Response:
    return _as_flask(_run(function.handle(_as_ours(incoming))))


def _as_ours(incoming: flask.Request) -> Request:
    async def receive(max_bytes: int) -> bytes | None:
        try:
            if (incoming.content_length or 0) > max_bytes:
                return None
            body = incoming.stream.read(max_bytes + 1)
        except ProblemError:
            raise
        except Exception as error:  # servers raise different errors for a body that breaks off
            raise IncompleteBody() from error
        return body if len(body) <= max_bytes else None

    return Request(
        method=incoming.method,
        path=incoming.path,
        query_string=incoming.query_string.decode("latin-1"),
        headers={name.lower(): value for name, value in incoming.headers.items()},
        receive=receive,
        peer=incoming.remote_addr or "",
    )


def _as_flask(response: Response) -> flask.Response:
    if isinstance(response, StreamedResponse):
        answer = flask.Response(chain([response.body], response.rest), response.status, response.headers)
        answer.call_on_close(response.rest.close)
        return answer
    answer = flask.Response(response.body, response.status, response.headers)
    if "Content-Type" not in response.headers:  # or Flask would default to text/html
        del answer.headers["Content-Type"]
    return answer


def _run(answering: Coroutine[None, None, T]) -> T:
    """Return the result of a coroutine that never suspends, because `in_thread` runs in place without a loop."""
    try:
        answering.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    answering.close()
    raise RuntimeError("A coroutine waited for an event loop where there is none.")
