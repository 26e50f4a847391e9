"""The answers of `stats`."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from common.shop.events import DEVICE_TYPES
from common.shop.orders import RULES
from functions.stats.experiments.data import GOALS
from functions.stats.experiments.health import HEALTH_CODES
from functions.stats.experiments.verdicts import VERDICTS
from functions.stats.schemas import REPORT_GOALS
from openapi.answers import each, needed, nullable


def counts_by_type() -> Any:
    return fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


def amounts_by_currency() -> Any:
    return fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class NumbersAnswer(Schema):
    """What happened, added up."""

    exposures = nullable(
        fields.Integer,
        metadata={
            "description": "Null if there are none: they are sent only where variants or a holdout are compared."
        },
    )
    views = needed(fields.Integer)
    unique_viewers = needed(fields.Integer, metadata={"description": "Viewers first seen in the period."})
    active_viewers = needed(
        fields.Integer, metadata={"description": "Viewers seen in the period, for the first time or again."}
    )
    closes = needed(fields.Integer)
    converters = needed(fields.Integer, metadata={"description": "Unique viewers who did the goal at least once."})
    converters_by_type = counts_by_type()
    conversion_rate = nullable(fields.Float, metadata={"description": "converters / unique_viewers"})
    conversions = needed(fields.Integer, metadata={"description": "Events of all types."})
    conversions_by_type = counts_by_type()
    orders = needed(fields.Integer)
    revenue = needed(fields.String)
    refunded = needed(fields.String)
    net_revenue = needed(fields.String)
    unconfirmed_orders = needed(fields.Integer)
    revenue_per_viewer = nullable(fields.String)
    average_order_value = nullable(fields.String)
    currency = needed(fields.String)
    revenue_by_currency = amounts_by_currency()
    refunded_by_currency = amounts_by_currency()


class DayAnswer(NumbersAnswer):
    day = needed(fields.Date)


class DeviceAnswer(NumbersAnswer):
    device_type = nullable(fields.String, validate=validate.OneOf((*DEVICE_TYPES, None)))


class VariantNumbersAnswer(NumbersAnswer):
    variant_id = nullable(fields.String)


class VariantAndDeviceAnswer(DeviceAnswer):
    variant_id = nullable(fields.String)


class PreviousAnswer(NumbersAnswer):
    """The totals of the period before."""

    from_ = needed(fields.Date, data_key="from")
    to = needed(fields.Date)


class FunnelAnswer(Schema):
    exposures = nullable(fields.Integer)
    viewers = needed(fields.Integer)
    closes = needed(fields.Integer)
    converters = needed(fields.Integer)
    codes_used = needed(fields.Integer)
    orders = needed(fields.Integer)


class AnnotationAnswer(Schema):
    """An edit of the popup."""

    version = needed(fields.Integer)
    action = needed(fields.String)
    changed_at = needed(fields.AwareDateTime)
    day = needed(fields.Date)
    api_key_name = nullable(fields.String)
    changed_fields = fields.List(fields.String(), required=True)
    status = nullable(fields.String)


class SourceAnswer(Schema):
    name = nullable(fields.String, metadata={"description": "Null for all that are not listed."})
    views = needed(fields.Integer)


class HourAnswer(Schema):
    hour = needed(fields.Integer)
    views = needed(fields.Integer)


class SourcesAnswer(Schema):
    """Where a popup was seen in the period."""

    popup_id = needed(fields.UUID)
    from_ = needed(fields.Date, data_key="from")
    to = needed(fields.Date)
    time_zone = needed(fields.String)
    views = needed(fields.Integer, metadata={"description": "The views of the period."})
    views_read = needed(fields.Integer, metadata={"description": "The views that this report covers."})
    is_complete = needed(fields.Boolean, metadata={"description": "Whether the report covers all views of the period."})
    pages = each(SourceAnswer)
    referrers = each(SourceAnswer)
    utm_sources = each(SourceAnswer)
    utm_mediums = each(SourceAnswer)
    utm_campaigns = each(SourceAnswer)
    hours_of_today = each(HourAnswer)
    is_today_complete = needed(
        fields.Boolean, metadata={"description": "False if the hours cover only the newest 100 000 views."}
    )


class DeletedPopupsAnswer(Schema):
    """What the shop's numbers have of popups that were deleted, for as long as their events are kept."""

    popups = needed(fields.Integer)
    views = needed(fields.Integer)
    conversions = needed(fields.Integer)
    orders = needed(fields.Integer)


