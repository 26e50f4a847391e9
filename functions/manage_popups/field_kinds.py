"""Kinds of fields that the schemas share: texts, colours, numbers, times and amounts, each with its bounds."""

from __future__ import annotations

import datetime
from decimal import Decimal

from marshmallow import ValidationError, fields, validate

from common.json_text import is_storable

MAX_LIST_ITEMS = 50
MAX_AMOUNT = Decimal(10) ** 12
EARLIEST = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
LATEST = datetime.datetime(2200, 1, 1, tzinfo=datetime.UTC)

HEX_COLOR = validate.Regexp(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z", error="A hex colour such as #4f46e5.")


def text(max_characters: int, default: str = "") -> fields.String:
    return fields.String(load_default=default, validate=validate.Length(max=max_characters))


def one_of(allowed: tuple[str, ...], default: str) -> fields.String:
    return fields.String(load_default=default, validate=validate.OneOf(allowed))


def whole_number(low: int, high: int, default: int) -> fields.Integer:
    return fields.Integer(strict=True, load_default=default, validate=validate.Range(low, high))


def color(default: str) -> fields.String:
    return fields.String(load_default=default, validate=HEX_COLOR)


def optional_time() -> fields.AwareDateTime:
    """An RFC 3339 time with its offset, or null."""
    return fields.AwareDateTime(
        format="iso", load_default=None, allow_none=True, validate=validate.Range(EARLIEST, LATEST)
    )


def text_list(max_characters: int) -> fields.List[str]:
    item = fields.String(validate=validate.Length(min=1, max=max_characters))
    return fields.List(item, load_default=list, validate=validate.Length(max=MAX_LIST_ITEMS))


def amount() -> fields.Decimal:
    """An amount of the shop's money, to the hundredth."""
    return fields.Decimal(places=2, validate=validate.Range(Decimal(0), MAX_AMOUNT))


def check_storable(text: str) -> None:
    """For text in a query; what comes as JSON is checked when it is read."""
    if not is_storable(text):
        raise ValidationError("Must not contain NUL.")
