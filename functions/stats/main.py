"""stats: how a popup, its variants, or a whole shop did."""

from __future__ import annotations

import uuid
from functools import partial

from common import cache, cache_keys
from common.conditional import answer_cached
from common.errors import PopupNotFound
from common.flask_adapter import flask_function
from common.headers import Audience
from common.http import Function
from common.messages import Request, Response
from common.rate_limit import STATS
from functions.stats.experiment_report import load_experiment
from functions.stats.reports import load_popup_report, load_shop_report
from functions.stats.schemas import ExperimentQuery, PeriodQuery

# A browser asks again each time; its If-None-Match makes that cheap.
CACHE_CONTROL = "private, no-cache"

function = Function("stats", limit=STATS, audience=Audience.MERCHANT)


@function.endpoint("GET", "/popups/{popup_id}", rights="read", query=PeriodQuery())
def read_popup_stats(request: Request, popup_id: uuid.UUID) -> Response:
    cached = cache.get_or_load(
        cache_keys.popup_stats(popup_id),
        partial(load_popup_report, request.shop_id, popup_id, request.query),
        name=_entry_name(request),
    )
    if cached.entry.body is None:
        raise PopupNotFound()
    return answer_cached(request, cached, CACHE_CONTROL)


@function.endpoint("GET", "/popups/{popup_id}/experiment", rights="read", query=ExperimentQuery())
def read_experiment(request: Request, popup_id: uuid.UUID) -> Response:
    goal = request.query["goal"]
    cached = cache.get_or_load(
        cache_keys.popup_stats(popup_id),
        partial(load_experiment, request.shop_id, popup_id, goal),
        name=f"{request.shop_id} experiment {goal}",
    )
    if cached.entry.body is None:
        raise PopupNotFound()
    return answer_cached(request, cached, CACHE_CONTROL)


@function.endpoint("GET", "/shop", rights="read", query=PeriodQuery())
def read_shop_stats(request: Request) -> Response:
    cached = cache.get_or_load(
        cache_keys.shop_stats(request.shop_id),
        partial(load_shop_report, request.shop_id, request.query),
        name=_entry_name(request),
    )
    return answer_cached(request, cached, CACHE_CONTROL)


def _entry_name(request: Request) -> str:
    """One entry for each period, and for each shop that asks: another's popup is cached as not there."""
    return f"{request.shop_id} {request.query['from_']} {request.query['to']}"


stats = flask_function(function)
