"""Tags: the groups of operations in clients and in the rendered reference."""

from __future__ import annotations

from common.web import Audience, Function

STOREFRONT, STATS, PLATFORMS, PROBES = "storefront", "stats", "platforms", "probes"

TAGS = {
    STOREFRONT: "What the script on a shop's pages calls. Anybody may; there is no key.",
    "popups": "What is shown to whom, its variants and its history.",
    "discount-codes": "The codes that popups give out, and pools of single-use ones.",
    "subscribers": "Who left an e-mail address, and what they consented to.",
    PLATFORMS: "What the shops' platforms call, with a signature.",
    "order-sources": "The platforms that report a shop's orders by themselves.",
    "orders": "What was bought, and which popup gets the credit.",
    "shop": "The shop that a key belongs to.",
    "api-keys": "Keys for the shop's own programs.",
    STATS: "How popups did.",
    PROBES: "Whether a function lives and can work.",
}

_OF_SEGMENTS = {"explain": "popups", "key": "api-keys"}


def tag_of(function: Function, template: str) -> str:
    """Return an operation's tag: one for the storefront, one for reports, else by the first segment of its path."""
    if function.audience is Audience.STOREFRONT:
        return STOREFRONT
    if function.audience is Audience.PLATFORM:
        return PLATFORMS
    if function.name == "stats":
        return STATS
    segment = template.split("/")[1].partition(".")[0]
    return _OF_SEGMENTS.get(segment, segment)
