"""The headers that every answer shares: request id, CORS, rate limit, compression."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterable, Mapping
from enum import Enum

from common.cache_entry import GZIP_FROM_BYTES, GZIP_LEVEL
from common.config import settings
from common.messages import Request, Response
from common.rate_limit import Verdict

KIB = 1024


class Audience(Enum):
    """Who calls a function, and the largest body accepted from them."""

    STOREFRONT = 64 * KIB
    MERCHANT = 1024 * KIB

    @property
    def max_body_bytes(self) -> int:
        return self.value


# For a browser that is led to an answer: it is no page, in no frame, only by TLS.
_SAFETY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_EXPOSED = "ETag, Location, RateLimit, RateLimit-Policy, Retry-After, X-Cache, X-Request-Id"
_FOR_EVERY_PAGE = _SAFETY | {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}
# A merchant's answers differ by origin, and are not kept.
_FOR_MERCHANTS = _SAFETY | {"Cache-Control": "no-store", "Vary": "Origin"}
_REQUEST_HEADERS = {
    Audience.STOREFRONT: "Content-Type, If-None-Match",
    Audience.MERCHANT: "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match",
}


def trace_of(headers: Mapping[str, str]) -> str | None:
    """The platform's trace id, 32 hex digits: from W3C's traceparent, or Google's older header."""
    trace = headers.get("traceparent", "")[3:35] or headers.get("x-cloud-trace-context", "")[:32]
    return trace if _TRACE_ID.fullmatch(trace) else None


def new_request_id() -> str:
    """What stands in for the trace id of a request that has none."""
    return os.urandom(16).hex()


def shared_headers(audience: Audience, origin: str | None) -> dict[str, str]:
    """What each answer carries unless it says otherwise: who may read it, and that it is no page."""
    if audience is Audience.STOREFRONT:
        return _FOR_EVERY_PAGE
    if origin in settings().console_origins:
        return _FOR_MERCHANTS | {"Access-Control-Allow-Origin": str(origin), "Access-Control-Expose-Headers": _EXPOSED}
    return _FOR_MERCHANTS


def preflight_headers(audience: Audience, methods: Iterable[str]) -> dict[str, str]:
    allowed = ", ".join(methods)
    return {
        "Allow": allowed,
        "Access-Control-Allow-Methods": allowed,
        "Access-Control-Allow-Headers": _REQUEST_HEADERS[audience],
        "Access-Control-Max-Age": "86400",
    }


def limit_headers(verdict: Verdict) -> dict[str, str]:
    """RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers); none where the limit is off."""
    if not verdict.quota:
        return {}
    return {
        "RateLimit-Policy": f'"{verdict.name}";q={verdict.quota};w={verdict.window_seconds}',
        "RateLimit": f'"{verdict.name}";r={verdict.remaining};t={verdict.reset_seconds}',
    }


def compress(request: Request, response: Response) -> None:
    """Compresses a body of 1 KiB or more for a client that accepts gzip."""
    if len(response.body) < GZIP_FROM_BYTES or "Content-Encoding" in response.headers:
        return
    vary = response.headers.get("Vary")
    response.headers["Vary"] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        response.body = response.gzipped or gzip.compress(response.body, GZIP_LEVEL, mtime=0)
        response.headers["Content-Encoding"] = "gzip"


def accepts_gzip(accept_encoding: str) -> bool:
    for choice in accept_encoding.lower().split(","):
        name, _, parameter = choice.partition(";")
        if name.strip() in ("gzip", "*"):
            return not re.fullmatch(r"q=0(\.0*)?", parameter.replace(" ", ""))
    return False
