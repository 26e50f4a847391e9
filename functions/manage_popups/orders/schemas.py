"""Schemas of orders, of their refunds, and of their list."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from common.shop.currencies import MAX_AMOUNT, check_currency, check_decimals
from common.shop.emails import MAX_CHARACTERS, normalized
from common.shop.events import id_field
from common.shop.fields import BoundedList, PlainDecimal, StrictSchema, Trimmed, Uuid
from common.shop.orders import EARLIEST, MAX_CODE_CHARACTERS, MAX_CODES, MAX_ORDER_ID_CHARACTERS, SOURCES
from functions.manage_popups.rest.fields import Time
from functions.manage_popups.rest.paging import PageQuery

# Clocks differ, and some are set to another time zone.
MAX_LEAD = datetime.timedelta(days=1)


def _name() -> fields.String:
    return fields.String(required=True, validate=validate.Length(min=1, max=MAX_ORDER_ID_CHARACTERS))


def _currency() -> fields.String:
    return fields.String(required=True, validate=check_currency, metadata={"pattern": "[A-Z]{3}"})


def _check_time(instant: datetime.datetime) -> None:
    if not EARLIEST <= instant <= datetime.datetime.now(datetime.UTC) + MAX_LEAD:
        raise ValidationError(f"From {EARLIEST.year} on, and at most a day ahead.")


def _time() -> Time:
    return Time(format="iso", load_default=None, allow_none=True, validate=_check_time)


def _check_email(email: str) -> None:
    if normalized(email) is None:
        raise ValidationError("Not a valid email address.")


class OrderSchema(StrictSchema):
    """An order as the shop's own server reports it."""

    order_id = _name()
    revenue = PlainDecimal(required=True, validate=validate.Range(min=0, max=MAX_AMOUNT))
    currency = _currency()
    discount_codes = BoundedList(
        Trimmed(validate=validate.Length(min=1, max=MAX_CODE_CHARACTERS)), max_items=MAX_CODES, load_default=list
    )
    email = Trimmed(
        load_default=None,
        allow_none=True,
        validate=validate.And(validate.Length(max=MAX_CHARACTERS), _check_email),
        metadata={"format": "email"},
    )
    visitor_id = id_field(load_default=None, allow_none=True)
    ordered_at = _time()

    @validates_schema
    def check_decimals(self, order: dict[str, Any], **_: Any) -> None:
        _check_decimals("revenue", order)


class RefundSchema(StrictSchema):
    """A refund of an order, in the order's currency."""

    refund_id = _name()
    amount = PlainDecimal(required=True, validate=validate.Range(min=Decimal(0), min_inclusive=False, max=MAX_AMOUNT))
    currency = _currency()
    refunded_at = _time()

    @validates_schema
    def check_decimals(self, refund: dict[str, Any], **_: Any) -> None:
        _check_decimals("amount", refund)


class OrdersQuery(PageQuery):
    """`?popup_id=…&source=api&limit=50&cursor=…`."""

    popup_id = Uuid(load_default=None)
    source = fields.String(load_default=None, validate=validate.OneOf(SOURCES))


def _check_decimals(name: str, given: dict[str, Any]) -> None:
    try:
        check_decimals(given[name], given["currency"])
    except ValidationError as error:
        raise ValidationError({name: error.messages}) from None
