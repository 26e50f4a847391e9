"""The answers of `stats`."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from common.shop.events import DEVICE_TYPES
from functions.stats.experiments.data import GOALS
from functions.stats.experiments.health import HEALTH_CODES
from functions.stats.experiments.verdicts import VERDICTS
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


class VariantNumbersAnswer(NumbersAnswer):
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
    by_variant = each(VariantNumbersAnswer)


class ShopReportAnswer(ReportAnswer):
    shop_id = needed(fields.String)
    popups = each(RankedPopupAnswer)


def interval(says: str, **options: Any) -> Any:
    return fields.List(
        fields.Float(),
        required=True,
        validate=validate.Length(equal=2),
        metadata={"description": says},
        **options,
    )


class ComparedVariantAnswer(Schema):
    variant_id = needed(fields.String)
    name = needed(fields.String)
    weight = needed(fields.Integer)
    viewers = needed(fields.Integer)
    converters = needed(fields.Integer, metadata={"description": "Viewers who did it at least once."})
    rate = nullable(fields.Float, metadata={"description": "Null of the goal revenue."})
    revenue_per_viewer = nullable(fields.String, metadata={"description": "Of the goal revenue only."})
    credible_interval = interval("By this arm's data alone, the truth lies between these with 95 %.", allow_none=True)
    chance_to_be_best = nullable(fields.Float, metadata={"description": "A note; the verdict does not use it."})
    expected_loss = nullable(fields.Float, metadata={"description": "A note: what choosing it costs a viewer."})
    lift = nullable(fields.Float, metadata={"description": "Over the first variant: 0.1 is a tenth more."})
    lift_interval = interval("Holds at all looks together; null of the first variant.", allow_none=True)
    beats_first = needed(fields.Boolean)


class EstimateAnswer(Schema):
    value = needed(fields.Float)
    interval = interval("Holds at all looks together.")


class AmountEstimateAnswer(Schema):
    value = needed(fields.String)
    interval = fields.List(fields.String(), required=True, validate=validate.Length(equal=2))


class IncrementAnswer(Schema):
    conversions = needed(fields.Nested, nested=EstimateAnswer)
    revenue = needed(fields.Nested, nested=AmountEstimateAnswer)


class HoldoutAnswer(Schema):
    """What showing brings, compared with those who were shown nothing."""

    viewers = needed(fields.Integer)
    shown_viewers = needed(fields.Integer)
    increment = nullable(fields.Nested, nested=IncrementAnswer)
    refused = nullable(fields.String, metadata={"description": "Why no increment is told."})


class HealthNoteAnswer(Schema):
    code = needed(fields.String, validate=validate.OneOf(HEALTH_CODES))
    detail = needed(fields.String)


class ExperimentAnswer(Schema):
    popup_id = needed(fields.UUID)
    goal = needed(fields.String, validate=validate.OneOf(GOALS))
    currency = needed(fields.String)
    stretch = needed(fields.Integer)
    experiment_started_at = nullable(fields.DateTime)
    verdict = needed(fields.String, validate=validate.OneOf(VERDICTS))
    stop = needed(fields.Boolean, metadata={"description": "Choosing is safe; a tie is a result, too."})
    best = nullable(fields.String, metadata={"description": "Of the verdict winner only."})
    reason = needed(fields.String)
    viewers_needed = nullable(
        fields.Integer, metadata={"description": "Of all variants together, to find a lift of a tenth."}
    )
    variants = each(ComparedVariantAnswer)
    holdout = nullable(fields.Nested, nested=HoldoutAnswer)
    health = each(HealthNoteAnswer)


class ExperimentPlanAnswer(Schema):
    viewers_per_variant = needed(fields.Integer)
    viewers = needed(fields.Integer)
    days = needed(fields.Integer)
