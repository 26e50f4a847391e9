"""The edition of the storefront script's rules that each targeting field needs.

A script that does not know a rule would show the popup to every shopper, so it gets no popup that needs a newer edition
than its own (`&rules=N`). Fields and kinds of visitors unknown to this code are a newer release's: no script gets such
a popup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIRST_EDITION = 1
NEWEST_EDITION = 1

KINDS_OF_VISITORS = ("new", "returning")
VISITORS = ("all", *KINDS_OF_VISITORS)

EDITIONS = {
    "include_pages": 1,
    "exclude_pages": 1,
    "device_types": 1,
    "visitors": 1,
    "referrers": 1,
    "utm": 1,
    "min_cart_value": 1,
    "max_cart_value": 1,
    "min_cart_items": 1,
}


def unknown_rules(targeting: Mapping[str, Any], edition: int) -> list[str]:
    """Return the fields whose rules a script of this edition does not know, and that restrict the audience."""
    return [name for name, value in targeting.items() if value and _edition(name, value) > edition]


def _edition(name: str, value: Any) -> int:
    # Unknown devices and utm parameters match no shopper; an unknown kind of visitors would match every one.
    is_known = name != "visitors" or value in VISITORS
    return EDITIONS.get(name, NEWEST_EDITION + 1) if is_known else NEWEST_EDITION + 1
