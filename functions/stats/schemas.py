"""What stats accepts: a period of days, or an experiment's goal."""

from __future__ import annotations

import datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from functions.stats.summary import CONVERSION_TYPES

MAX_DAYS = 366
EARLIEST, LATEST = datetime.date(2000, 1, 1), datetime.date(2200, 1, 1)


def _day(name: str) -> fields.Date:
    return fields.Date(data_key=name, load_default=None, validate=validate.Range(EARLIEST, LATEST))


class PeriodQuery(Schema):
    """`?from=2026-11-01&to=2026-11-30`: both days belong to the period, in the shop's time zone."""

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


class ExperimentQuery(Schema):
    """`?goal=purchase`: the type of conversion by which variants are compared."""

    goal = fields.String(load_default=None, validate=validate.OneOf(CONVERSION_TYPES))
