"""What a popup must be beyond its fields: addresses that can match, money that can be paid, no more than fits.

What is stored already and would be refused today is kept as it is: it must not keep a merchant from pausing a popup.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError

from common import postgres
from common.errors import Invalid
from common.json_text import dumps
from common.shop.addresses import page_pattern, referrer
from common.shop.currencies import check_decimals, rounded
from functions.manage_popups.popups.css_selectors import selector
from functions.manage_popups.rest.patching import Errors, normalized

# All texts of a popup in Latin letters at their longest, three times over: shoppers download what they may be shown.
MAX_POPUP_BYTES = 64 * 1024

ADDRESSES: dict[str, Callable[[str], str]] = {
    "include_pages": page_pattern,
    "exclude_pages": page_pattern,
    "referrers": referrer,
}
AMOUNTS = ("min_cart_value", "max_cart_value")

SELECT_CURRENCY = "SELECT currency FROM shops WHERE id = :shop_id"


def checked(
    connection: postgres.Connection, shop_id: str, popup: dict[str, Any], stored: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The popup as it is to be stored. Raises Invalid, for what is not in the `stored` one already."""
    errors: Errors = {}
    before = stored["targeting"] if stored else {}
    targeting = dict(popup["targeting"])
    for name, form in ADDRESSES.items():
        targeting[name] = normalized(f"targeting.{name}", targeting[name], form, before.get(name, ()), errors)
    new = {name: targeting[name] for name in AMOUNTS if targeting.get(name) not in (None, _amount(before.get(name)))}
    if new:
        targeting |= _in_currency(connection, shop_id, new, errors)
    popup = {**popup, "targeting": targeting, "trigger": _trigger(popup["trigger"], stored, errors)}
    if (size := _size(popup)) > MAX_POPUP_BYTES and (stored is None or size > _size(stored)):
        errors[""] = [f"The popup is {size} bytes of JSON: at most {MAX_POPUP_BYTES}."]
    if errors:
        raise Invalid(errors=errors)
    return popup


def _trigger(trigger: dict[str, Any], stored: Mapping[str, Any] | None, errors: Errors) -> dict[str, Any]:
    text = trigger["selector"]
    if text is None or (stored and text == stored["trigger"].get("selector")):
        return trigger
    try:
        return {**trigger, "selector": selector(text)}
    except ValueError as wrong:
        errors["trigger.selector"] = [str(wrong)]
        return trigger


def _in_currency(
    connection: postgres.Connection, shop_id: str, amounts: dict[str, Decimal], errors: Errors
) -> dict[str, Decimal]:
    """The amounts with the decimals of the shop's currency."""
    shop = connection.fetch_one(SELECT_CURRENCY, shop_id=shop_id)
    assert shop is not None, "an API key belongs to a shop"
    for name, amount in amounts.items():
        try:
            check_decimals(amount, shop["currency"])
        except ValidationError as wrong:
            errors[f"targeting.{name}"] = [str(message) for message in wrong.messages]
    return {name: rounded(amount, shop["currency"]) for name, amount in amounts.items()}


def _amount(stored: str | Decimal | None) -> Decimal | None:
    return None if stored is None else Decimal(stored)


def _size(popup: Mapping[str, Any]) -> int:
    return len(dumps(popup))
