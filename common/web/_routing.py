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
# Names the client as which a request counts, before its body is read.
ClientOf = Callable[..., str]
# What a path's template has in braces.
Ids = dict[str, uuid.UUID | str]

_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    template: str
    path: re.Pattern[str]
    # The names in the path that stand for texts; the others stand for UUIDs.
    texts: frozenset[str]
    handler: Handler
    # Whether the handler runs on the loop; determined once, because it takes 1 µs.
    on_loop: bool
    rights: str | None
    body: Checker | None
    query: Checker | None
    # The limit by which its calls are counted per API key, instead of the function's.
    limit: str | None
    client: ClientOf | None

    def ids(self, match: re.Match[str]) -> Ids:
        return {name: text if name in self.texts else uuid.UUID(text) for name, text in match.groupdict().items()}


def make_endpoint(
    method: str,
    template: str,
    handler: Handler,
    rights: str | None,
    body: Checker | None,
    query: Checker | None,
    limit: str | None = None,
    client: ClientOf | None = None,
) -> Endpoint:
    """Create an endpoint. `{name}` in the template stands for a UUID, or for a text if the handler takes it as a str.

    A text may contain slashes, which were percent-encoded; after anything else a trailing slash is ignored.
    """
    parameters = inspect.signature(handler).parameters.values()
    texts = frozenset(parameter.name for parameter in parameters if parameter.annotation in (str, "str"))
    template = template.rstrip("/")
    pattern = _NAME.sub(
        lambda named: f"(?P<{named[1]}>{'.+' if named[1] in texts else _UUID})", template.replace(".", r"\.")
    )
    ends_in_text = any(template.endswith(f"{{{name}}}") for name in texts)
    path = re.compile(pattern if ends_in_text else pattern + "/?", re.DOTALL)
    on_loop = inspect.iscoroutinefunction(handler)
    return Endpoint(method, template or "/", path, texts, handler, on_loop, rights, body, query, limit, client)


def find_endpoint(endpoints: list[Endpoint], method: str, path: str) -> tuple[Endpoint, Ids]:
    """Return the endpoint and the ids in its path. Raises NotFound or MethodNotAllowed."""
    wanted = "GET" if method == "HEAD" else method
    for endpoint in endpoints:
        if endpoint.method == wanted and (match := endpoint.path.fullmatch(path)):
            return endpoint, endpoint.ids(match)
    raise MethodNotAllowed(headers={"Allow": ", ".join(allowed_methods(endpoints, path))})


def allowed_methods(endpoints: list[Endpoint], path: str) -> list[str]:
    """Return the methods that this path allows. Raises NotFound."""
    methods = [endpoint.method for endpoint in endpoints if endpoint.path.fullmatch(path)]
    if not methods:
        raise NotFound()
    return [*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"]
