"""The reports on a popup and on a shop, as they are cached."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from common import postgres
from common.cache import Loaded
from common.config import settings
from common.json_text import dumps
from common.postgres import Row, replica
from common.shop.currencies import known_currencies
from common.shop.events import HOLDOUTS, NO_POPUP
from functions.stats import popup_tallies, queries, shop_tallies
from functions.stats.annotations import fetch_annotations
from functions.stats.experiments.data import GOALS_BY_OFFER, OTHER_GOAL
from functions.stats.experiments.holdout_report import shop_holdout_json
from functions.stats.experiments.queries import SELECT_SHOP_HOLDOUT
from functions.stats.figures import Figures, Report
from functions.stats.freshness import UNKNOWN_POPUP_SECONDS
from functions.stats.order_figures import confirmation
from functions.stats.periods import Period, days_of, parts_of, period_before, period_of
from functions.stats.ranking import Page, ranked

# Makes the answer of a report: JSON, or CSV.
Form = Callable[[dict[str, Any]], bytes]


MAX_VARIANTS = 100

# Which figures a statement's rows add to.
Statements = Mapping[str, Callable[[Figures, Row], None]]
OF_POPUP: Statements = {
    popup_tallies.SELECT_VIEWS: Figures.add_views,
    popup_tallies.SELECT_RETURNS: Figures.add_returns,
    popup_tallies.SELECT_CONVERTERS: Figures.add_converters,
    popup_tallies.SELECT_CONVERSIONS: Figures.add_conversions,
    popup_tallies.SELECT_ORDERS: Figures.add_orders,
    popup_tallies.SELECT_SIGNALS: Figures.add_signals,
}
OF_SHOP: Statements = {
    shop_tallies.SELECT_VIEWS: Figures.add_views,
    shop_tallies.SELECT_VIEWERS: Figures.add_views,
    shop_tallies.SELECT_RETURNS: Figures.add_returns,
    shop_tallies.SELECT_CONVERTERS: Figures.add_converters,
    shop_tallies.SELECT_CONVERSIONS: Figures.add_conversions,
    shop_tallies.SELECT_ORDERS: Figures.add_orders,
    shop_tallies.SELECT_SIGNALS: Figures.add_signals,
}
# Added to these for the popups' own figures.
OF_POPUPS: Statements = {
    shop_tallies.SELECT_RETURNS_OF_POPUPS: Figures.add_returns,
    shop_tallies.SELECT_CONVERTERS_OF_POPUPS: Figures.add_converters,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What a report is about: its shop, its days, what counts as converted, and the form of its answer."""

    shop: Row
    period: Period
    goal: str
    query: Mapping[str, Any]

    @property
    def currency(self) -> str:
        return str(self.shop["currency"])


def load_popup_report(shop_id: str, popup_id: uuid.UUID, query: Mapping[str, Any], form: Form = dumps) -> Loaded:
    loaded = replica.read(partial(_load_popup_report, shop_id, popup_id, query, form))
    return loaded or Loaded(None, UNKNOWN_POPUP_SECONDS)


def load_shop_report(shop_id: str, query: Mapping[str, Any], page: Page, form: Form = dumps) -> Loaded:
    loaded = replica.read(partial(_load_shop_report, shop_id, query, page, form))
    assert loaded is not None, "an API key belongs to a shop"
    return loaded


def _load_popup_report(
    shop_id: str, popup_id: uuid.UUID, query: Mapping[str, Any], form: Form, connection: postgres.Connection
) -> Loaded | None:
    popup = {"shop_id": shop_id, "popup_id": popup_id}
    shop = connection.fetch_one(queries.SELECT_SHOP_OF_POPUP, **popup)
    if shop is None:
        return None
    goal = query["goal"] or GOALS_BY_OFFER.get(shop["offer_type"], OTHER_GOAL)
    frame = Frame(shop, period_of(query, shop["today"]), goal, query)
    report = _popup_tallies(connection, popup, frame, frame.period)
    answer = {
        "popup_id": popup_id,
        "name": shop["name"],
        "status": shop["status"],
        **_framed(frame, report, connection.fetch_all(popup_tallies.SELECT_CRAWLERS, **popup, **frame.period)),
        **_by_variant(frame, report),
        **_previous(frame, partial(_popup_tallies, connection, popup, frame)),
        "annotations": fetch_annotations(connection, popup, shop, frame.period),
    }
    return _loaded(form(answer), shop)


def _load_shop_report(
    shop_id: str, query: Mapping[str, Any], page: Page, form: Form, connection: postgres.Connection
) -> Loaded | None:
    shop = connection.fetch_one(queries.SELECT_SHOP, shop_id=shop_id)
    if shop is None:
        return None  # not replicated yet
    known = connection.fetch_all(queries.SELECT_POPUP_NAMES, shop_id=shop_id)
    popups = [popup for popup in known if popup["is_listed"]]
    tallied = {"shop_id": shop_id, "popup_ids": [*(popup["id"] for popup in known), NO_POPUP]}
    frame = Frame(shop, period_of(query, shop["today"]), query["goal"] or _usual_goal(popups), query)
    report = _shop_tallies(connection, tallied, frame, frame.period, {**OF_SHOP, **OF_POPUPS})
    # A popup without exposures shows null, even if the shop's other popups have some.
    shown = partial(Figures.as_json, currency=frame.currency, goal=frame.goal, with_exposures=False)
    crawlers = connection.fetch_all(shop_tallies.SELECT_CRAWLERS, **tallied, **frame.period)
    answer = {
        "shop_id": shop_id,
        **_framed(frame, report, crawlers),
        **ranked(popups, report, frame.goal, page, shown),
        "deleted_popups": _deleted(popups, report),
        "holdout": shop_holdout_json(connection.fetch_all(SELECT_SHOP_HOLDOUT, shop_id=shop_id)),
        **_previous(frame, lambda period: _shop_tallies(connection, tallied, frame, period, OF_SHOP)),
    }
    return _loaded(form(answer), shop)


