"""The headers common to all answers: request id, CORS, rate limit, compression."""

from __future__ import annotations

import gzip
import random
import re
import zlib
from collections.abc import Generator, Iterable
from contextlib import closing
from enum import Enum
from functools import lru_cache
from itertools import chain

from common.cache import GZIP_FROM_BYTES, GZIP_LEVEL
from common.config import settings
from common.limits import Verdict
from common.web._messages import Request, Response, StreamedResponse

KIB = 1024
# Browsers send 30 characters. Longer values are cut, because they are cache keys.
MAX_ACCEPT_CHARACTERS = 500
GZIP_WBITS = 31  # zlib's value for the gzip format


class Audience(Enum):
    """A function's kind of clients; `max_body_bytes` is the largest body accepted from them."""

    STOREFRONT = "storefront", 64 * KIB
    MERCHANT = "merchant", 1024 * KIB
    # The servers of the shop's platform. Their bodies list every item of an order.
    PLATFORM = "platform", 1024 * KIB

    @property
    def max_body_bytes(self) -> int:
        _, most_bytes = self.value
        return most_bytes


# If a browser is navigated to an API URL: not a document, not frameable, HTTPS only.
_SAFETY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
# A shop's allowed_origins are shorter: a scheme and at most 255 characters.
MAX_ORIGIN_CHARACTERS = 300
# What browsers send for a page with an opaque origin (RFC 6454, section 7.3). No shop can list it.
OPAQUE_ORIGIN = "null"
_EXPOSED = "Content-Disposition, ETag, Location, RateLimit, RateLimit-Policy, Retry-After, X-Cache, X-Request-Id"
_FOR_EVERY_PAGE = _SAFETY | {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}
# A merchant's answers vary by origin, and are not stored.
_FOR_MERCHANTS = _SAFETY | {"Cache-Control": "no-store", "Vary": "Origin"}
_REQUEST_HEADERS = {
    # Tracing agents add their own headers to a page's requests. Older browsers take the star literally, so the
    # requested headers are also named.
    Audience.STOREFRONT: "Content-Type, If-None-Match, *",
    Audience.MERCHANT: "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match",
    Audience.PLATFORM: "Content-Type",
}
_HEADER_NAMES = re.compile(r"[\w!#$%&'*+.^`|~-]+(, ?[\w!#$%&'*+.^`|~-]+)*", re.ASCII)
MAX_HEADER_NAMES_CHARACTERS = 2000


def new_request_id() -> str:
    """Return a random id for a request without a trace. Nobody gains by guessing it: no system call is made for it."""
    return f"{random.getrandbits(128):032x}"


def shared_headers(audience: Audience, origin: str | None) -> dict[str, str]:
    """Return the default headers of every answer: CORS, security and caching."""
    if audience is Audience.STOREFRONT:
        return _FOR_EVERY_PAGE
    if audience is Audience.MERCHANT and origin in settings().console_origins:
        return _FOR_MERCHANTS | {"Access-Control-Allow-Origin": str(origin), "Access-Control-Expose-Headers": _EXPOSED}
    return _FOR_MERCHANTS


def page_origin(request: Request) -> str | None:
    """Return the Origin header, None without one; OPAQUE_ORIGIN for one that is too long for any shop's list."""
    origin = request.headers.get("origin")
    if origin is None or (len(origin) <= MAX_ORIGIN_CHARACTERS and origin.isascii() and origin.isprintable()):
        return origin
    return OPAQUE_ORIGIN


def preflight_headers(audience: Audience, methods: Iterable[str], asked: str | None) -> dict[str, str]:
    """Return a preflight's CORS headers; `asked` is its Access-Control-Request-Headers."""
    allowed, names = ", ".join(methods), _REQUEST_HEADERS[audience]
    headers = {
        "Allow": allowed,
        "Access-Control-Allow-Methods": allowed,
        "Access-Control-Allow-Headers": names,
        "Access-Control-Max-Age": "86400",
    }
    if audience is Audience.STOREFRONT:
        headers["Vary"] = "Access-Control-Request-Headers"
        if asked and len(asked) <= MAX_HEADER_NAMES_CHARACTERS and _HEADER_NAMES.fullmatch(asked):
            headers["Access-Control-Allow-Headers"] = f"{names}, {asked}"
    return headers


def limit_headers(verdict: Verdict) -> dict[str, str]:
    """Return RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers); none if the limit is off."""
    if not verdict.quota:
        return {}
    return {
        "RateLimit-Policy": f'"{verdict.name}";q={verdict.quota};w={verdict.window_seconds}',
        "RateLimit": f'"{verdict.name}";r={verdict.remaining};t={verdict.reset_seconds}',
    }


def compress(request: Request, response: Response) -> None:
    """Compress a body of 1 KiB or more for a client that accepts gzip; a stream by the size of its first part."""
    if len(response.body) < GZIP_FROM_BYTES:
        return
    vary = response.headers.get("Vary")
    response.headers["Vary"] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
    if not accepts_gzip(request.headers.get("accept-encoding", "")[:MAX_ACCEPT_CHARACTERS]):
        return
    response.headers["Content-Encoding"] = "gzip"
    if isinstance(response, StreamedResponse):
        response.rest, response.body = _gzipped(response.body, response.rest), b""
    else:
        response.body = response.gzipped or gzip.compress(response.body, GZIP_LEVEL, mtime=0)


# Browsers send a few distinct values: parsing them each time would be a tenth of a request.
@lru_cache(maxsize=256)
def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether gzip is accepted (RFC 9110, section 12.5.3): its own weight takes precedence over `*`."""
    wanted = {}
    for choice in accept_encoding.lower().split(","):
        name, _, parameter = choice.partition(";")
        wanted[name.strip()] = not re.fullmatch(r"q=0(\.0*)?", "".join(parameter.split()))
    return wanted.get("gzip", wanted.get("*", False))


def _gzipped(first: bytes, rest: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    compressor = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_WBITS)
    with closing(rest):
        for part in chain([first], rest):
            if compressed := compressor.compress(part):
                yield compressed
    yield compressor.flush()
