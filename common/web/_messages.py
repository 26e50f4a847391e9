"""A request and a response of our own, which every adapter can make and every handler can read."""

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
    # The same body compressed, where somebody has done that already.
    gzipped: bytes | None = None


@dataclass(slots=True)
class StreamedResponse(Response):
    """`body` is its first part, `rest` makes the others. It is closed when all is sent, or nobody wants it any more."""

    rest: Generator[bytes, None, None] = field(kw_only=True)


def json_response(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status, dumps(data), {"Content-Type": "application/json", **(headers or {})})


@dataclass(slots=True)
class Request:
    """What came in. Header names are in lower case.

    `receive(max_bytes)` reads the body, once and whole; None where it is larger.
    """

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    receive: Callable[[int], Awaitable[bytes | None]]
    peer: str
    # Found out on the way to the handler. `client` is what a limit counts: an IPv4 address, or an IPv6 /64.
    client: str = ""
    # Nothing has a body before somebody has read it.
    body: bytes | None = b""
    data: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    key: Key | None = None
    # What every answer to this request carries, and what its log line says.
    answer_headers: dict[str, str] = field(default_factory=dict)
    logged: dict[str, Any] = field(default_factory=dict)

    @property
    def shop_id(self) -> str:
        """The shop that the request's key speaks for; only in handlers that ask for rights."""
        assert self.key is not None
        return self.key.shop_id

    @property
    def key_id(self) -> str:
        """The key itself, likewise."""
        assert self.key is not None
        return self.key.id
