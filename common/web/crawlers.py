"""Recognizes crawlers by their User-Agent: those that identify themselves as crawlers, and known ones.

In doubt it is a shopper. A crawler mistaken for a shopper adds one view; a phone model mistaken for a crawler loses all
views of its users. So names of phones and apps are removed first, and a crawler's name counts only as a whole word:
"Sonic" is a crawler, "ViewSonic" is not. A program that is not a browser, such as a shop's own server that reports
orders, is a crawler only if it says so or if crawler-user-agents lists it.

A new version of that list must pass tests/vectors/user_agents.json: hundreds of shoppers' and crawlers' User-Agents.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache

from common.process.per_process import per_process
from common.web._messages import Request

MAX_USER_AGENT_CHARACTERS = 512
# Listed, but not crawlers: a shop's own server may report events, and its tests may drive a browser.
NOT_CRAWLERS = {"http-library", "browser-automation"}
# Nor are these: services through which a shop's server reports events.
SERVICES = {"Make/", "Shopify-Captain-Hook", "Stripe/", "WordPress/", "Zapier"}
UNLISTED = "other"

# "Android" is followed by the names of a phone and its build: "CUBOT", "HTC Butterfly", "Build/AP3A.240617.008".
_ANDROID = re.compile(r"\([^()]*\bAndroid\b[^()]*(?:\([^()]*\)[^()]*)*\)?")
# A crawler with such a comment adds what no phone has: "Storebot-Google/1.0", "compatible; …".
_NO_PHONE = re.compile(r"compatible|https?:|(?:bot|crawler|spider)[\w-]*/|-Google/", re.IGNORECASE)
# Facebook's apps, with the phone's maker, model and carrier in brackets.
_APP_DETAILS = re.compile(r"\[FB[^\]]*\]?")
# Shoppers' browsers that would count as crawlers by the list, or by a URL in their name.
_BROWSERS = re.compile(
    r"MetaIAB \w+|Viber/[\d.]+|Freespoke/[\d.]+|Blackboard/[\w.]+|coc_?coc_?browser|Sogou(?:MSE|MobileBrowser|Search)\b"
    r"|http://(?:bsalsa\.com|www\.QtWeb\.net)",
    re.IGNORECASE,
)

# Self-declared crawlers, except CUBOT's phones.
_BOT = re.compile(r"(?:(?<!cu)bot|crawl|crawler|spider|slurp|scraper)s?(?![a-z])", re.IGNORECASE)
# Crawlers whose names are not listed, or listed differently.
_UNLISTED_NAME = re.compile(
    r"(?<![A-Za-z0-9])(?:PTST/|Pingdom|Siteimprove|mShots|RuxitSynthetic|Cloudflare[A-Z]|GTmetrix|baidu Transcoder"
    r"|iplabel|GomezAgent|FeedFetcher-Google|FontRadar|Functionize|[aA]cunetix|findlinks/|Bark[rR]owler/|DirBuster|Netumo/"
    r"|gotosocial/|SSL Labs)"
)
# What no browser's name contains: a tool's purpose, a URL, a second name beside the engine's.
_TOOL = re.compile(
    r"(?:indexer|archiver|fetcher|preview|lighthouse|validator|monitor(?:ing)?|checker|synthetics?)s?(?![a-z])"
    r"|[+(;,\s]\s*(?:https?://|www\.)|\+[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2}|[a-z0-9]@[a-z0-9-]+\.[a-z]|mailto:"
    r"|^Mozilla/5\.0 \(compatible; *(?! |MSIE|Konqueror|U;|IBrowse|Origyn)|KHTML, like Gecko; "
    r"|(?-i:\bGoogle[-_][A-Z]|-Google/)",
    re.IGNORECASE,
)
_A_BROWSER = ("Mozilla/", "Opera/")

_WORD = re.compile(r"[A-Za-z0-9]+")
_ESCAPED = re.compile(r"\\([^\w])")
_REGEX = re.compile(r"[\\^$.*+?()\[\]{}|]")


def is_crawler(request: Request) -> bool:
    """Return whether the request comes from a crawler, and add the kind to its log line."""
    kind = kind_of(request.headers.get("user-agent", "")[:MAX_USER_AGENT_CHARACTERS])
    if kind is None:
        return False
    request.logged["crawler"] = kind
    return True


@lru_cache(maxsize=4096)
def kind_of(user_agent: str) -> str | None:
    """Return the list's tag for this crawler, such as `search-engine`; None for any other client."""
    text = _without_phone(user_agent)
    kinds = {kind for name, kind in _names_in(text) if name not in SERVICES}
    if crawlers := sorted(kinds - NOT_CRAWLERS):
        return crawlers[0]
    says_so = _BOT.search(text) or _UNLISTED_NAME.search(text)
    is_a_tool = not kinds and text.startswith(_A_BROWSER) and _TOOL.search(text)
    return UNLISTED if says_so or is_a_tool else None


def _without_phone(user_agent: str) -> str:
    return _BROWSERS.sub("", _APP_DETAILS.sub("", _ANDROID.sub(_what_no_phone_says, user_agent)))


def _what_no_phone_says(comment: re.Match[str]) -> str:
    parts = comment[0].strip("()").split(";")
    return "(" + ";".join(part for part in parts if _NO_PHONE.search(part) and "Build/" not in part) + ")"


def _names_in(text: str) -> list[tuple[str, str]]:
    """Return the listed names that the text contains as whole words, with their kinds."""
    return [
        (name, kind)
        for word in _WORD.finditer(text)
        for name, kind in _names().get(word[0], ())
        if text.startswith(name, word.start()) and not (name[-1].isalnum() and _goes_on(text, word.start() + len(name)))
    ]


def _goes_on(text: str, index: int) -> bool:
    return text[index : index + 1].isalnum()


@per_process
def _names() -> dict[str, list[tuple[str, str]]]:
    """Return the listed names and kinds, by the first word of each.

    The list's few regular expressions are left out: they match self-declared bots, or are in _UNLISTED_NAME.
    """
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # half a megabyte of JSON: not at import

    names = defaultdict(list)
    for crawler in CRAWLER_USER_AGENTS_DATA:
        name = _ESCAPED.sub(r"\1", crawler["pattern"])
        if _REGEX.search(_ESCAPED.sub("", crawler["pattern"])) or not (first := _WORD.match(name)):
            continue
        names[first[0]].append((name, (crawler.get("tags") or [UNLISTED])[0]))
    return dict(names)