class RankedPopupAnswer(NumbersAnswer):
    popup_id = needed(fields.UUID)
    name = needed(fields.String)
    status = needed(fields.String)


class ReportAnswer(NumbersAnswer):
    from_ = needed(fields.Date, data_key="from")
    to = needed(fields.Date)
    time_zone = needed(fields.String)
    attribution = needed(fields.String, validate=validate.OneOf(RULES))
    window_days = needed(fields.Integer)
    goal = needed(fields.String, validate=validate.OneOf(REPORT_GOALS))
    active_viewers_estimated = needed(fields.Boolean)
    funnel = fields.Nested(FunnelAnswer, required=True)
    previous = fields.Nested(PreviousAnswer, metadata={"description": "Only with `compare=previous`."})
    crawlers = needed(fields.Integer)
    # Present only if there are any; their amounts are left out.
    conversions_in_unknown_currency = fields.Integer()
    by_day = each(DayAnswer)
    by_device = each(DeviceAnswer)


class PopupReportAnswer(ReportAnswer):
    popup_id = needed(fields.UUID)
    name = needed(fields.String)
    status = needed(fields.String)
    by_variant = each(VariantNumbersAnswer)
    by_variant_and_device = each(VariantAndDeviceAnswer)
    variants_left_out = needed(
        fields.Integer, metadata={"description": "The number of variants beyond the 100 most viewed."}
    )
    annotations = each(AnnotationAnswer)


def interval(says: str, **options: Any) -> Any:
    return fields.List(
        fields.Float(),
        required=True,
        validate=validate.Length(equal=2),
        metadata={"description": says},
        **options,
    )


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
    refused = nullable(fields.String, metadata={"description": "The reason why there is no increment."})


class ShopHoldoutAnswer(HoldoutAnswer):
    started_at = nullable(fields.DateTime)
    currency = needed(fields.String)


class ShopReportAnswer(ReportAnswer):
    shop_id = needed(fields.String)
    popups = each(RankedPopupAnswer)
    next_cursor = nullable(fields.String)
    deleted_popups = fields.Nested(DeletedPopupsAnswer, required=True)
    holdout = nullable(fields.Nested, nested=ShopHoldoutAnswer, metadata={"description": "The shop-wide holdout."})


class ComparedVariantAnswer(Schema):
    variant_id = needed(fields.String)
    name = needed(fields.String)
    weight = needed(fields.Integer)
    viewers = needed(fields.Integer)
    converters = needed(fields.Integer, metadata={"description": "Viewers who did the goal at least once."})
    rate = nullable(fields.Float, metadata={"description": "Null for the goal revenue."})
    revenue_per_viewer = nullable(fields.String, metadata={"description": "Only for the goal revenue."})
    credible_interval = interval(
        "Contains the true value with 95 % probability, by this arm's data alone.", allow_none=True
    )
    chance_to_be_best = nullable(
        fields.Float, metadata={"description": "For information; the verdict does not use it."}
    )
    expected_loss = nullable(
        fields.Float,
        metadata={"description": "For information: the expected loss per viewer if this variant is chosen."},
    )
    lift = nullable(fields.Float, metadata={"description": "Compared with the first variant: 0.1 is a tenth more."})
    lift_interval = interval("Holds at all looks together; null for the first variant.", allow_none=True)
    beats_first = needed(fields.Boolean)


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
    stop = needed(fields.Boolean, metadata={"description": "Whether the experiment is over, with or without a winner."})
    best = nullable(fields.String, metadata={"description": "Only with the verdict winner."})
    reason = needed(fields.String)
    viewers_needed = nullable(
        fields.Integer,
        metadata={"description": "How many viewers of all variants together it takes to find a lift of a tenth."},
    )
    variants = each(ComparedVariantAnswer)
    orders_left_out = needed(
        fields.Integer,
        metadata={"description": "Orders known only by an address or a code, which a held-out visitor cannot have."},
    )
    holdout = nullable(fields.Nested, nested=HoldoutAnswer)
    health = each(HealthNoteAnswer)


class ExperimentPlanAnswer(Schema):
    viewers_per_variant = needed(fields.Integer)
    viewers = needed(fields.Integer)
    days = needed(fields.Integer)
