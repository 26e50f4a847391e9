"""The pipeline around every handler: limits, API keys, bodies, errors, headers and the log line.

A function's main.py creates one Function and registers its handlers; the adapters convert a framework's request into
our Request and our Response into the framework's. This module knows neither framework.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from common import limits, logs, postgres
from common.config import settings
from common.errors import InternalError, MethodNotAllowed, ProblemError
from common.json_text import dumps
from common.process import waits
from common.process.threads import in_brief_thread, in_probe_thread, in_thread
from common.shop import api_keys
from common.version import VERSION
from common.web import _description, _health
from common.web._addresses import public_address, without_prefix
from common.web._body import ANY_OBJECT, MAX_BYTES_ON_LOOP, Checker, load_body, load_query
from common.web._client_address import client_address, limited_client, truncated
from common.web._headers import Audience, compress, limit_headers, new_request_id, preflight_headers, shared_headers
from common.web._messages import Request, Response, StreamedResponse, json_response
from common.web._routing import ClientOf, Endpoint, Handler, Ids, allowed_methods, find_endpoint, make_endpoint
from common.web._trace import log_fields, trace_of

# Probes and the API description, which are not rate-limited.
UNCOUNTED = (_health.LIVE, _health.READY, _description.PATH)
_NO_IDS: Ids = {}
UNCOUNTED_METHODS = ("GET", "HEAD", "OPTIONS")


class Function:
    """One deployed function: its name, rate limit, audience and endpoints."""

    def __init__(self, name: str, *, limit: str, audience: Audience, path: str = "") -> None:
        """`path` is the neutral name below which it also answers."""
        self.name = name
        self.path = path
        self.prefixes = (name, path) if path else (name,)
        self.limit = limit
        self.audience = audience
        self.endpoints: list[Endpoint] = []
        settings()  # an invalid value stops the function now, not at its first request

    def endpoint(
        self,
        method: str,
        path: str = "/",
        *,
        rights: str | None = None,
        body: Checker | None = None,
        query: Checker | None = None,
        limit: str | None = None,
        client: ClientOf | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register a handler `(request, **ids) -> Response`.

        It runs in a thread and may block, unless it is a coroutine function: that runs on the loop and must not block.
        `{name}` in the path stands for a UUID, or for a text if the handler takes a str. `rights` ("read" or "write")
        requires an API key that has them; `body` and `query` are schemas that load `request.data` and `request.query`.
        `limit` counts per API key instead of per address; `client(request, **ids)` names whom the function's limit
        counts instead of the address.
        """

        def register(handler: Handler) -> Handler:
            self.endpoints.append(make_endpoint(method, path, handler, rights, body, query, limit, client))
            return handler

        return register

    async def handle(self, request: Request) -> Response:
        """Return the answer to a request; any error becomes a problem."""
        started = time.perf_counter()
        waited = waits.start()
        trace = trace_of(request.headers)
        request_id = trace.id if trace else new_request_id()
        logs.begin_request(log_fields(trace) if trace else {})
        prefix, request.path = without_prefix(request.path, self.prefixes)
        try:
            response = await self._answer(request)
        except ProblemError as problem:
            response = _problem_response(problem, request_id)
        except Exception as error:
            logs.write_exception(
                f"{self.name} failed", error, **{logs.LABELS: {"request_id": request_id, "version": VERSION}}
            )
            response = _problem_response(InternalError(), request_id)
        shared = shared_headers(self.audience, request.headers.get("origin"))
        if "Location" in response.headers:
            response.headers["Location"] = public_address(self.name, response.headers["Location"], prefix)
        response.headers = {**shared, **response.headers}
        if not response.for_everybody:
            response.headers |= {**request.answer_headers, "X-Request-Id": request_id}
        if request.method == "HEAD" and isinstance(response, StreamedResponse):
            response.rest.close()
        compress(request, response)
        if waited:
            request.logged["waited_seconds"] = {name: round(seconds, 6) for name, seconds in waited.copy().items()}
        self._log(request, response, request_id, time.perf_counter() - started)
        return response

    async def _answer(self, request: Request) -> Response:
        if request.path in UNCOUNTED or request.method == "OPTIONS":
            request.answer_headers |= limit_headers(limits.untouched(self.limit))
            return await self._answer_uncounted(request)
        try:
            endpoint, ids = find_endpoint(self.endpoints, request.method, request.path)
        except ProblemError:
            await self._count(request)
            raise
        await self._count(request, endpoint, ids)
        if endpoint.rights:
            authorization = request.headers.get("authorization")
            request.key = await in_thread(api_keys.authenticate, authorization, endpoint.rights)
        if endpoint.query:
            request.query = load_query(endpoint.query, request.query_string)
        if endpoint.body or endpoint.method == "POST":
            await self._read_body(request, endpoint.body)
        if endpoint.on_loop:
            response: Response = await endpoint.handler(request, **ids)
            return response
        return await in_thread(endpoint.handler, request, **ids)

    async def _read_body(self, request: Request, schema: Checker | None) -> None:
        """Read the body: only after the limit, the route and the API key have admitted the request."""
        request.body = await request.receive(self.audience.max_body_bytes)
        if schema is None and request.body == b"":
            return
        check = partial(load_body, schema or ANY_OBJECT, request, self.audience)
        if request.body and len(request.body) > MAX_BYTES_ON_LOOP:
            request.data = await in_thread(check)
        else:
            request.data = check()

    async def _answer_uncounted(self, request: Request) -> Response:
        """Answer probes, preflights and the API description, which a rate limit must not make fail."""
        if request.method == "OPTIONS":
            methods = UNCOUNTED_METHODS if request.path in UNCOUNTED else allowed_methods(self.endpoints, request.path)
            asked = request.headers.get("access-control-request-headers")
            return Response(204, headers=preflight_headers(self.audience, methods, asked))
        if request.method not in UNCOUNTED_METHODS:
            raise MethodNotAllowed(headers={"Allow": ", ".join(UNCOUNTED_METHODS)})
        if request.path == _description.PATH:
            return await in_thread(_description.describe, self.name)
        if request.path == _health.LIVE:
            _health.load_clients()
            return json_response({"status": "ok", "version": VERSION})
        readiness = _health.fresh_readiness()
        if readiness is None:
            readiness = await in_probe_thread(_health.check_readiness)
        if readiness.schema:
            request.logged["schema"] = readiness.schema
        if readiness.is_ready:
            return json_response(readiness.as_answer())
        return json_response(readiness.as_answer(), 503, {"Retry-After": "1"})

    async def _count(self, request: Request, endpoint: Endpoint | None = None, ids: Ids = _NO_IDS) -> None:
        forwarded_for = request.headers.get("x-forwarded-for")
        address = client_address(request.peer, forwarded_for, settings().trusted_proxies)
        request.logged["client"] = truncated(address)
        request.client = limited_client(address)
        for name, client in self._limits(request, endpoint, ids):
            verdict = limits.hit_in_memory(name, client)
            if verdict is None:
                verdict = await in_brief_thread(limits.hit, name, client)
            request.logged["limit"] = "passed" if verdict.passes else "refused"
            request.answer_headers |= limit_headers(verdict)
            limits.refuse_if_exceeded(verdict)

    def _limits(self, request: Request, endpoint: Endpoint | None, ids: Ids) -> list[tuple[str, str]]:
        """Return the limits that count the request, each with the client to which it is counted.

        A key that this process has not authenticated yet may be anybody's guess: before it is looked up, it counts
        against the address, by both limits.
        """
        if endpoint and endpoint.client:
            return [(self.limit, endpoint.client(request, **ids))]
        limit_per_key = endpoint.limit if endpoint else None
        if limit_per_key is None:
            return [(self.limit, request.client)]
        key_id = api_keys.remembered_id(request.headers.get("authorization"))
        if key_id is None:
            return [(limit_per_key, request.client), (self.limit, request.client)]
        return [(limit_per_key, f"key:{key_id}")]

    def _log(self, request: Request, response: Response, request_id: str, seconds: float) -> None:
        logs.write(
            "ERROR" if response.status >= 500 else "INFO",
            f"{request.method} {self.name} {response.status}",
            httpRequest={
                "requestMethod": request.method,
                "requestUrl": request.path[:200],
                "status": response.status,
                "responseSize": str(len(response.body)),
                "latency": f"{seconds:.6f}s",
                "remoteIp": request.logged.pop("client", None),
                "userAgent": request.headers.get("user-agent", "")[:200],
            },
            seconds=round(seconds, 6),
            pool=postgres.pool_state(),
            **request.logged,
            **{logs.LABELS: {"function": self.name, "request_id": request_id, "version": VERSION}},
        )


def _problem_response(problem: ProblemError, request_id: str) -> Response:
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store", **problem.headers}
    return Response(problem.status, dumps(problem.as_problem(request_id)), headers)
