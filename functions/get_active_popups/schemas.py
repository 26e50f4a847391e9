"""What get_active_popups accepts."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields, validate


class ShopQuery(Schema):
    """`?shop_id=acme`. Other parameters are ignored: caches and trackers add their own."""

    class Meta:
        unknown = EXCLUDE

    shop_id = fields.String(
        required=True,
        validate=validate.Regexp(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", error="Not a shop's id."),
    )
