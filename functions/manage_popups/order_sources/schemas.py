"""Schemas of order sources."""

from __future__ import annotations

from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, validate

from common.shop.fields import BoundedList, StrictSchema
from common.shop.order_sources import PLATFORMS

# More than one while a platform changes from one to the next, or has one for an app and one for webhooks made by hand.
MAX_SECRETS = 5
MAX_SECRET_CHARACTERS = 255
MAX_URL_CHARACTERS = 300
# WooCommerce decodes HTML entities in a secret before it signs with it.
SECRET = validate.Regexp(r"[!-~]+\Z", error="Visible ASCII characters without blanks.")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValidationError("An https address.") from None
    if parts.scheme != "https" or "." not in host or parts.username is not None or port not in (None, 443):
        raise ValidationError("An https address with a public host, without user and port.")
    if parts.query or parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        raise ValidationError("An address without query, fragment and blanks.")


class ApiSchema(StrictSchema):
    """The platform's API, for reconciling."""

    url = fields.String(
        required=True,
        validate=validate.And(validate.Length(max=MAX_URL_CHARACTERS), _check_url),
        metadata={"format": "uri"},
    )
    token = fields.String(required=True, validate=validate.And(validate.Length(1, MAX_SECRET_CHARACTERS), SECRET))


class OrderSourceSchema(StrictSchema):
    """An order source as merchants write it."""

    platform = fields.String(required=True, validate=validate.OneOf(PLATFORMS))
    secrets = BoundedList(
        fields.String(validate=validate.And(validate.Length(1, MAX_SECRET_CHARACTERS), SECRET)),
        min_items=1,
        max_items=MAX_SECRETS,
        required=True,
    )
    api = fields.Nested(ApiSchema, load_default=None, allow_none=True)
