"""The report on a popup's experiment, as it is cached."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from common.cache import Loaded
from common.config import settings
from common.json_text import dumps
from common.postgres import replica
from functions.stats.experiments.arms import Arm
from functions.stats.experiments.data import REVENUE, Experiment, Variant, fetch_experiment
from functions.stats.experiments.health import SUSPICIOUS, sample_ratio_chance
from functions.stats.experiments.holdout_report import holdout_json
from functions.stats.experiments.plan import DEFAULT_LIFT, MAX_RATE, viewers_per_variant
from functions.stats.experiments.posteriors import Estimate, estimate
from functions.stats.experiments.verdicts import COLLECTING, MIN_CONVERTERS, MIN_DAYS, Finding, Interval, judge
from functions.stats.experiments.words import ANOTHER_MOMENT, NOTHING_TO_COMPARE, UNEVEN, health_details, reason
from functions.stats.freshness import UNKNOWN_POPUP_SECONDS

DECIMALS = 6
# An expected loss is about a hundredth of a rate, so it gets two more decimals.
LOSS_DECIMALS = DECIMALS + 2
MONEY_DECIMALS = 4


def load_experiment(
    shop_id: str,
    popup_id: uuid.UUID,
    goal: str | None,
    stretch: int | None,
    form: Callable[[dict[str, Any]], bytes] = dumps,
) -> Loaded:
    """Return the report in its form. `goal` is what counts; None takes the one of the popup's offer."""
    experiment = replica.read(partial(fetch_experiment, shop_id, popup_id, goal, stretch))
    if experiment is None:
        return Loaded(None, UNKNOWN_POPUP_SECONDS)
    report = {"popup_id": popup_id, **as_json(experiment)}
    return Loaded(form(report), settings().cache_ttl_stats, most_seconds=replica.fresh_seconds())


def as_json(experiment: Experiment) -> dict[str, Any]:
    compared = [variant for variant in experiment.variants if variant.weight]
    arms = [variant.arm for variant in compared]
    planned_viewers = experiment.planned_viewers
    by_money = experiment.goal == REVENUE
    is_uneven = _is_uneven(experiment, compared)
    if len(compared) < 2:
        finding, sentence = Finding(COLLECTING, None, [False] * len(arms), [None] * len(arms)), NOTHING_TO_COMPARE
    else:
        finding = judge(arms, 0.0 if is_uneven else experiment.days, planned_viewers, by_money=by_money)
        sentence = UNEVEN if is_uneven else reason(finding, [variant.name or variant.id for variant in compared])
    notes = zip(finding.lifts, finding.beats_first, _estimates(arms, by_money=by_money), strict=True)
    of_variant = dict(zip((variant.id for variant in compared), notes, strict=True))
    return {
        **_described(experiment),
        "verdict": finding.verdict,
        "stop": finding.may_stop,
        "best": None if finding.best is None else compared[finding.best].id,
        "reason": sentence,
        "viewers_needed": None if by_money else _viewers_needed(arms, planned_viewers),
        "variants": [
            _variant(variant, *of_variant.get(variant.id, (None, False, None)), by_money=by_money)
            for variant in experiment.variants
        ],
        "orders_left_out": experiment.orders_left_out,
        "holdout": _holdout(experiment, is_uneven=is_uneven),
        "health": _health(experiment, arms, is_uneven=is_uneven),
    }


def _described(experiment: Experiment) -> dict[str, Any]:
    return {
        "goal": experiment.goal,
        "currency": experiment.currency,
        "stretch": experiment.stretch,
        "experiment_started_at": experiment.started_at,
    }


def _variant(
    variant: Variant, lift: Interval | None, beats_first: bool, known: Estimate | None, *, by_money: bool
) -> dict[str, Any]:
    arm = variant.arm
    return {
        "variant_id": variant.id,
        "name": variant.name,
        "weight": variant.weight,
        "viewers": arm.viewers,
        "converters": arm.converters,
        "rate": None if by_money else round(arm.mean, DECIMALS),
        "revenue_per_viewer": f"{arm.mean:.{MONEY_DECIMALS}f}" if by_money else None,
        "credible_interval": known and [round(end, DECIMALS) for end in known.credible_interval],
        "chance_to_be_best": known and round(known.chance_to_be_best, DECIMALS),
        "expected_loss": known and round(known.expected_loss, LOSS_DECIMALS),
        "lift": lift and round(lift.value, DECIMALS),
        "lift_interval": lift and [round(lift.low, DECIMALS), round(lift.high, DECIMALS)],
        "beats_first": beats_first,
    }


def _estimates(arms: list[Arm], *, by_money: bool) -> Sequence[Estimate | None]:
    return (estimate(arms, by_money=by_money) if arms else None) or [None] * len(arms)


def _viewers_needed(arms: list[Arm], planned_viewers: int) -> int | None:
    """Return how many viewers all variants need together for a lift of a tenth; None while the rate is unknown."""
    if len(arms) < 2 or not 0 < arms[0].mean < MAX_RATE:
        return None
    return len(arms) * viewers_per_variant(arms[0].mean, DEFAULT_LIFT, len(arms), planned_viewers)


def _holdout(experiment: Experiment, *, is_uneven: bool) -> dict[str, Any] | None:
    """Return the comparison with those who were shown nothing; None without a holdout."""
    if not experiment.holdout_percent:
        return None
    has_begun = experiment.started_at is not None  # else it is too early
    refused = ANOTHER_MOMENT if has_begun and not experiment.is_exposed else None
    return holdout_json(
        experiment.shown,
        experiment.held_out,
        experiment.days,
        experiment.planned_viewers,
        refused or (UNEVEN if is_uneven else None),
    )


def _is_uneven(experiment: Experiment, variants: list[Variant]) -> bool:
    """Return whether chance fails to explain the viewers' shares; the holdout counts if measured at the same moment."""
    total = sum(variant.weight for variant in variants)
    held_out = experiment.holdout_percent / 100 if experiment.is_exposed else 0.0
    viewers = [variant.arm.viewers for variant in variants] or [experiment.shown.people.viewers]
    shares = [(1 - held_out) * variant.weight / total for variant in variants] or [1 - held_out]
    return sample_ratio_chance([experiment.held_out.people.viewers, *viewers], [held_out, *shares]) < SUSPICIOUS


def _health(experiment: Experiment, arms: list[Arm], *, is_uneven: bool) -> list[dict[str, str]]:
    found = {
        "sample_ratio": is_uneven,
        "less_than_a_week": experiment.days < MIN_DAYS,
        "too_few_viewers": any(arm.converters < MIN_CONVERTERS for arm in arms),
        "changed_midway": bool(experiment.changes),
        "viewers_in_two_variants": experiment.viewers_in_two_variants > 0,
        "crawlers": experiment.crawlers > 0,
        "skewed": any(arm.is_too_skewed for arm in _money_arms(experiment, arms)),
    }
    details = health_details(experiment.viewers_in_two_variants, experiment.crawlers, experiment.changes)
    return [{"code": code, "detail": details[code]} for code, is_found in found.items() if is_found]


def _money_arms(experiment: Experiment, arms: list[Arm]) -> list[Arm]:
    """Return the arms of which the report says something about money."""
    compared = arms if experiment.goal == REVENUE else []
    return [*compared, experiment.shown.money, experiment.held_out.money] if experiment.holdout_percent else compared
