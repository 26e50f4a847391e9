"""Checks of a popup as a whole: patterns that can match, amounts that can be paid, and its size.

Stored values that would be refused today are kept: they must not prevent a merchant from pausing a popup.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError

from common import postgres
from common.errors import Invalid
from common.json_text import dumps
from common.shop.addresses import TARGETING_FORMS
from common.shop.currencies import check_decimals, rounded
from functions.manage_popups.popups.css_selectors import selector
from functions.manage_popups.popups.store import DOCUMENTS
from functions.manage_popups.rest.fields import out_of_order
from functions.manage_popups.rest.patching import Errors, normalized

# Three times a popup with all its texts at their longest in Latin letters. Bounded, because shoppers download it.
MAX_POPUP_BYTES = 64 * 1024

AMOUNTS = ("min_cart_value", "max_cart_value")

SELECT_CURRENCY = "SELECT currency FROM shops WHERE id = :shop_id"


def checked(
    connection: postgres.Connection, shop_id: str, popup: dict[str, Any], stored: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the popup as it is stored. Raises Invalid, but not for values that are `stored` already."""
    wrong_before = _mismatches(stored) if stored else {}
    errors = {path: messages for path, messages in _mismatches(popup).items() if path not in wrong_before}
    before = stored["targeting"] if stored else {}
    targeting = dict(popup["targeting"])
    for name, form in TARGETING_FORMS.items():
        if name in targeting:
            targeting[name] = normalized(f"targeting.{name}", targeting[name], form, before.get(name, ()), errors)
    amounts = {name: targeting[name] for name in AMOUNTS if isinstance(targeting.get(name), Decimal)}
    if new := {name: amount for name, amount in amounts.items() if amount != _amount(before.get(name))}:
        targeting |= _in_currency(connection, shop_id, new, errors)
    popup = {**popup, "targeting": targeting, "trigger": _trigger(popup["trigger"], stored, errors)}
    if (size := _size(popup)) > MAX_POPUP_BYTES and (stored is None or _has_grown(popup, stored)):
        errors[""] = [f"The popup is {size} bytes of JSON: at most {MAX_POPUP_BYTES}."]
    if errors:
        raise Invalid(errors=errors)
    return popup


def _mismatches(popup: Mapping[str, Any]) -> Errors:
    """Return the errors of conflicting fields."""
    errors: Errors = {}
    trigger, offer, variants = popup["trigger"], popup["offer"], popup["variants"]
    if trigger["type"] == "click" and not trigger["selector"]:
        errors["trigger.selector"] = ["Required for a click trigger."]
    if offer.get("when_empty") == "fallback" and "fallback_discount_code_id" not in offer:
        errors["offer.fallback_discount_code_id"] = ["Required as the fallback."]
    if out_of_order(popup["starts_at"], popup["ends_at"]):
        errors["ends_at"] = ["Must be after starts_at."]
    if len({variant["id"] for variant in variants}) < len(variants):
        errors["variants"] = ["Each variant needs a unique id."]
    elif variants and not any(variant["weight"] for variant in variants):
        errors["variants"] = ["At least one variant needs a weight above 0."]
    return errors


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
    """Round the amounts to the decimals of the shop's currency; add to `errors` those that have more."""
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


def _has_grown(popup: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Return whether one of its documents has grown; the length of its status, for example, does not count."""
    return any(_size(popup[name]) > _size(stored[name]) for name in DOCUMENTS)


def _size(document: Any) -> int:
    return len(dumps(document))
