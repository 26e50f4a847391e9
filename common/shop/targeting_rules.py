"""Which edition of the storefront script's rules each field of a popup's targeting needs.

A script that does not know a rule would show the popup to everybody, so it is not given one that needs a newer edition
than it knows (`&rules=N`). Fields, and kinds of visitors, that this code does not know either are a newer release's:
nobody gets those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIRST_EDITION = 1
NEWEST = 1

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
    """The fields that refuse some shoppers by rules that a script of this edition does not know."""
    return [name for name, value in targeting.items() if value and _edition(name, value) > edition]


def _edition(name: str, value: Any) -> int:
    # Unknown devices and utm parameters match nobody; an unknown kind of visitors would be everybody.
    is_known = name != "visitors" or value in VISITORS
    return EDITIONS.get(name, NEWEST + 1) if is_known else NEWEST + 1
