"""stats: reports on a popup, its variants, or a whole shop."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

from common import cache
from common.cache import Loaded, keys
from common.errors import PopupNotFound
from common.limits import STATS
from common.web import (
    CSV_CONTENT_TYPE,
    JSON,
    Audience,
    Function,
    Request,
    Response,
    answer_cached,
    answers,
    json_response,
    wants_csv,
)
from common.web.flask import flask_function
from functions.stats.experiments.plan import plan
from functions.stats.experiments.report import load_experiment
from functions.stats.ranking import everything, page_of
from functions.stats.report_csv import as_csv, experiment_as_csv, sources_as_csv
from functions.stats.reports import load_popup_report, load_shop_report
from functions.stats.schemas import ExperimentQuery, PlanQuery, ReportQuery, ShopReportQuery, SourcesQuery
from functions.stats.sources import load_sources

# Browsers revalidate each time, which If-None-Match makes cheap.
CACHE_CONTROL = "private, no-cache"

# The parameters of a query that change the figures.
AFFECTING_FIGURES = ("from_", "to", "goal", "compare", "attribution", "window_days")
# About 2 MB.
MAX_CSV_POPUPS = 10_000

function = Function("stats", path="shop-reports", limit=STATS, audience=Audience.MERCHANT)


@function.endpoint("GET", "/popups/{popup_id}", rights="read", query=ReportQuery())
@answers({200: "PopupReport", 304: None}, headers=("ETag", "X-Cache"), or_csv=True)
def get_popup_stats(request: Request, popup_id: uuid.UUID) -> Response:
    """Report on a popup.

    Numbers of viewers are of viewers first seen in the period; docs/reports.md explains each.
    """
    key, load = keys.popup_stats(popup_id), partial(load_popup_report, request.shop_id, popup_id, request.query)
    if not wants_csv(request):
        return _answer(request, key, _asked(request), load)
    rows = request.query["rows"] or "days"
    return _answer_csv(request, key, f"{rows} {_asked(request)}", partial(load, partial(as_csv, rows)))


@function.endpoint("GET", "/popups/{popup_id}/sources", rights="read", query=SourcesQuery())
@answers({200: "Sources", 304: None}, headers=("ETag", "X-Cache"), or_csv=True)
def get_popup_sources(request: Request, popup_id: uuid.UUID) -> Response:
    """Report where a popup was seen: pages, referrers and campaigns, and the hours of today.

    The 20 most frequent of each are listed; the others are added up under null.
    """
    key, load = keys.popup_stats(popup_id), partial(load_sources, request.shop_id, popup_id, request.query)
    name = f"sources {request.query['from_']} {request.query['to']}"
    if wants_csv(request):
        return _answer_csv(request, key, name, partial(load, sources_as_csv))
    return _answer(request, key, name, load)


@function.endpoint("GET", "/popups/{popup_id}/experiment", rights="read", query=ExperimentQuery())
@answers({200: "Experiment", 304: None}, headers=("ETag", "X-Cache"), or_csv=True)
def get_experiment(request: Request, popup_id: uuid.UUID) -> Response:
    """Report on a popup's experiment: whether it may stop, what it has found, and how certain that is."""
    goal, stretch = request.query["goal"], request.query["stretch"]
    key, load = keys.popup_stats(popup_id), partial(load_experiment, request.shop_id, popup_id, goal, stretch)
    name = f"experiment {goal} {stretch}"
    if wants_csv(request):
        return _answer_csv(request, key, name, partial(load, experiment_as_csv))
    return _answer(request, key, name, load)


@function.endpoint("GET", "/experiment-plan", rights="read", query=PlanQuery())
@answers({200: "ExperimentPlan"})
def get_experiment_plan(request: Request) -> Response:
    """Plan an experiment: how many viewers it needs to find a lift with 80 % probability."""
    return json_response(plan(**request.query))


@function.endpoint("GET", "/shop", rights="read", query=ShopReportQuery())
@answers({200: "ShopReport", 304: None}, headers=("ETag", "X-Cache"), or_csv=True)
def get_shop_stats(request: Request) -> Response:
    """Report on the shop, with its popups ranked by converters.

    A CSV has all popups, up to 10 000.
    """
    key, load = keys.shop_stats(request.shop_id), partial(load_shop_report, request.shop_id, request.query)
    if not wants_csv(request):
        page = page_of(request)
        return _answer(request, key, f"{page.limit} {page.after} {_asked(request)}", partial(load, page))
    rows = request.query["rows"] or "popups"
    all_popups = everything(MAX_CSV_POPUPS)
    return _answer_csv(request, key, f"{rows} {_asked(request)}", partial(load, all_popups, partial(as_csv, rows)))


def _answer(request: Request, key: str, name: str, load: Callable[[], Loaded], media_type: str = JSON) -> Response:
    """Answer from the cache, with entries per calling shop: for another shop the popup is cached as not found."""
    cached = cache.get_blocking(key, load, name=f"{request.shop_id} {name}")
    if cached.entry.body is None:
        raise PopupNotFound()
    response = answer_cached(request, cached, CACHE_CONTROL, media_type)
    response.headers["Vary"] = "Origin, Accept"
    return response


def _answer_csv(request: Request, key: str, name: str, load: Callable[[], Loaded]) -> Response:
    response = _answer(request, key, f"csv {name}", load, CSV_CONTENT_TYPE)
    response.headers["Content-Disposition"] = 'attachment; filename="report.csv"'
    return response


def _asked(request: Request) -> str:
    """Return the query's parameters that change the figures, as part of the name of a cached answer."""
    return " ".join(str(request.query[name]) for name in AFFECTING_FIGURES)


stats = flask_function(function)
