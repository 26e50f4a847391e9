"""The storefront script's rules, reimplemented for the server.

tests/vectors/rules.json and storefront/vectors.json test that both decide alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from common.shop.addresses import decode_uri
from common.shop.events import HOLDOUT, HOLDOUTS, SHOP_HOLDOUT
from common.shop.targeting_rules import NEWEST_EDITION, unknown_rules

Rule = Callable[[Any, "Shopper"], bool]


@dataclass(frozen=True, slots=True)
class Shopper:
    """A shopper and the current page; None is unknown. Without a visitor_id there is no variant."""

    path: str
    search: str = ""
    device_type: str = "desktop"
    is_new: bool = True
    referrer: str = ""
    utm: Mapping[str, str] = field(default_factory=dict)
    cart_value: Decimal = Decimal(0)
    cart_items: int = 0
    visitor_id: str | None = None
    days_since_conversion: float | None = None
    days_since_close: float | None = None
    shown_this_session: int = 0


def first_no(popup: Mapping[str, Any], shopper: Shopper) -> str | None:
    """Return the first rule that excludes this shopper, as `group.field`; None if none does.

    `popup` also has the shop's `never_on_pages`.
    """
    if any(_on_page(page, shopper) for page in popup["never_on_pages"]):
        return "shop.never_on_pages"
    if unknown := unknown_rules(popup["targeting"], NEWEST_EDITION):
        return f"targeting.{unknown[0]}"
    asked = popup["trigger"]["type"] == "click"
    for name, allows in _RULES.items():
        if asked and name in _UNASKED:
            continue
        group, _, rule = name.partition(".")
        value = popup[group].get(rule)
        if value is not None and not allows(value, shopper):
            return name
    variant = variant_for(popup, shopper)
    return variant if variant in HOLDOUTS else None


def variant_for(popup: Mapping[str, Any], shopper: Shopper) -> str | None:
    """Return what the shopper gets: a variant's id, a holdout, or None. The shop's holdout comes before the popup's."""
    if shopper.visitor_id is None:
        return None
    if is_held_out(popup.get("shop_id", ""), popup.get("shop_holdout_percent", 0), shopper.visitor_id):
        return SHOP_HOLDOUT
    return variant_of(popup, shopper.visitor_id)


def is_held_out(shop_id: str, holdout_percent: int, visitor_id: str) -> bool:
    """Return whether a shop-wide holdout has the visitor; the same hash as for a popup's, over the shop's id."""
    return (hash_of(f"{visitor_id}:{shop_id}") & 0xFFFF) * 100 < holdout_percent * 65536


def variant_of(popup: Mapping[str, Any], visitor_id: str) -> str | None:
    """Return the id of the visitor's variant, `holdout`, or None if the popup has no variants.

    The hash's lower 16 bits decide the holdout, the upper 16 the variant.
    """
    hashed = hash_of(f"{visitor_id}:{popup['id']}")
    if (hashed & 0xFFFF) * 100 < popup["holdout_percent"] * 65536:
        return HOLDOUT
    point = (hashed >> 16) * sum(variant["weight"] for variant in popup["variants"])
    for variant in popup["variants"]:
        point -= variant["weight"] * 65536
        if point < 0:
            return str(variant["id"])
    return None


def hash_of(text: str) -> int:
    """Return 32 bits: FNV-1a over the UTF-8 bytes, finished with MurmurHash3's mixer."""
    hashed = 0x811C9DC5
    for byte in text.encode():
        hashed = (hashed ^ byte) * 0x01000193 & 0xFFFFFFFF
    hashed = (hashed ^ hashed >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    hashed = (hashed ^ hashed >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return hashed ^ hashed >> 16


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole text matches the pattern, in which `*` is any text."""
    first, *others = pattern.split("*")
    if not others:
        return pattern == text
    *middle, last = others
    if not text.startswith(first) or not text.endswith(last):
        return False
    at = len(first)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return at + len(last) <= len(text)


def _any_of(allowed: list[Any], fits: Iterable[bool]) -> bool:
    return not allowed or any(fits)


def _on_page(pattern: str, shopper: Shopper) -> bool:
    return matches(pattern, decode_uri(shopper.path + (shopper.search if "?" in pattern else "")))


def _came_from(pattern: str, shopper: Shopper) -> bool:
    """Match `shop.example` as a host with its subdomains, and anything longer as a pattern of the whole URL."""
    address = re.sub(r"^https?://", "", shopper.referrer)
    if re.search(r"[*/]", pattern):
        return matches(re.sub(r"^https?://", "", pattern), address)
    return f".{address.split('/')[0]}".endswith(f".{pattern}")


def _passed(days_since: float | None, days: int) -> bool:
    return days_since is None or days_since >= days


# In the order in which the script applies them.
_RULES: dict[str, Rule] = {
    "targeting.device_types": lambda types, shopper: _any_of(types, (each == shopper.device_type for each in types)),
    "targeting.exclude_pages": lambda pages, shopper: not any(_on_page(page, shopper) for page in pages),
    "targeting.include_pages": lambda pages, shopper: _any_of(pages, (_on_page(page, shopper) for page in pages)),
    "targeting.visitors": lambda kind, shopper: kind in ("all", "new" if shopper.is_new else "returning"),
    "targeting.referrers": lambda hosts, shopper: _any_of(hosts, (_came_from(host, shopper) for host in hosts)),
    "targeting.utm": lambda wanted, shopper: all(
        matches(pattern, shopper.utm.get(name, "")) for name, pattern in wanted.items()
    ),
    "targeting.min_cart_value": lambda least, shopper: shopper.cart_value >= Decimal(least),
    "targeting.max_cart_value": lambda most, shopper: shopper.cart_value <= Decimal(most),
    "targeting.min_cart_items": lambda least, shopper: shopper.cart_items >= least,
    "frequency.days_after_conversion": lambda days, shopper: _passed(shopper.days_since_conversion, days),
    "frequency.days_after_close": lambda days, shopper: _passed(shopper.days_since_close, days),
    "frequency.max_per_session": lambda most, shopper: shopper.shown_this_session < most,
}

# A shopper who opens the popup by a click gets it regardless of these.
_UNASKED = {"frequency.days_after_close", "frequency.max_per_session"}
