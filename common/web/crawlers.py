"""Crawlers, told by their User-Agent with the kept list of crawler-user-agents."""

from __future__ import annotations

import re
from functools import lru_cache

from common.process.per_process import per_process
from common.web._messages import Request

MAX_USER_AGENT_CHARACTERS = 512
# Programs, but not crawlers: a shop's own server may report events, and its tests may drive a browser.
NOT_CRAWLERS = {"http-library", "browser-automation"}


def is_crawler(request: Request) -> bool:
    """Whether the request comes from a crawler; if so its log line says of which kind."""
    kind = _crawler_kind(request.headers.get("user-agent", "")[:MAX_USER_AGENT_CHARACTERS])
    if kind is None:
        return False
    request.logged["crawler"] = kind
    return True


@lru_cache(maxsize=4096)
def _crawler_kind(user_agent: str) -> str | None:
    """The list's word for this crawler, such as `search-engine`; None for everybody else."""
    for kind, pattern in _patterns().items():
        if pattern.search(user_agent):
            return kind
    return None


@per_process
def _patterns() -> dict[str, re.Pattern[str]]:
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # 1500 patterns: not at import

    by_kind: dict[str, list[str]] = {}
    for crawler in CRAWLER_USER_AGENTS_DATA:
        kinds = crawler.get("tags") or ["other"]
        if NOT_CRAWLERS.isdisjoint(kinds):
            by_kind.setdefault(kinds[0], []).append(crawler["pattern"])
    return {kind: re.compile("|".join(patterns)) for kind, patterns in by_kind.items()}
