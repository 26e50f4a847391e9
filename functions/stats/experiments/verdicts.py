"""When an experiment may stop, and what it found. Pure arithmetic, no database."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from functions.stats.experiments.arms import Arm, difference_error, ratio_error
from functions.stats.experiments.sequences import error_of_a_pair, half_width

COLLECTING = "collecting"
KEEP_RUNNING = "keep_running"
WINNER = "winner"
NO_DIFFERENCE = "no_difference"
UNDECIDED = "undecided"
VERDICTS = (COLLECTING, KEEP_RUNNING, WINNER, NO_DIFFERENCE, UNDECIDED)
STOPPING = (WINNER, NO_DIFFERENCE, UNDECIDED)

# A week has all its days, and shoppers of a Sunday are others than those of a Monday.
MIN_DAYS = 7
# Below, a rate of few people is not near enough to normal for a sequence.
MIN_CONVERTERS = 25
# Arms that are certainly within a tenth of the first are as good as it.
SAME_LIFT = 0.1
# So many times the planned viewers without a result: the difference is too small to be found in this shop.
MAX_PLANS = 2


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and where the true one lies, at all looks together."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Interval:
        """Return the same of `factor` things, which must not be negative."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the arms show; `best` is the winner's index, and the lists are in the order of the arms.

    A lift is relative to the first arm: 0.1 is a tenth more. None for the first itself and while it has no converters.
    """

    verdict: str
    best: int | None
    beats_first: list[bool]
    lifts: list[Interval | None]

    @property
    def may_stop(self) -> bool:
        return self.verdict in STOPPING


def judge(arms: list[Arm], days: float, planned_viewers: int, *, by_money: bool = False) -> Finding:
    """Return what at least two arms show after so many days; the first is the one that others are compared with."""
    lifts = [None, *(_lift(arm, arms[0], len(arms), planned_viewers, by_money) for arm in arms[1:])]
    if days < MIN_DAYS or min(arm.converters for arm in arms) < MIN_CONVERTERS:
        return Finding(COLLECTING, None, [False] * len(arms), lifts)
    differences = [difference(arm, arms[0], len(arms), planned_viewers) for arm in arms[1:]]
    beats_first = [False, *(each.low > 0 for each in differences)]
    leader = max(range(len(arms)), key=lambda index: arms[index].mean)
    others = arms[:leader] + arms[leader + 1 :]
    if all(difference(arms[leader], other, len(arms), planned_viewers).low > 0 for other in others):
        return Finding(WINNER, leader, beats_first, lifts)
    same = SAME_LIFT * arms[0].mean
    if all(-same < each.low and each.high < same for each in differences):
        return Finding(NO_DIFFERENCE, None, beats_first, lifts)
    rival = max(others, key=lambda arm: arm.mean)
    is_over = arms[leader].viewers + rival.viewers >= MAX_PLANS * planned_viewers
    return Finding(UNDECIDED if is_over else KEEP_RUNNING, None, beats_first, lifts)


def difference(arm: Arm, base: Arm, arms: int, planned_viewers: int) -> Interval:
    """Return how far the arm's mean is above the base's, one of so many arms."""
    viewers = arm.viewers + base.viewers
    width = half_width(difference_error(arm, base), viewers, planned_viewers, error_of_a_pair(arms))
    value = arm.mean - base.mean
    return Interval(value, value - width, value + width)


def _lift(arm: Arm, base: Arm, arms: int, planned_viewers: int, by_money: bool) -> Interval | None:
    """Return the lift over the base: of rates the difference as a share of the base's, of money by the delta method.

    So the interval of a rate's lift excludes 0, or lies within a tenth, exactly where the verdict says so.
    """
    if base.mean <= 0:
        return None
    if not by_money:
        return _known(difference(arm, base, arms, planned_viewers).times(1 / base.mean))
    viewers = arm.viewers + base.viewers
    width = half_width(ratio_error(arm, base), viewers, planned_viewers, error_of_a_pair(arms))
    value = arm.mean / base.mean - 1
    return _known(Interval(value, value - width, value + width))


def _known(interval: Interval) -> Interval | None:
    return interval if isfinite(interval.high) else None
