"""Schemas and checks of discount codes and of the codes in their pools."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from common.errors import Invalid
from common.shop.blanks import shows_nothing
from common.shop.currencies import DECIMALS, check_decimals, decimals_in, rounded
from common.shop.fields import BoundedList, Flag, PlainDecimal, StrictSchema, Trimmed
from functions.manage_popups.rest.fields import optional_time, out_of_order
from functions.manage_popups.rest.paging import PageQuery

TYPES = ("percentage", "fixed")
MAX_VALUE = Decimal("9999999999.99")
MAX_USAGE_LIMIT = 10**9
MAX_CODES = 10_000
MONEY = ("value", "minimum_purchase", "maximum_discount")
MAX_PERCENTAGE = 100
PERCENTAGE_DECIMALS = 2
MAX_DECIMALS = max(DECIMALS.values())

MAX_CODE_CHARACTERS = 64


def _check_code(code: str) -> None:
    """Allow letters of every script with their marks, numbers and signs (by Unicode category)."""
    visible = all(unicodedata.category(character)[0] in "LMNPS" for character in code)
    if not visible or shows_nothing(code) or not 1 <= len(code) <= MAX_CODE_CHARACTERS:
        raise ValidationError(f"1 to {MAX_CODE_CHARACTERS} letters, numbers and signs, without blanks.")


def _check_decimals(amount: Decimal) -> None:
    """Refuse more decimals than any currency has; `in_currency` checks the shop's own."""
    if decimals_in(amount) > MAX_DECIMALS:
        raise ValidationError(f"At most {MAX_DECIMALS} decimals.")


def _amount(**options: Any) -> PlainDecimal:
    above_zero = validate.Range(min=Decimal(0), min_inclusive=False, max=MAX_VALUE)
    return PlainDecimal(validate=[above_zero, _check_decimals], **options)


def _optional_amount() -> PlainDecimal:
    return _amount(load_default=None, allow_none=True)


class DiscountCodeSchema(StrictSchema):
    """A discount code as merchants write it; `checked_code` checks it as a whole.

    Without a `code` one is generated.
    """

    code = Trimmed(load_default=None, allow_none=True, validate=_check_code)
    type = fields.String(required=True, validate=validate.OneOf(TYPES))
    value = _amount(required=True)
    minimum_purchase = _optional_amount()
    maximum_discount = _optional_amount()
    starts_at = optional_time()
    expires_at = optional_time()
    usage_limit = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(1, MAX_USAGE_LIMIT)
    )
    single_use = Flag(load_default=False)
    is_active = Flag(load_default=True)


class PoolCodesSchema(StrictSchema):
    """`{"codes": ["…", …]}` adds the merchant's own codes, `{"count": 500}` generates new ones."""

    codes = BoundedList(Trimmed(validate=_check_code), min_items=1, max_items=MAX_CODES, load_default=None)
    count = fields.Integer(strict=True, load_default=None, validate=validate.Range(1, MAX_CODES))

    @validates_schema
    def check_one_of_both(self, given: dict[str, Any], **_: Any) -> None:
        if (given["codes"] is None) == (given["count"] is None):
            raise ValidationError("Send either codes or count.")


class DiscountCodesQuery(PageQuery):
    """`?is_active=true&limit=50&cursor=…`."""

    is_active = fields.Boolean(load_default=None, truthy={"true"}, falsy={"false"})


def checked_code(code: dict[str, Any]) -> dict[str, Any]:
    """Return the code as it is stored, except for its amounts' decimals. Raises Invalid for conflicting fields."""
    errors = {}
    if code["type"] == "percentage":
        if code["value"] > MAX_PERCENTAGE:
            errors["value"] = [f"A percentage is at most {MAX_PERCENTAGE}."]
        elif decimals_in(code["value"]) > PERCENTAGE_DECIMALS:
            errors["value"] = [f"A percentage has at most {PERCENTAGE_DECIMALS} decimals."]
        code = {**code, "value": round(code["value"], PERCENTAGE_DECIMALS)}
    if out_of_order(code["starts_at"], code["expires_at"]):
        errors["expires_at"] = ["Must be after starts_at."]
    if errors:
        raise Invalid(errors=errors)
    return code


def money_decimals(code: dict[str, Any]) -> int:
    """Return how many decimals the code's amounts need."""
    return max((decimals_in(code[name]) for name in _money(code)), default=0)


def in_currency(code: dict[str, Any], currency: str, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the code with its amounts in the currency's decimals. Raises Invalid for an amount with more.

    Amounts that are the same as `before` the edit are kept: the shop may have had another currency then.
    """
    same = {name: before[name] for name in _money(code) if before and not _is_changed(code, before, name)}
    changed = {name: code[name] for name in _money(code) if name not in same}
    errors = {name: messages for name, amount in changed.items() if (messages := _messages(amount, currency))}
    if errors:
        raise Invalid(errors=errors)
    return {**code, **same, **{name: rounded(amount, currency) for name, amount in changed.items()}}


def _money(code: dict[str, Any]) -> list[str]:
    """Return the names of the fields that are amounts, which a percentage is not."""
    return [name for name in MONEY if code[name] is not None and (name != "value" or code["type"] == "fixed")]


def _is_changed(code: dict[str, Any], before: dict[str, Any], name: str) -> bool:
    return (code[name], code["type"]) != (before[name], before["type"])


def _messages(amount: Decimal, currency: str) -> list[str]:
    try:
        check_decimals(amount, currency)
    except ValidationError as error:
        return [str(message) for message in error.messages]
    return []
