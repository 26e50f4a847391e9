"""Tags: the groups of operations in clients and in the rendered reference."""

from __future__ import annotations

from common.web import Audience, Function

STOREFRONT, STATS, PLATFORMS, PROBES = "storefront", "stats", "platforms", "probes"

TAGS = {
    STOREFRONT: "Called by the script on a shop's pages, without a key.",
    "popups": "Popups with their targeting, variants and history.",
    "discount-codes": "Codes that popups give to shoppers, and pools of single-use codes.",
    "subscribers": "E-mail addresses that shoppers left, and their consents.",
    PLATFORMS: "Called by the shops' platforms, with a signature.",
    "order-sources": "Platforms that report a shop's orders by webhooks.",
    "orders": "Orders and refunds, and the popup that has the credit.",
    "shop": "The shop that a key belongs to.",
    "api-keys": "Keys for the shop's own programs.",
    STATS: "Reports and experiments.",
    PROBES: "Liveness and readiness of a function.",
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
