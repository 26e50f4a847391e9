"""The answers of `stats`."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from common.shop.events import DEVICE_TYPES
from openapi.answers import each, needed, nullable


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
    crawlers = needed(fields.Integer)
    # Present only if there are any; their amounts are left out.
    conversions_in_unknown_currency = fields.Integer()
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
