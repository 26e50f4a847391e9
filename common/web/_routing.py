"""Routing: finds a function's endpoint by method and path."""

from __future__ import annotations

import inspect
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common.errors import MethodNotAllowed, NotFound
from common.web._body import Checker

Handler = Callable[..., Any]

_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    template: str
    path: re.Pattern[str]
    handler: Handler
    # Whether the handler runs on the loop; determined once, because it takes 1 µs.
    on_loop: bool
    rights: str | None
    body: Checker | None
    query: Checker | None


def make_endpoint(
    method: str, template: str, handler: Handler, rights: str | None, body: Checker | None, query: Checker | None
) -> Endpoint:
    """Create an endpoint. `{name}` in the template stands for a UUID; a trailing slash is ignored."""
    escaped = template.rstrip("/").replace(".", r"\.")
    path = re.compile(re.sub(r"\{(\w+)\}", rf"(?P<\1>{_UUID})", escaped) + "/?")
    return Endpoint(method, template, path, handler, inspect.iscoroutinefunction(handler), rights, body, query)


def find_endpoint(endpoints: list[Endpoint], method: str, path: str) -> tuple[Endpoint, dict[str, uuid.UUID]]:
    """Return the endpoint and the ids in its path. Raises NotFound or MethodNotAllowed."""
    wanted = "GET" if method == "HEAD" else method
    for endpoint in endpoints:
        if endpoint.method == wanted and (match := endpoint.path.fullmatch(path)):
            return endpoint, {name: uuid.UUID(text) for name, text in match.groupdict().items()}
    raise MethodNotAllowed(headers={"Allow": ", ".join(allowed_methods(endpoints, path))})


def allowed_methods(endpoints: list[Endpoint], path: str) -> list[str]:
    """Return the methods that this path allows. Raises NotFound."""
    methods = [endpoint.method for endpoint in endpoints if endpoint.path.fullmatch(path)]
    if not methods:
        raise NotFound()
    return [*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"]
