"""What manage_popups accepts of discount codes and of the codes in their pools."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from common.strict_fields import Flag, PlainDecimal
from functions.manage_popups.field_kinds import optional_time
from functions.manage_popups.listing import PageQuery

TYPES = ("percentage", "fixed")
MAX_AMOUNT = Decimal("9999999999.99")
MAX_USAGE_LIMIT = 10**9
MAX_CODES = 10_000
MAX_PERCENTAGE = 100

CODE = validate.Regexp(r"[\w!-/:-@\[-`{-~]{1,64}\Z", error="1 to 64 letters, digits and signs, without spaces.")


def _check_decimals(amount: Decimal) -> None:
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -2:
        raise ValidationError("At most 2 decimals.")


def _amount(**options: Any) -> PlainDecimal:
    above_zero = validate.Range(min=Decimal(0), min_inclusive=False, max=MAX_AMOUNT)
    return PlainDecimal(validate=[above_zero, _check_decimals], **options)


def _optional_amount() -> PlainDecimal:
    return _amount(load_default=None, allow_none=True)


class DiscountCodeSchema(Schema):
    """A discount code as merchants write it. Without a `code` it gets one of ours."""

    code = fields.String(load_default=None, allow_none=True, validate=CODE)
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

    @validates_schema
    def check_percentage(self, code: dict[str, Any], **_: Any) -> None:
        if code["type"] == "percentage" and code["value"] > MAX_PERCENTAGE:
            raise ValidationError({"value": [f"A percentage is at most {MAX_PERCENTAGE}."]})

    @validates_schema
    def check_schedule(self, code: dict[str, Any], **_: Any) -> None:
        if code["starts_at"] and code["expires_at"] and code["starts_at"] >= code["expires_at"]:
            raise ValidationError({"expires_at": ["Must be after starts_at."]})


class PoolCodesSchema(Schema):
    """`{"codes": ["…", …]}` brings codes of the merchant's own, `{"count": 500}` asks for as many new ones."""

    codes = fields.List(fields.String(validate=CODE), load_default=None, validate=validate.Length(min=1, max=MAX_CODES))
    count = fields.Integer(strict=True, load_default=None, validate=validate.Range(1, MAX_CODES))

    @validates_schema
    def check_one_of_both(self, given: dict[str, Any], **_: Any) -> None:
        if (given["codes"] is None) == (given["count"] is None):
            raise ValidationError("Send either codes or count.")


class DiscountCodesQuery(PageQuery):
    """`?is_active=true&limit=50&cursor=…`."""

    is_active = fields.Boolean(load_default=None, truthy={"true"}, falsy={"false"})
