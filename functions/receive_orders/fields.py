"""Reads fields of a platform's payload, which may be missing or of any type: what cannot be used is None."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from common.errors import Invalid
from common.json_text import is_storable
from common.shop.blanks import trimmed
from common.shop.currencies import DECIMALS, MAX_AMOUNT, rounded
from common.shop.emails import normalized
from common.shop.events import MAX_ID_CHARACTERS
from common.shop.orders import (
    EARLIEST,
    MAX_CODE_CHARACTERS,
    MAX_CODES,
    MAX_ORDER_ID_CHARACTERS,
)

# The most orders that a customer's request may name.
MAX_ORDERS = 1000

VISITOR = "_store_visitor"


def id_of(payload: dict[str, Any], name: str) -> str | None:
    """Return an order's or a refund's id; None for what cannot be one."""
    value = payload.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ORDER_ID_CHARACTERS or not is_storable(value):
        return None
    return value


def order_id(payload: dict[str, Any], name: str) -> str:
    """Return the id. Raises Invalid without one: nothing can be recorded then."""
    value = id_of(payload, name)
    if value is None:
        raise Invalid(errors={name: ["An id of 1 to 100 characters."]})
    return value


def text(payload: Any, name: str, most: int = 200) -> str | None:
    """Return a text of at most that many characters, without blanks around it; whole numbers are texts too."""
    value = payload.get(name) if isinstance(payload, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not is_storable(value):
        return None
    value = trimmed(value)
    return value if 0 < len(value) <= most else None


def items(payload: Any, name: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list."""
    value = payload.get(name) if isinstance(payload, dict) else None
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def amount(value: Any) -> Decimal | None:
    """Return a finite amount of at most MAX_AMOUNT, whatever its sign."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value)[:50])
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) <= MAX_AMOUNT else None


def money(value: Any, currency: Any) -> tuple[Decimal, str] | tuple[None, None]:
    """Return an amount, rounded to its currency's decimals, with the currency; nothing if either is unknown."""
    number = amount(value)
    if number is None or number < 0 or not isinstance(currency, str) or currency.upper() not in DECIMALS:
        return None, None
    return rounded(number, currency.upper()), currency.upper()


def time(value: Any, *, is_utc: bool = False) -> datetime.datetime:
    """Return an ISO 8601 time; the present for one that cannot be, or lies in the future.

    `is_utc` reads a time without an offset as UTC.
    """
    now = datetime.datetime.now(datetime.UTC)
    try:
        instant = datetime.datetime.fromisoformat(value)
        if instant.tzinfo is None and is_utc:
            instant = instant.replace(tzinfo=datetime.UTC)
        return instant if instant.tzinfo and EARLIEST <= instant <= now else now
    except (TypeError, ValueError, OverflowError):
        return now


def codes(payload: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return the discount codes in a list of objects, as they were typed."""
    found = (text(item, "code", MAX_CODE_CHARACTERS) for item in items(payload, name))
    return tuple(dict.fromkeys(code for code in found if code))[:MAX_CODES]


def visitor(payload: dict[str, Any], name: str, key: str) -> str | None:
    """Return the visitor id that the storefront script left in the order's attributes."""
    found = (text(item, "value", MAX_ID_CHARACTERS) for item in items(payload, name) if item.get(key) == VISITOR)
    return next((value for value in found if value), None)


def email(*candidates: str | None) -> str | None:
    """Return the first that is an e-mail address."""
    return next((each for each in candidates if each and normalized(each)), None)
