"""The queries of stats: a period of days, or an experiment's goal."""

from __future__ import annotations

import datetime
import re
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from common.shop.events import CONVERSION_TYPES
from common.shop.fields import StrictSchema

MAX_DAYS = 366
EARLIEST, LATEST = datetime.date(2000, 1, 1), datetime.date(2200, 1, 1)


class Day(fields.Date):
    """A full-date by RFC 3339; marshmallow's own field would accept ISO 8601's many other forms."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise self.make_error("invalid", input=value, obj_type="date")
        return super()._deserialize(value, attr, data, **options)


def _day(name: str) -> Day:
    return Day(data_key=name, load_default=None, validate=validate.Range(EARLIEST, LATEST))


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


class ExperimentQuery(StrictSchema):
    """`?goal=purchase`: the type of conversion by which variants are compared."""

    goal = fields.String(load_default=None, validate=validate.OneOf(CONVERSION_TYPES))
