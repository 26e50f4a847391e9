"""The framework-independent request and response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from common.json_text import dumps

if TYPE_CHECKING:
    from common.shop.api_keys import Key


@dataclass(slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    # The same body gzipped, if it is cached in that form.
    gzipped: bytes | None = None
    # Whether a CDN may give it to others, so that it must have no header about this one request.
    for_everybody: bool = False


@dataclass(slots=True)
class StreamedResponse(Response):
    """A streamed response: `body` is the first part, `rest` yields the others; closed at the end or on disconnect."""

    rest: Generator[bytes, None, None] = field(kw_only=True)


def json_response(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status, dumps(data), {"Content-Type": "application/json", **(headers or {})})


@dataclass(slots=True)
class Request:
    """An incoming request. Header names are in lower case.

    `receive(max_bytes)` reads the whole body, once; None if it is larger.
    """

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    receive: Callable[[int], Awaitable[bytes | None]]
    peer: str
    # Set on the way to the handler. `client` is what a limit counts: an IPv4 address, or an IPv6 /64.
    client: str = ""
    # Empty until the pipeline has read it.
    body: bytes | None = b""
    data: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    key: Key | None = None
    # Headers of every answer to this request, and fields of its log line.
    answer_headers: dict[str, str] = field(default_factory=dict)
    logged: dict[str, Any] = field(default_factory=dict)

    @property
    def shop_id(self) -> str:
        """Return the shop of the request's API key; only in handlers that require rights."""
        assert self.key is not None
        return self.key.shop_id

    @property
    def key_id(self) -> str:
        """Return the id of the request's API key, likewise."""
        assert self.key is not None
        return self.key.id
