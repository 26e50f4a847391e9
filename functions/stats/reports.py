"""The reports on a popup and on a shop, as they are cached."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from common import postgres
from common.cache import Loaded
from common.config import settings
from common.errors import Invalid
from common.json_text import dumps
from common.postgres import Row, replica
from common.shop.currencies import known_currencies
from common.shop.events import HOLDOUT
from functions.stats import queries
from functions.stats.freshness import UNKNOWN_POPUP_SECONDS
from functions.stats.schemas import MAX_DAYS
from functions.stats.summary import days_between, summarize, summarize_by

DEFAULT_DAYS = 30


def load_popup_report(shop_id: str, popup_id: uuid.UUID, query: Mapping[str, Any]) -> Loaded:
    tallies = replica.read(partial(_fetch_popup_tallies, shop_id, popup_id, query))
    if tallies is None:
        return Loaded(None, UNKNOWN_POPUP_SECONDS)
    shop, period, views, conversions, crawlers = tallies
    report = {
        "popup_id": popup_id,
        **_report(shop, period, _without_holdout(views), _without_holdout(conversions), crawlers),
        "by_variant": _grouped("variant_id", views, conversions, shop["currency"]),
    }
    return _loaded(report, shop)


def load_shop_report(shop_id: str, query: Mapping[str, Any]) -> Loaded:
    loaded = replica.read(partial(_load_shop_report, shop_id, query))
    assert loaded is not None, "an API key belongs to a shop"
    return loaded


def _fetch_popup_tallies(
    shop_id: str, popup_id: uuid.UUID, query: Mapping[str, Any], connection: postgres.Connection
) -> tuple[Row, dict[str, datetime.date], list[Row], list[Row], Row] | None:
    """Return the shop, the days, and the tallies of views, conversions and crawlers; None without the popup."""
    popup = {"shop_id": shop_id, "popup_id": popup_id}
    shop = connection.fetch_one(queries.SELECT_SHOP_OF_POPUP, **popup)
    if shop is None:
        return None
    period = _period(query, shop["today"])
    views = connection.fetch_all(queries.SELECT_POPUP_VIEWS, **popup, **period)
    known = known_currencies(shop["currency"])
    conversions = connection.fetch_all(queries.SELECT_POPUP_CONVERSIONS, currencies=known, **popup, **period)
    (crawlers,) = connection.fetch_all(queries.SELECT_POPUP_CRAWLERS, **popup, **period)
    return shop, period, views, conversions, crawlers


def _load_shop_report(shop_id: str, query: Mapping[str, Any], connection: postgres.Connection) -> Loaded | None:
    shop = connection.fetch_one(queries.SELECT_SHOP, shop_id=shop_id)
    if shop is None:
        return None  # not replicated yet
    period = _period(query, shop["today"])
    by_popup = connection.fetch_all(queries.SELECT_SHOP_VIEWS, shop_id=shop_id, **period)
    known = known_currencies(shop["currency"])
    conversions = connection.fetch_all(queries.SELECT_SHOP_CONVERSIONS, shop_id=shop_id, currencies=known, **period)
    viewers = connection.fetch_all(queries.SELECT_SHOP_VIEWERS, shop_id=shop_id, **period)
    (crawlers,) = connection.fetch_all(queries.SELECT_SHOP_CRAWLERS, shop_id=shop_id, **period)
    names = connection.fetch_all(queries.SELECT_POPUP_NAMES, shop_id=shop_id)
    # A shopper who saw two popups is one viewer of the shop: its viewers are tallied separately.
    views = [{**row, "viewers": 0} for row in by_popup] + [{**row, "views": 0} for row in viewers]
    report = {
        "shop_id": shop_id,
        **_report(shop, period, views, conversions, crawlers),
        "popups": _ranked(names, by_popup, conversions, shop["currency"]),
    }
    return _loaded(report, shop)


def _period(query: Mapping[str, Any], today: datetime.date) -> dict[str, datetime.date]:
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


def _report(
    shop: Row, period: dict[str, datetime.date], views: list[Row], conversions: list[Row], crawlers: Row
) -> dict[str, Any]:
    currency = shop["currency"]
    totals = summarize(views, conversions)
    by_day = summarize_by(lambda tally: tally["day"], views, conversions)
    return {
        "from": period["first"],
        "to": period["last"],
        "time_zone": shop["time_zone"],
        **totals.as_json(currency),
        "crawlers": crawlers["events"],
        **totals.oddities(),
        "by_day": [
            {"day": day, **by_day[day].as_json(currency)} for day in days_between(period["first"], period["last"])
        ],
        "by_device": _grouped("device_type", views, conversions, currency),
    }


def _grouped(column: str, views: list[Row], conversions: list[Row], currency: str) -> list[dict[str, Any]]:
    group: Callable[[Row], str | None] = lambda tally: tally[column] or None  # noqa: E731
    summaries = summarize_by(group, views, conversions)
    ordered = sorted(summaries.items(), key=lambda item: (-item[1].views, item[0] or ""))
    return [{column: name, **summary.as_json(currency)} for name, summary in ordered]


def _ranked(names: list[Row], views: list[Row], conversions: list[Row], currency: str) -> list[dict[str, Any]]:
    """Return the shop's popups with their numbers, most conversions first."""
    summaries = summarize_by(lambda tally: tally["popup_id"], views, conversions)
    popups = [
        {"popup_id": popup["id"], "name": popup["name"], "status": popup["status"]}
        | summaries[popup["id"]].as_json(currency)
        for popup in names
    ]
    return sorted(popups, key=lambda popup: (-popup["conversions"], -popup["views"], str(popup["popup_id"])))


def _without_holdout(tallies: list[Row]) -> list[Row]:
    """Return the tallies of viewers who were shown the popup."""
    return [tally for tally in tallies if tally["variant_id"] != HOLDOUT]


def _loaded(report: dict[str, Any], shop: Row) -> Loaded:
    """Return the answer, fresh until midnight in the shop at the latest, when "the last 30 days" change."""
    most_seconds = min(shop["seconds_to_midnight"], replica.fresh_seconds())
    return Loaded(dumps(report), settings().cache_ttl_stats, most_seconds)
