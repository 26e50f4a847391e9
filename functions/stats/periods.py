"""The days of a report, and those of the period before."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from common.errors import Invalid
from functions.stats.schemas import MAX_DAYS

DEFAULT_DAYS = 30
# Days of popups that one statement adds up of a shop, each with a tally for every variant and device: about a tenth of
# a second with eleven of them, so that also a busy database is in time.
MAX_POPUP_DAYS = 40_000

Period = dict[str, datetime.date]


def period_of(query: Mapping[str, Any], today: datetime.date) -> Period:
    """Return the first and last day asked for. Raises Invalid for a period that is too long.

    `to` alone means the 30 days up to it, `from` alone all days since, neither the last 30 days.
    """
    span = datetime.timedelta(days=DEFAULT_DAYS - 1)
    first, last = query["from_"], query["to"]
    last = last or max(today, first or today)
    first = first or last - span
    if (last - first).days >= MAX_DAYS:
        raise Invalid(errors={"from": [f"At most {MAX_DAYS} days, which end today if to is missing."]})
    return {"first": first, "last": last}


def period_before(period: Period) -> Period:
    """Return the period of as many days that ends the day before."""
    day = datetime.timedelta(days=1)
    last = period["first"] - day
    return {"first": last - (period["last"] - period["first"]), "last": last}


def days_of(period: Period) -> list[datetime.date]:
    days = (period["last"] - period["first"]).days + 1
    return [period["first"] + datetime.timedelta(days=ahead) for ahead in range(days)]


def parts_of(period: Period, popups: int) -> list[Period]:
    """Return the period in parts of as many days as one statement may add up, of so many popups (at least one)."""
    span = datetime.timedelta(days=max(1, MAX_POPUP_DAYS // popups))
    parts, first = [], period["first"]
    while first <= period["last"]:
        parts.append({"first": first, "last": min(first + span - datetime.timedelta(days=1), period["last"])})
        first += span
    return parts
