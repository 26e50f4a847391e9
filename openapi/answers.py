"""What the functions answer, as schemas. The server does not load them; tests hold its answers to them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from common.events import DEVICE_TYPES
from functions.manage_popups.discount_code_schemas import DiscountCodeSchema
from functions.manage_popups.schemas import PopupSchema, ShopSchema


def needed(kind: type[fields.Field[Any]], **options: Any) -> Any:
    return kind(required=True, **options)


def nullable(kind: type[fields.Field[Any]], **options: Any) -> Any:
    return kind(required=True, allow_none=True, **options)


def each(schema: type[Schema] | fields.Nested) -> Any:
    return fields.List(schema if isinstance(schema, fields.Nested) else fields.Nested(schema), required=True)


class ProblemAnswer(Schema):
    """Problem details (RFC 9457)."""

    type = needed(fields.String)
    title = needed(fields.String)
    status = needed(fields.Integer)
    detail = needed(fields.String)
    code = needed(fields.String, metadata={"description": "A stable word for this kind of problem."})
    request_id = needed(fields.String)
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "Of a 422: what is wrong with which field, by its path."},
    )


class HealthAnswer(Schema):
    status = needed(fields.String)


class ReadyAnswer(HealthAnswer):
    database = needed(fields.String, validate=validate.OneOf(("ok", "down")))
    cache = needed(fields.String, validate=validate.OneOf(("ok", "down", "memory")))


class PageAnswer(Schema):
    next_cursor = nullable(fields.String)


class PopupAnswer(PopupSchema):
    """A popup as merchants see it. With `fields=` only its id and what was asked for."""

    id = needed(fields.UUID)
    name = fields.String()
    view_count = fields.Integer()
    conversion_count = fields.Integer()
    is_active = fields.Boolean()
    version = fields.Integer()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class PopupsAnswer(PageAnswer):
    popups = each(PopupAnswer)


class KeyNameAnswer(Schema):
    """Which key it was."""

    id = needed(fields.UUID)
    name = nullable(fields.String)
    prefix = nullable(fields.String)


class VersionAnswer(Schema):
    version = needed(fields.Integer)
    action = needed(fields.String, validate=validate.OneOf(("created", "changed", "restored")))
    restored_version = nullable(fields.Integer)
    changed_at = needed(fields.AwareDateTime)
    api_key = fields.Nested(KeyNameAnswer, required=True)
    changed_fields = fields.List(fields.String(), required=True)
    popup = fields.Nested(PopupSchema, required=True)


class HistoryAnswer(PageAnswer):
    versions = each(VersionAnswer)


class ExplanationAnswer(Schema):
    popup_id = needed(fields.UUID)
    would_show = needed(fields.Boolean)
    reason = nullable(fields.String, metadata={"description": "The first rule that says no."})
    trigger = needed(fields.String)
    variant = nullable(fields.String)
    not_checked = fields.List(
        fields.String(), required=True, metadata={"description": "Rules that only the shopper's browser can decide."}
    )


class PoolAnswer(Schema):
    codes = needed(fields.Integer)
    claimed = needed(fields.Integer)
    left = needed(fields.Integer)


class DiscountCodeAnswer(DiscountCodeSchema):
    """A discount code with how it was used. `pool` is there for single-use codes."""

    id = needed(fields.UUID)
    currency = needed(fields.String)
    usage_count = needed(fields.Integer)
    pool = fields.Nested(PoolAnswer, required=True, allow_none=True)
    low_stock = needed(fields.Boolean)
    created_at = needed(fields.AwareDateTime)
    updated_at = needed(fields.AwareDateTime)


class DiscountCodesAnswer(PageAnswer):
    discount_codes = each(DiscountCodeAnswer)


class PoolCodesAnswer(Schema):
    added = needed(fields.Integer)
    duplicates = fields.List(fields.String(), required=True)
    pool = fields.Nested(PoolAnswer, required=True)
    codes = fields.List(fields.String(), metadata={"description": "The new codes, where `count` asked for them."})


class SubscriberAnswer(Schema):
    id = needed(fields.UUID)
    email = needed(fields.String)
    name = nullable(fields.String)
    popup_id = needed(fields.UUID)
    is_active = needed(fields.Boolean)
    consent_text = nullable(fields.String)
    consented_at = nullable(fields.AwareDateTime)
    unsubscribed_at = nullable(fields.AwareDateTime)
    created_at = needed(fields.AwareDateTime)


class SubscribersAnswer(PageAnswer):
    subscribers = each(SubscriberAnswer)


class ConsentAnswer(Schema):
    type = needed(fields.String, validate=validate.OneOf(("given", "withdrawn")))
    consent_text = nullable(fields.String)
    popup_id = nullable(fields.UUID)
    popup_version = nullable(fields.Integer)
    recorded_at = needed(fields.AwareDateTime)


class SubscriberWithConsentsAnswer(SubscriberAnswer):
    consents = each(ConsentAnswer)


class UnsubscribedAnswer(Schema):
    id = needed(fields.UUID)
    is_active = needed(fields.Boolean)
    unsubscribed_at = needed(fields.AwareDateTime)


class ShopAnswer(ShopSchema):
    id = needed(fields.String)
    created_at = needed(fields.AwareDateTime)
    updated_at = needed(fields.AwareDateTime)


class ApiKeyAnswer(Schema):
    id = needed(fields.UUID)
    name = needed(fields.String)
    prefix = needed(fields.String)
    rights = needed(fields.String, validate=validate.OneOf(("read", "write")))
    created_at = needed(fields.AwareDateTime)
    last_used_at = nullable(fields.AwareDateTime)


class NewApiKeyAnswer(ApiKeyAnswer):
    key = needed(fields.String, metadata={"description": "Shown this once, and stored nowhere."})


class ApiKeysAnswer(Schema):
    api_keys = each(ApiKeyAnswer)


class StorefrontAnswer(Schema):
    shop_id = needed(fields.String)
    popups = fields.List(fields.Dict(), required=True)


class RejectedAnswer(Schema):
    index = needed(fields.Integer)
    code = needed(fields.String)


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


class NumbersAnswer(Schema):
    """What happened, added up."""

    views = needed(fields.Integer)
    unique_viewers = needed(fields.Integer)
    conversions = needed(fields.Integer)
    conversions_by_type = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    conversion_rate = needed(fields.Float)
    revenue = needed(fields.String)
    currency = needed(fields.String)
    revenue_by_currency = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class DayAnswer(NumbersAnswer):
    day = needed(fields.Date)


class DeviceAnswer(NumbersAnswer):
    device_type = nullable(fields.String, validate=validate.OneOf((*DEVICE_TYPES, None)))


class VariantAnswer(NumbersAnswer):
    variant_id = nullable(fields.String)


class RankedPopupAnswer(NumbersAnswer):
    popup_id = needed(fields.UUID)
    name = needed(fields.String)
    status = needed(fields.String)


class ReportAnswer(NumbersAnswer):
    from_ = needed(fields.Date, data_key="from")
    to = needed(fields.Date)
    time_zone = needed(fields.String)
    by_day = each(DayAnswer)
    by_device = each(DeviceAnswer)


class PopupReportAnswer(ReportAnswer):
    popup_id = needed(fields.UUID)
    by_variant = each(VariantAnswer)


class ShopReportAnswer(ReportAnswer):
    shop_id = needed(fields.String)
    popups = each(RankedPopupAnswer)


class ComparedVariantAnswer(Schema):
    variant_id = needed(fields.String)
    name = needed(fields.String)
    viewers = needed(fields.Integer)
    conversions = needed(fields.Integer)
    rate = needed(fields.Float)
    credible_interval = fields.List(
        fields.Float(),
        required=True,
        validate=validate.Length(equal=2),
        metadata={"description": "The rate lies between these with 95 % probability."},
    )
    chance_to_be_best = needed(fields.Float)
    expected_loss = needed(fields.Float, metadata={"description": "The rate lost by choosing this variant."})


class ExperimentAnswer(Schema):
    popup_id = needed(fields.UUID)
    goal = needed(fields.String)
    variants = each(ComparedVariantAnswer)
    stop = needed(fields.Boolean)
    best = nullable(fields.String)
    reason = needed(fields.String)
