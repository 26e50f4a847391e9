"""The body of track_conversion."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from common.json_text import dumps
from common.shop.blanks import shows_nothing, trimmed
from common.shop.currencies import MAX_AMOUNT, check_currency, rounded
from common.shop.emails import MAX_CHARACTERS, normalized
from common.shop.events import CONVERSION_TYPES, MAX_ID_CHARACTERS, EventSchema
from common.shop.fields import Flag, PlainDecimal, Trimmed
from common.shop.quick_schema import UuidText

MAX_METADATA_BYTES = 4 * 1024

_REQUIRED = {"email_capture": ("email",), "discount_code_used": ("discount_code",), "purchase": ("order_id",)}
# Optional fields by type: a purchase's amount and discount code, the order of a used code.
_OPTIONAL = {"purchase": ("revenue", "currency", "discount_code"), "discount_code_used": ("order_id",)}
_OF_SOME_TYPES = {name for names in (*_REQUIRED.values(), *_OPTIONAL.values()) for name in names}
# By type the fields of other types, as they are stored.
_WITHOUT = {
    type_: dict.fromkeys(_OF_SOME_TYPES.difference(_REQUIRED.get(type_, ()), _OPTIONAL.get(type_, ())))
    for type_ in CONVERSION_TYPES
}
_MONEY = ("revenue", "currency")
# A thank-you page on another domain, or a server, knows the shop but not the popup.
_OF_SHOPS = ("purchase", "discount_code_used")


def _text(max_characters: int, *checks: validate.Validator) -> fields.String:
    length = validate.Length(min=1, max=max_characters)
    return fields.String(load_default=None, allow_none=True, validate=[length, *checks])


def _check_email(email: str) -> None:
    if normalized(email) is None:
        raise ValidationError("Not a valid email address.")


def _check_metadata(metadata: dict[str, Any]) -> None:
    size = len(dumps(metadata))
    if size > MAX_METADATA_BYTES:
        raise ValidationError(f"At most {MAX_METADATA_BYTES} bytes of JSON.")


class ConversionSchema(EventSchema):
    """One conversion; the required fields depend on its type."""

    popup_id = UuidText(load_default=None, allow_none=True)
    named_shop = fields.String(
        load_default=None, allow_none=True, data_key="shop_id", validate=validate.Length(min=1, max=MAX_ID_CHARACTERS)
    )
    type = fields.String(required=True, validate=validate.OneOf(CONVERSION_TYPES))
    email = Trimmed(
        load_default=None,
        allow_none=True,
        validate=validate.And(validate.Length(max=MAX_CHARACTERS), _check_email),
        metadata={"format": "email"},
    )
    name = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=200))
    consent = Flag(load_default=None, allow_none=True)
    consent_text = _text(1000, validate.Regexp(r"\s*\S", error="Must not be blank."))
    discount_code = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=100))
    revenue = PlainDecimal(load_default=None, allow_none=True, validate=validate.Range(min=0, max=MAX_AMOUNT))
    currency = fields.String(
        load_default=None, allow_none=True, validate=check_currency, metadata={"pattern": "[A-Z]{3}"}
    )
    order_id = _text(100)
    metadata = fields.Dict(load_default=None, allow_none=True, validate=_check_metadata)

    def finish(self, conversion: dict[str, Any]) -> dict[str, Any]:
        """Check what fields say together, and keep what the type has."""
        if errors := _contradictions(conversion):
            raise ValidationError(errors)
        conversion = super().finish(conversion)
        conversion["discount_code"] = conversion["discount_code"] or None
        # A known name is never replaced, so one that shows nothing must not become known.
        if shows_nothing(conversion["name"] or ""):
            conversion["name"] = None
        if conversion["popup_id"] is not None:
            conversion["named_shop"] = None
        # A click has no revenue.
        conversion |= _WITHOUT[conversion["type"]]
        if conversion["revenue"] is not None and conversion["currency"] is not None:
            # A cart's total that a browser has computed may have more decimals than the currency.
            conversion["revenue"] = rounded(conversion["revenue"], conversion["currency"])
        return conversion


def _contradictions(conversion: dict[str, Any]) -> dict[str, list[str]]:
    """Return the errors by field of what is valid in itself only."""
    type_ = conversion["type"]
    errors = {
        name: [f"Required for {type_}."] for name in _REQUIRED.get(type_, ()) if not trimmed(conversion[name] or "")
    }
    # Only what may happen away from the popup may name its shop instead.
    if conversion["popup_id"] is None and (conversion["named_shop"] is None or type_ not in _OF_SHOPS):
        errors["popup_id"] = ["Missing data for required field."]
    without = [name for name in _MONEY if conversion[name] is None]
    if type_ == "purchase" and len(without) == 1:
        errors[without[0]] = ["Send revenue and currency together, or neither."]
    if conversion["consent"] and conversion["consent_text"] is None:
        errors["consent_text"] = ["Required with consent: the text that was shown."]
    return errors