def _popup_tallies(connection: postgres.Connection, popup: dict[str, Any], frame: Frame, period: Period) -> Report:
    report = Report(popup_tallies.GROUPS)
    for sql, act in OF_POPUP.items():
        report.add(act, connection.fetch_all(sql, **popup, **period, **_of_money(frame)))
    return report


def _shop_tallies(
    connection: postgres.Connection, tallied: dict[str, Any], frame: Frame, period: Period, statements: Statements
) -> Report:
    """Return the sum of the period's parts, each of which is a statement for each kind of tallies."""
    report = Report(shop_tallies.GROUPS)
    given = {**tallied, "since": period["first"], **_of_money(frame)}
    with connection.transaction():
        connection.queue(shop_tallies.PLAN_EACH)
        for part in parts_of(period, len(tallied["popup_ids"])):
            for sql, act in statements.items():
                report.add(act, connection.fetch_all(sql, **part, **given))
    return report


def _framed(frame: Frame, report: Report, crawlers: list[Row]) -> dict[str, Any]:
    """Return what both reports have: the whole, the funnel, the days and the devices."""
    whole, unknown = report.whole, report.whole.orders.in_unknown_currency
    days = days_of(frame.period)
    return {
        "from": frame.period["first"],
        "to": frame.period["last"],
        "time_zone": frame.shop["time_zone"],
        "goal": frame.goal,
        **_credit(frame),
        **_as_json(frame, report, whole),
        "active_viewers_estimated": False,
        "crawlers": crawlers[0]["events"],
        **({"conversions_in_unknown_currency": unknown} if unknown else {}),
        "funnel": _funnel(frame, report),
        "by_day": [{"day": day, **_as_json(frame, report, report.of("day", day))} for day in days],
        "by_device": _grouped(frame, report, "device_type"),
    }


def _funnel(frame: Frame, report: Report) -> dict[str, Any]:
    whole = report.whole
    return {
        "exposures": whole.signals["exposure"] if report.has_exposures else None,
        "viewers": whole.viewers,
        "closes": whole.signals["close"],
        "converters": whole.converters[frame.goal],
        "codes_used": whole.converters["discount_code_used"],
        "orders": whole.orders.orders,
    }


def _grouped(frame: Frame, report: Report, *names: str) -> list[dict[str, Any]]:
    """Return the groups by these columns; the unknown device and no variant are null."""
    return [
        {name: part or None for name, part in zip(names, group, strict=True)} | _as_json(frame, report, figures)
        for group, figures in report.by(*names)
    ]


def _by_variant(frame: Frame, report: Report) -> dict[str, Any]:
    """Return the variants, and these by device. Edits may have made any number of them: the most viewed are listed."""
    variants, crossed = _grouped(frame, report, "variant_id"), _grouped(frame, report, "device_type", "variant_id")
    shown = [each["variant_id"] for each in variants if each["variant_id"] not in HOLDOUTS]
    listed = {*shown[:MAX_VARIANTS], *HOLDOUTS}
    return {
        "by_variant": [each for each in variants if each["variant_id"] in listed],
        "by_variant_and_device": [each for each in crossed if each["variant_id"] in listed],
        "variants_left_out": len(shown[MAX_VARIANTS:]),
    }


def _previous(frame: Frame, fetch: Callable[[Period], Report]) -> dict[str, Any]:
    if frame.query["compare"] is None:
        return {}
    period = period_before(frame.period)
    report = fetch(period)
    return {"previous": {"from": period["first"], "to": period["last"], **_as_json(frame, report, report.whole)}}


def _deleted(popups: list[Row], report: Report) -> dict[str, Any]:
    """Return what is in the shop's numbers of popups that are not listed any more."""
    listed = {popup["id"] for popup in popups}
    gone = [figures for (popup_id,), figures in report.by("popup_id") if popup_id not in listed and popup_id.int]
    return {
        "popups": len(gone),
        "views": sum(figures.views for figures in gone),
        "conversions": sum(sum(figures.conversions.values()) for figures in gone),
        "orders": sum(figures.orders.orders for figures in gone),
    }


def _as_json(frame: Frame, report: Report, figures: Figures) -> dict[str, Any]:
    return figures.as_json(frame.currency, frame.goal, with_exposures=report.has_exposures)


def _usual_goal(popups: list[Row]) -> str:
    """Return the goal of a shop's report: e-mails where any popup collects them."""
    goals = {GOALS_BY_OFFER.get(popup["offer_type"], OTHER_GOAL) for popup in popups}
    return next((goal for goal in GOALS_BY_OFFER.values() if goal in goals), OTHER_GOAL)


def _credit(frame: Frame) -> dict[str, Any]:
    """Return the rule and the window by which popups get the credit for orders."""
    return {name: frame.query[name] for name in ("attribution", "window_days")}


def _of_money(frame: Frame) -> dict[str, Any]:
    currencies = {"currencies": known_currencies(frame.currency)}
    return {**_credit(frame), **confirmation(frame.shop), **currencies}


def _loaded(body: bytes, shop: Row) -> Loaded:
    """Return the answer, fresh until midnight in the shop at the latest, when "the last 30 days" change."""
    most_seconds = min(shop["seconds_to_midnight"], replica.fresh_seconds())
    return Loaded(body, settings().cache_ttl_stats, most_seconds)
