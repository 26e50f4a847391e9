"""The answers of the three storefront functions."""

from __future__ import annotations

from marshmallow import Schema, fields

from openapi.answers import needed, nullable


class StorefrontShopAnswer(Schema):
    currency = needed(fields.String)
    time_zone = needed(fields.String)
    popups_per_visit = needed(fields.Integer)
    seconds_between_popups = needed(fields.Integer)
    never_on_pages = fields.List(fields.String(), required=True)
    holdout_percent = needed(fields.Integer)


class StorefrontAnswer(Schema):
    shop_id = needed(fields.String)
    shop = fields.Nested(StorefrontShopAnswer, required=True)
    popups = fields.List(fields.Dict(), required=True)


class RejectedAnswer(Schema):
    index = needed(fields.Integer)
    code = needed(fields.String)
    list = fields.String(metadata={"description": "`exposures` or `closes`; missing for `events`."})


class AcceptedAnswer(Schema):
    accepted = needed(fields.Integer)
    rejected = fields.List(fields.Nested(RejectedAnswer))


class GivenCodeAnswer(Schema):
    code = needed(fields.String)
    type = needed(fields.String)
    value = needed(fields.String)
    expires_at = nullable(fields.AwareDateTime)


class ConversionAnswer(Schema):
    conversion_id = needed(fields.UUID)
    discount_code = fields.Nested(GivenCodeAnswer)
