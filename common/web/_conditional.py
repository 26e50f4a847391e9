"""ETag, If-None-Match and If-Match (RFC 9110, section 13)."""

from __future__ import annotations

import re

from common.cache import Cached
from common.config import settings
from common.web._messages import Request, Response

# One of a list: commas within quotes belong to a tag.
_LISTED = re.compile(r'(?:[^,"]|"[^"]*"?)+')


def answer_cached(
    request: Request, cached: Cached, cache_control: str, media_type: str = "application/json"
) -> Response:
    """Return a cached answer with ETag and X-Cache; a 304 without body for a client that has it."""
    request.logged["cache"] = cached.verdict
    headers = {"ETag": cached.entry.etag, "Cache-Control": cache_control, "X-Cache": cached.verdict}
    if is_known(request, cached.entry.etag):
        return Response(304, headers=headers)
    headers["Content-Type"] = media_type
    return Response(200, cached.entry.body or b"", headers, cached.entry.gzipped)


def for_cdn(answer: Response, tag: str) -> Response:
    """If a CDN caches answers, mark this one as the same for every client, and give it the tag that purges it."""
    if settings().cdn:
        answer.headers["Cache-Tag"] = tag
        answer.for_everybody = True
    return answer


def is_known(request: Request, etag: str) -> bool:
    """Return whether If-None-Match names this ETag, by weak comparison (section 13.1.2)."""
    return _names(request.headers.get("if-none-match"), etag, weak=True)


def is_stale(request: Request, etag: str) -> bool:
    """Return whether there is an If-Match that does not name this ETag."""
    if_match = request.headers.get("if-match")
    return if_match is not None and not _names(if_match, etag, weak=False)


def _names(condition: str | None, etag: str, *, weak: bool) -> bool:
    if condition is None:
        return False
    candidates = [candidate.strip() for candidate in _LISTED.findall(condition)]
    if "*" in candidates:
        return True
    if weak:
        return etag.removeprefix("W/") in [candidate.removeprefix("W/") for candidate in candidates]
    return etag in candidates
