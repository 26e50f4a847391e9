"""The queries of stats: a period of days, or an experiment's goal."""

from __future__ import annotations

import datetime
import re
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from common.shop.fields import QueryInteger, QueryNumber, StrictSchema
from common.shop.orders import DEFAULT_RULE, DEFAULT_WINDOW_DAYS, MAX_WINDOW_DAYS, RULES
from functions.stats.experiments.data import GOALS
from functions.stats.experiments.plan import DEFAULT_LIFT, MAX_VARIANTS

MAX_DAYS = 366
DEFAULT_POPUPS, MAX_POPUPS = 50, 100
REPORT_GOALS = ("click", "email_capture", "purchase")
FORMATS = ("json", "csv")
# Of CSV.
ROWS = ("days", "popups")
EARLIEST, LATEST = datetime.date(2000, 1, 1), datetime.date(2200, 1, 1)

MIN_RATE, MIN_LIFT, MAX_LIFT = 0.0001, 0.01, 10
MAX_STRETCH = 2**31 - 1
MAX_VIEWERS_PER_DAY = 10**9


class Day(fields.Date):
    """A full-date by RFC 3339; marshmallow's own field would accept ISO 8601's many other forms."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise self.make_error("invalid", input=value, obj_type="date")
        return super()._deserialize(value, attr, data, **options)


def _day(name: str) -> Day:
    return Day(data_key=name, load_default=None, validate=validate.Range(EARLIEST, LATEST))


def _format() -> fields.String:
    """By default what Accept asks for."""
    return fields.String(load_default=None, validate=validate.OneOf(FORMATS))


class PeriodQuery(StrictSchema):
    """`?from=2026-11-01&to=2026-11-30`: both days inclusive, in the shop's time zone."""

    from_ = _day("from")
    to = _day("to")

    @validates_schema
    def check_period(self, query: dict[str, Any], **_: Any) -> None:
        first, last = query["from_"], query["to"]
        if first is None or last is None:
            return
        if last < first:
            raise ValidationError({"to": ["Must not be before from."]})
        if (last - first).days >= MAX_DAYS:
            raise ValidationError({"to": [f"At most {MAX_DAYS} days."]})


class SourcesQuery(PeriodQuery):
    """A period, and `format=csv`."""

    format = _format()


class ReportQuery(PeriodQuery):
    """A period with `goal=click&compare=previous&attribution=click&window_days=1&format=csv&rows=days`."""

    # By what a viewer is a converter; by default what the offer is for.
    goal = fields.String(load_default=None, validate=validate.OneOf(REPORT_GOALS))
    compare = fields.String(load_default=None, validate=validate.OneOf(("previous",)))
    # Which popup gets the credit for an order.
    attribution = fields.String(load_default=DEFAULT_RULE, validate=validate.OneOf(RULES))
    window_days = QueryInteger(load_default=DEFAULT_WINDOW_DAYS, validate=validate.Range(1, MAX_WINDOW_DAYS))
    format = _format()
    # Of CSV.
    rows = fields.String(load_default=None, validate=validate.OneOf(ROWS))


class ShopReportQuery(ReportQuery):
    """The same with `limit` and `cursor`: of the popups, which are ranked by converters."""

    limit = QueryInteger(load_default=DEFAULT_POPUPS, validate=validate.Range(1, MAX_POPUPS))
    cursor = fields.String(load_default=None, validate=validate.Length(max=1000))


class ExperimentQuery(StrictSchema):
    """`?goal=purchase`: by what variants are compared; by default by what the popup's offer is for.

    `stretch` is the newest unless asked for: each began with a change of what is compared.
    """

    goal = fields.String(load_default=None, validate=validate.OneOf(GOALS))
    stretch = QueryInteger(load_default=None, validate=validate.Range(1, MAX_STRETCH))
    format = _format()


class PlanQuery(StrictSchema):
    """`?rate=0.03&lift=0.1&viewers_per_day=2000&variants=2`: what an experiment is to find, and in what traffic."""

    rate = QueryNumber(required=True, validate=validate.Range(MIN_RATE, 1, max_inclusive=False))
    lift = QueryNumber(load_default=DEFAULT_LIFT, validate=validate.Range(MIN_LIFT, MAX_LIFT))
    viewers_per_day = QueryInteger(required=True, validate=validate.Range(1, MAX_VIEWERS_PER_DAY))
    variants = QueryInteger(load_default=2, validate=validate.Range(2, MAX_VARIANTS))

    @validates_schema
    def check_better_rate(self, query: dict[str, Any], **_: Any) -> None:
        if query["rate"] * (1 + query["lift"]) >= 1:
            raise ValidationError({"lift": ["With this lift the better rate would reach 1."]})
