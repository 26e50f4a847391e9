"""The part of reports that compares with those who were shown nothing."""

from __future__ import annotations

from typing import Any

from common.postgres import Row
from common.shop.events import HOLDOUTS
from functions.stats.experiments.data import Buyers, buyers
from functions.stats.experiments.health import SUSPICIOUS, sample_ratio_chance
from functions.stats.experiments.holdouts import increment
from functions.stats.experiments.sequences import DEFAULT_PLANNED_VIEWERS
from functions.stats.experiments.verdicts import Interval
from functions.stats.experiments.words import UNEVEN

DECIMALS = 2


def holdout_json(
    shown: Buyers, held_out: Buyers, days: float, planned_viewers: int, refused: str | None
) -> dict[str, Any]:
    """Return the comparison, whose increment is None where it is refused."""
    found = None
    if refused is None:
        arms = (shown.people, shown.money), (held_out.people, held_out.money)
        found, refused = increment(*arms, days, planned_viewers)
    return {
        "viewers": held_out.people.viewers,
        "shown_viewers": shown.people.viewers,
        "increment": found and {"conversions": _numbers(found.conversions), "revenue": _amounts(found.revenue)},
        "refused": refused,
    }


def shop_holdout_json(arms: list[Row]) -> dict[str, Any] | None:
    """Return the shop-wide comparison out of SELECT_SHOP_HOLDOUT's rows; None without a holdout."""
    shop = arms[0]
    if not shop["holdout_percent"]:
        return None
    met = [arm for arm in arms if arm["variant_id"] is not None]
    held_out = buyers(arm for arm in met if arm["variant_id"] in HOLDOUTS)
    shown = buyers(arm for arm in met if arm["variant_id"] not in HOLDOUTS)
    share = shop["holdout_percent"] / 100
    chance = sample_ratio_chance([held_out.people.viewers, shown.people.viewers], [share, 1 - share])
    refused = UNEVEN if chance < SUSPICIOUS else None
    return {
        "started_at": shop["started_at"],
        "currency": shop["currency"] or shop["shop_currency"],
        **holdout_json(shown, held_out, shop["days"] or 0.0, DEFAULT_PLANNED_VIEWERS, refused),
    }


def _numbers(interval: Interval) -> dict[str, Any]:
    return {
        "value": round(interval.value, DECIMALS),
        "interval": [round(interval.low, DECIMALS), round(interval.high, DECIMALS)],
    }


def _amounts(interval: Interval) -> dict[str, Any]:
    value, low, high = (f"{amount:.{DECIMALS}f}" for amount in (interval.value, interval.low, interval.high))
    return {"value": value, "interval": [low, high]}
