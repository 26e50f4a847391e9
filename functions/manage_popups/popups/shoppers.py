"""The shopper that a merchant asks about: as a query, as a body, and as the rules read it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from common.shop.currencies import MAX_AMOUNT
from common.shop.events import DEVICE_TYPES, MAX_ID_CHARACTERS
from common.shop.fields import PlainDecimal, QueryInteger, StrictSchema
from common.shop.targeting_rules import KINDS_OF_VISITORS
from functions.manage_popups.popups.rules import Shopper
from functions.manage_popups.popups.schemas import PopupSchema
from functions.manage_popups.rest.fields import check_storable

MAX_ADDRESS_CHARACTERS = 2048
MAX_ITEMS = 10**6
SECONDS_A_DAY = 86_400


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ValidationError("Not an address.") from None
    if not (address.startswith("/") or (parts.scheme in ("http", "https") and parts.netloc)):
        raise ValidationError("An address such as https://shop.example.com/products/1, or its path.")


def _visitor() -> fields.String:
    return fields.String(load_default=None, validate=[validate.Length(1, MAX_ID_CHARACTERS), check_storable])


class ExplainQuery(StrictSchema):
    """`?url=/products/1&device_type=mobile&visitor_id=…`: a shopper, by default new and with an empty cart."""

    url = fields.String(load_default="/", validate=[validate.Length(1, MAX_ADDRESS_CHARACTERS), _check_address])
    device_type = fields.String(load_default="desktop", validate=validate.OneOf(DEVICE_TYPES))
    visitor_id = _visitor()
    visitor = _visitor()  # its name in the first release
    visitors = fields.String(load_default=None, validate=validate.OneOf(KINDS_OF_VISITORS))
    referrer = fields.String(load_default="", validate=validate.Length(max=MAX_ADDRESS_CHARACTERS))
    cart_value = PlainDecimal(load_default=Decimal(0), validate=validate.Range(Decimal(0), MAX_AMOUNT))
    cart_items: fields.Integer = QueryInteger(load_default=0, validate=validate.Range(0, MAX_ITEMS))

    @validates_schema
    def check_one_name(self, shopper: dict[str, Any], **_: Any) -> None:
        if shopper.get("visitor") is not None and shopper.get("visitor_id") is not None:
            raise ValidationError({"visitor": ["The same as visitor_id: send one of them."]})

    @post_load
    def use_one_name(self, shopper: dict[str, Any], **_: Any) -> dict[str, Any]:
        older = shopper.pop("visitor", None)
        return {**shopper, "visitor_id": shopper.get("visitor_id") or older}


class ExplainSchema(ExplainQuery):
    """`{"url": "/products/1", "popup": {…}}`: a shopper, and a draft instead of the shop's own popups."""

    cart_items = fields.Integer(strict=True, load_default=0, validate=validate.Range(0, MAX_ITEMS))
    popup = fields.Nested(PopupSchema, load_default=None, allow_none=True)


def shopper_of(asked: Mapping[str, Any], *, is_known: bool, seconds_since_conversion: float | None = None) -> Shopper:
    """Return the shopper that was asked about; `is_known` if we have seen the visitor before."""
    parts = urlsplit(asked["url"])
    utm = {
        name.removeprefix("utm_"): value
        for name, value in parse_qsl(parts.query, keep_blank_values=True, errors="replace")
        if name.startswith("utm_")
    }
    return Shopper(
        path=parts.path or "/",
        search=f"?{parts.query}" if parts.query else "",
        device_type=asked["device_type"],
        is_new=asked["visitors"] == "new" if asked["visitors"] else not is_known,
        referrer=asked["referrer"].partition("?")[0].partition("#")[0],
        utm=utm,
        cart_value=asked["cart_value"],
        cart_items=asked["cart_items"],
        visitor_id=asked["visitor_id"],
        days_since_conversion=None if seconds_since_conversion is None else seconds_since_conversion / SECONDS_A_DAY,
    )
