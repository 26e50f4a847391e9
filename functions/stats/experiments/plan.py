"""How many viewers an experiment needs. Pure arithmetic, no database.

The verdict's power has no closed form, because it may be reached at any look. benchmarks/experiment_plan.py simulates
it and writes viewers_needed.json: the signal (the difference in standard errors once all viewers have come) with which
80 % of the experiments name the better arm, by the number of arms and by viewers needed over viewers planned.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from math import ceil, exp, log
from pathlib import Path
from typing import Any

from functions.stats.experiments.sequences import DEFAULT_PLANNED_VIEWERS
from functions.stats.experiments.verdicts import MIN_CONVERTERS, MIN_DAYS

TABLE = Path(__file__).with_name("viewers_needed.json")
# What a verdict is planned to find, unless the merchant asks for another lift.
DEFAULT_LIFT = 0.1
# A popup has no more; the table ends there.
MAX_VARIANTS = 10
# The largest rate that such a lift leaves below 1.
MAX_RATE = 1 / (1 + DEFAULT_LIFT)


def viewers_per_variant(rate: float, lift: float, variants: int, planned_viewers: int | None = None) -> int:
    """Return how many viewers each of the variants needs for 80 % power.

    One variant converts `rate` x (1 + `lift`), below 1, the others `rate`. `planned_viewers` are those of two variants
    that the experiment is tuned to; None means the default, or as many as are needed if those are more.
    """
    better = rate * (1 + lift)
    spread = (rate * (1 - rate) + better * (1 - better)) / (better - rate) ** 2
    if planned_viewers is not None:
        needed = _viewers_for(spread, planned_viewers / 2, variants)
    elif (needed := _viewers_for(spread, DEFAULT_PLANNED_VIEWERS / 2, variants)) > DEFAULT_PLANNED_VIEWERS / 2:
        table = _table()
        needed = table["signals"][str(variants)][table["ratios"].index(1.0)] ** 2 * spread
    return max(ceil(needed), ceil(MIN_CONVERTERS / min(rate, better)))


def _viewers_for(spread: float, planned: float, variants: int) -> float:
    """Return the viewers of an arm at which the signal, √(viewers / spread), is the one needed for so many viewers."""
    table = _table()
    points = [
        (log(ratio * planned), log(signal**2 * spread))
        for ratio, signal in zip(table["ratios"], table["signals"][str(variants)], strict=True)
    ]
    for (low, needed_at_low), (high, needed_at_high) in pairwise(points):
        if needed_at_high <= high:
            slope = (needed_at_high - needed_at_low) / (high - low)
            return exp((needed_at_low - slope * low) / (1 - slope))
    return exp(points[-1][1])


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(TABLE.read_text())
    return table


def plan(rate: float, lift: float, viewers_per_day: int, variants: int) -> dict[str, int]:
    """Return how many viewers an experiment needs for 80 % power, and in how many days they come; a week at least."""
    each = viewers_per_variant(rate, lift, variants)
    return {
        "viewers_per_variant": each,
        "viewers": each * variants,
        "days": max(MIN_DAYS, ceil(each * variants / viewers_per_day)),
    }
