"""Crawlers, told by their User-Agent with the list that CrawlerDetect keeps."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from common.messages import Request
from common.per_process import per_process

MAX_USER_AGENT_CHARACTERS = 512


def is_crawler(request: Request) -> bool:
    """Whether the request comes from a crawler; if so its log line says so."""
    user_agent = request.headers.get("user-agent", "")[:MAX_USER_AGENT_CHARACTERS]
    if not user_agent or not _is_listed(user_agent):
        return False
    request.logged["crawler"] = "user_agent"
    return True


@lru_cache(maxsize=4096)
def _is_listed(user_agent: str) -> bool:
    return bool(_detector().isCrawler(user_agent))


@per_process
def _detector() -> Any:
    from crawlerdetect import CrawlerDetect  # compiles a thousand patterns: not at import

    return CrawlerDetect()
