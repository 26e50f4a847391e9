"""Field types that the schemas share: texts, colours, numbers, times and amounts, each with its bounds."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate

from common.json_text import is_storable
from common.shop.blanks import shows_nothing
from common.shop.currencies import DECIMALS, MAX_AMOUNT, decimals_in
from common.shop.fields import BoundedList, PlainDecimal

MAX_LIST_ITEMS = 50
MAX_PATTERN_CHARACTERS = 500
MAX_DECIMALS = max(DECIMALS.values())
EARLIEST = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
LATEST = datetime.datetime(2200, 1, 1, tzinfo=datetime.UTC)

RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

HEX_COLOR = validate.Regexp(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z", error="A hex colour such as #4f46e5.")


def text(max_characters: int, default: str = "") -> fields.String:
    return fields.String(load_default=default, validate=validate.Length(max=max_characters))


def required_name(max_characters: int) -> fields.String:
    """Return a field for the required name of a thing, by which people recognize it."""
    return fields.String(required=True, validate=[validate.Length(min=1, max=max_characters), check_visible])


def optional_name(max_characters: int) -> fields.String:
    """Return a field for a name that a thing need not have: empty by default."""
    return fields.String(load_default="", validate=[validate.Length(max=max_characters), check_visible])


def check_visible(text: str) -> None:
    """Raise ValidationError for blanks and other invisible characters alone; an empty text is for others to refuse."""
    if text and shows_nothing(text):
        raise ValidationError("Must not consist of blanks and invisible characters only.")


def one_of(allowed: tuple[str, ...], default: str) -> fields.String:
    return fields.String(load_default=default, validate=validate.OneOf(allowed))


def whole_number(low: int, high: int, default: int) -> fields.Integer:
    return fields.Integer(strict=True, load_default=default, validate=validate.Range(low, high))


def color(default: str) -> fields.String:
    return fields.String(load_default=default, validate=HEX_COLOR)


class Time(fields.AwareDateTime):
    """An RFC 3339 time with its offset; marshmallow's own field would accept ISO 8601's many other forms."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, str) or not RFC_3339.fullmatch(value):
            raise self.make_error("invalid", input=value, obj_type="RFC 3339 time")
        return super()._deserialize(value.upper(), attr, data, **options)


def optional_time() -> Time:
    return Time(format="iso", load_default=None, allow_none=True, validate=validate.Range(EARLIEST, LATEST))


def out_of_order(start: datetime.datetime | str | None, end: datetime.datetime | str | None) -> bool:
    """Return whether the end is not after the start; False if one is a stored text that is not a time."""
    return isinstance(start, datetime.datetime) and isinstance(end, datetime.datetime) and start >= end


def text_list(max_characters: int, default: Iterable[str] = ()) -> BoundedList:
    item = fields.String(validate=validate.Length(min=1, max=max_characters))
    return BoundedList(item, max_items=MAX_LIST_ITEMS, load_default=lambda: list(default))


def amount() -> PlainDecimal:
    """Return a field for an amount in the shop's currency, whose decimals are checked later."""
    return PlainDecimal(validate=[validate.Range(Decimal(0), MAX_AMOUNT), _check_decimals])


def _check_decimals(amount: Decimal) -> None:
    if decimals_in(amount) > MAX_DECIMALS:
        raise ValidationError(f"At most {MAX_DECIMALS} decimals.")


def check_storable(text: str) -> None:
    """Raise ValidationError for text that Postgres cannot store; for queries, since JSON is checked when parsed."""
    if not is_storable(text):
        raise ValidationError("Must not contain NUL.")
