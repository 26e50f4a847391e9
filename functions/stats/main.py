"""stats: reports on a popup, its variants, or a whole shop."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

from common import cache
from common.cache import Loaded, keys
from common.errors import PopupNotFound
from common.limits import STATS
from common.web import Audience, Function, Request, Response, answer_cached, answers, json_response
from common.web.flask import flask_function
from functions.stats.experiments.plan import plan
from functions.stats.experiments.report import load_experiment
from functions.stats.reports import load_popup_report, load_shop_report
from functions.stats.schemas import ExperimentQuery, PeriodQuery, PlanQuery

# Browsers revalidate each time, which If-None-Match makes cheap.
CACHE_CONTROL = "private, no-cache"

function = Function("stats", path="shop-reports", limit=STATS, audience=Audience.MERCHANT)


@function.endpoint("GET", "/popups/{popup_id}", rights="read", query=PeriodQuery())
@answers({200: "PopupReport", 304: None}, headers=("ETag", "X-Cache"))
def get_popup_stats(request: Request, popup_id: uuid.UUID) -> Response:
    """Report how a popup did."""
    load = partial(load_popup_report, request.shop_id, popup_id, request.query)
    return _answer(request, keys.popup_stats(popup_id), _period(request), load)


@function.endpoint("GET", "/popups/{popup_id}/experiment", rights="read", query=ExperimentQuery())
@answers({200: "Experiment", 304: None}, headers=("ETag", "X-Cache"))
def get_experiment(request: Request, popup_id: uuid.UUID) -> Response:
    """Say whether a popup's experiment may stop, what it has found, and how sure that is."""
    goal = request.query["goal"]
    load = partial(load_experiment, request.shop_id, popup_id, goal)
    return _answer(request, keys.popup_stats(popup_id), f"experiment {goal}", load)


@function.endpoint("GET", "/experiment-plan", rights="read", query=PlanQuery())
@answers({200: "ExperimentPlan"})
def get_experiment_plan(request: Request) -> Response:
    """Say how many viewers an experiment needs to find a lift four times in five."""
    return json_response(plan(**request.query))


@function.endpoint("GET", "/shop", rights="read", query=PeriodQuery())
@answers({200: "ShopReport", 304: None}, headers=("ETag", "X-Cache"))
def get_shop_stats(request: Request) -> Response:
    """Report how the shop did."""
    load = partial(load_shop_report, request.shop_id, request.query)
    return _answer(request, keys.shop_stats(request.shop_id), _period(request), load)


def _answer(request: Request, key: str, name: str, load: Callable[[], Loaded]) -> Response:
    """Answer from the cache, with entries per calling shop: for another shop the popup is cached as not found."""
    cached = cache.get_blocking(key, load, name=f"{request.shop_id} {name}")
    if cached.entry.body is None:
        raise PopupNotFound()
    return answer_cached(request, cached, CACHE_CONTROL)


def _period(request: Request) -> str:
    return f"{request.query['from_']} {request.query['to']}"


stats = flask_function(function)
