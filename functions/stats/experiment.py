"""Bayesian comparison of a popup's variants. Pure arithmetic, no database.

Every variant's rate has a Beta posterior, from a uniform prior: Beta(1 + conversions, 1 + viewers - conversions). The
probability to be best and the expected loss are integrals over those posteriors (C. Stucchio, "Bayesian A/B Testing at
VWO", 2015), computed on one grid for up to eleven variants: deterministic, unlike sampling.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import exp, lgamma, log, prod, sqrt

# Grid points in each posterior's own range, and that range in standard deviations to each side of its mean.
GRID_POINTS = 400
GRID_DEVIATIONS = 8
# The outermost points: a rate of 1e-9, and 1 minus that.
LARGEST_LOG_ODDS = 20.7
INTERVAL = 0.95
# The leader may be chosen once its expected loss is at most a hundredth of its rate.
TOLERATED_LOSS = 0.01
# With fewer viewers, even a verdict that looks certain rests on a handful of people.
MIN_VIEWERS = 100


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant's data: its viewers, and how many of them converted."""

    viewers: int
    conversions: int

    @property
    def mean(self) -> float:
        """The posterior's mean."""
        return (self.conversions + 1) / (self.viewers + 2)

    @property
    def deviation(self) -> float:
        return sqrt(self.mean * (1 - self.mean) / (self.viewers + 3))

    def log_density(self, rate: float) -> float:
        alpha, beta = self.conversions + 1, self.viewers - self.conversions + 1
        normalization = lgamma(alpha + beta) - lgamma(alpha) - lgamma(beta)
        return normalization + (alpha - 1) * log(rate) + (beta - 1) * log(1 - rate)


@dataclass(frozen=True, slots=True)
class Estimate:
    """An arm's posterior: credible_interval is of 95 %; expected_loss is the rate lost by choosing this arm."""

    rate: float
    credible_interval: tuple[float, float]
    chance_to_be_best: float
    expected_loss: float


def estimate(arms: list[Arm]) -> list[Estimate]:
    """Return an estimate for each arm, in their order."""
    grid = _grid(arms)
    densities = [[exp(arm.log_density(rate)) for rate in grid] for arm in arms]
    cumulated = [_cumulated(grid, density) for density in densities]
    expected_best = grid[-1] - _integral(grid, [prod(column) for column in zip(*cumulated, strict=True)])
    return [
        Estimate(
            rate=arm.conversions / arm.viewers if arm.viewers else 0.0,
            credible_interval=_credible_interval(arm, grid, cumulated[index]),
            chance_to_be_best=_chance_to_be_best(grid, densities[index], cumulated[:index] + cumulated[index + 1 :]),
            expected_loss=max(0.0, expected_best - arm.mean),
        )
        for index, arm in enumerate(arms)
    ]


def verdict(arms: list[Arm], estimates: list[Estimate]) -> tuple[bool, str]:
    """Return whether to stop the experiment, and the reason."""
    if len(arms) < 2:
        return False, "There is nothing to compare: the popup has fewer than two variants."
    if min(arm.viewers for arm in arms) < MIN_VIEWERS:
        return False, f"Every variant needs {MIN_VIEWERS} viewers at least."
    leader = min(range(len(arms)), key=lambda index: estimates[index].expected_loss)
    if estimates[leader].expected_loss > TOLERATED_LOSS * arms[leader].mean:
        return False, "Choosing the leader now could still cost more than a hundredth of its rate."
    return True, "Choosing the leader costs less than a hundredth of its rate, in expectation."


def _grid(arms: list[Arm]) -> list[float]:
    """Return rates in (0, 1): dense around each posterior, and evenly spaced in log odds for the tails between."""
    steps = [step / GRID_POINTS for step in range(GRID_POINTS + 1)]
    points = {1 / (1 + exp(LARGEST_LOG_ODDS * (1 - 2 * step))) for step in steps}
    for arm in arms:
        low = max(min(points), arm.mean - GRID_DEVIATIONS * arm.deviation)
        high = min(max(points), arm.mean + GRID_DEVIATIONS * arm.deviation)
        points |= {low + (high - low) * step for step in steps}
    return sorted(points)


def _cumulated(grid: list[float], density: list[float]) -> list[float]:
    """Return the cumulative distribution at each point of the grid, scaled to end at 1."""
    areas = [
        (right - left) * (at_left + at_right) / 2
        for (left, right), (at_left, at_right) in zip(pairwise(grid), pairwise(density), strict=True)
    ]
    sums = list(accumulate(areas, initial=0.0))
    return [value / sums[-1] for value in sums]


def _integral(grid: list[float], values: list[float]) -> float:
    return sum(
        (right - left) * (at_left + at_right) / 2
        for (left, right), (at_left, at_right) in zip(pairwise(grid), pairwise(values), strict=True)
    )


def _chance_to_be_best(grid: list[float], density: list[float], others: list[list[float]]) -> float:
    """Return the probability that this arm's rate is above all others'."""
    below = [prod(column) for column in zip(*others, strict=True)] if others else [1.0] * len(grid)
    weighted = [value * weight for value, weight in zip(density, below, strict=True)]
    return min(1.0, _integral(grid, weighted) / _integral(grid, density))


def _credible_interval(arm: Arm, grid: list[float], cumulated: list[float]) -> tuple[float, float]:
    """Return the equal-tailed interval; one-sided for an observed rate of 0 or 1, so that it includes the rate.

    (L. Brown, T. Cai, A. DasGupta, "Interval Estimation for a Binomial Proportion", 2001, section 4.1.1)
    """
    if arm.conversions == 0:
        return 0.0, _quantile(grid, cumulated, INTERVAL)
    if arm.conversions == arm.viewers:
        return _quantile(grid, cumulated, 1 - INTERVAL), 1.0
    return _quantile(grid, cumulated, (1 - INTERVAL) / 2), _quantile(grid, cumulated, (1 + INTERVAL) / 2)


def _quantile(grid: list[float], cumulated: list[float], probability: float) -> float:
    index = max(1, bisect_left(cumulated, probability))
    left, right = cumulated[index - 1], cumulated[index]
    share = (probability - left) / (right - left) if right > left else 0.0
    return grid[index - 1] + share * (grid[index] - grid[index - 1])
