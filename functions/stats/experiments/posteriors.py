"""Bayesian notes beside the verdict, which they do not decide. Pure arithmetic, no database.

Every rate has a Beta posterior, from a uniform prior: Beta(1 + converters, 1 + viewers - converters). The mean of money
has a normal one. The probability to be best and the expected loss are integrals over those posteriors (C. Stucchio,
"Bayesian A/B Testing at VWO", 2015), computed on one grid for up to eleven variants: deterministic, unlike sampling.
Who stops by them while looking daily is often wrong (docs/experiments.md), so they are shown and stop nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import exp, lgamma, log, prod, sqrt
from typing import Protocol

from functions.stats.experiments.arms import Arm

# Grid points in each posterior's own range, and that range in standard deviations to each side of its mean.
GRID_POINTS = 400
GRID_DEVIATIONS = 8
# The outermost points of rates: 1e-9, and 1 minus that.
LARGEST_LOG_ODDS = 20.7
INTERVAL = 0.95


class Posterior(Protocol):
    """What the data of an arm say of its mean."""

    @property
    def mean(self) -> float: ...

    @property
    def deviation(self) -> float: ...

    @property
    def extreme(self) -> float | None:
        """The least or largest possible mean, if that is what was observed."""

    def log_density(self, value: float) -> float:
        """Return it up to a constant, the largest neither far above 0 nor far below."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The Beta posterior of a rate."""

    viewers: int
    converters: int

    @property
    def mean(self) -> float:
        return (self.converters + 1) / (self.viewers + 2)

    @property
    def deviation(self) -> float:
        return sqrt(self.mean * (1 - self.mean) / (self.viewers + 3))

    @property
    def extreme(self) -> float | None:
        if self.converters == 0:
            return 0.0
        return 1.0 if self.converters == self.viewers else None

    def log_density(self, value: float) -> float:
        alpha, beta = self.converters + 1, self.viewers - self.converters + 1
        normalization = lgamma(alpha + beta) - lgamma(alpha) - lgamma(beta)
        return normalization + (alpha - 1) * log(value) + (beta - 1) * log(1 - value)


@dataclass(frozen=True, slots=True)
class Money:
    """The normal posterior of money a viewer."""

    mean: float
    deviation: float

    @property
    def extreme(self) -> None:
        return None

    def log_density(self, value: float) -> float:
        return -(((value - self.mean) / self.deviation) ** 2) / 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """An arm's posterior: credible_interval is of 95 %; expected_loss is what choosing this arm costs a viewer."""

    credible_interval: tuple[float, float]
    chance_to_be_best: float
    expected_loss: float


def estimate(arms: list[Arm], *, by_money: bool) -> list[Estimate] | None:
    """Return an estimate for each arm, in their order; None where money of an arm is not known yet."""
    if not by_money:
        return estimate_posteriors([Rate(arm.viewers, arm.converters) for arm in arms])
    if any(arm.viewers < 2 or not arm.variance for arm in arms):
        return None
    return estimate_posteriors([Money(arm.mean, arm.error) for arm in arms])


def estimate_posteriors(posteriors: Sequence[Posterior]) -> list[Estimate]:
    """Return an estimate for each posterior, in their order; all are of the same kind."""
    grid = _grid(posteriors)
    densities = [[exp(each.log_density(value)) for value in grid] for each in posteriors]
    cumulated = [_cumulated(grid, density) for density in densities]
    expected_best = grid[-1] - _integral(grid, [prod(column) for column in zip(*cumulated, strict=True)])
    return [
        Estimate(
            credible_interval=_credible_interval(each, grid, cumulated[index]),
            chance_to_be_best=_chance_to_be_best(grid, densities[index], cumulated[:index] + cumulated[index + 1 :]),
            expected_loss=max(0.0, expected_best - each.mean),
        )
        for index, each in enumerate(posteriors)
    ]


def _grid(posteriors: Sequence[Posterior]) -> list[float]:
    """Return points that are dense around each posterior; of rates also evenly spaced in log odds, for the tails."""
    steps = [step / GRID_POINTS for step in range(GRID_POINTS + 1)]
    points: set[float] = set()
    lowest, highest = float("-inf"), float("inf")
    if any(isinstance(each, Rate) for each in posteriors):
        points = {1 / (1 + exp(LARGEST_LOG_ODDS * (1 - 2 * step))) for step in steps}
        lowest, highest = min(points), max(points)
    for each in posteriors:
        low = max(lowest, each.mean - GRID_DEVIATIONS * each.deviation)
        high = min(highest, each.mean + GRID_DEVIATIONS * each.deviation)
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


def _credible_interval(posterior: Posterior, grid: list[float], cumulated: list[float]) -> tuple[float, float]:
    """Return the equal-tailed interval; one-sided for an observed rate of 0 or 1, so that it includes the rate.

    (L. Brown, T. Cai, A. DasGupta, "Interval Estimation for a Binomial Proportion", 2001, section 4.1.1)
    """
    if posterior.extreme == 0:
        return 0.0, _quantile(grid, cumulated, INTERVAL)
    if posterior.extreme == 1:
        return _quantile(grid, cumulated, 1 - INTERVAL), 1.0
    return _quantile(grid, cumulated, (1 - INTERVAL) / 2), _quantile(grid, cumulated, (1 + INTERVAL) / 2)


def _quantile(grid: list[float], cumulated: list[float], probability: float) -> float:
    index = max(1, bisect_left(cumulated, probability))
    left, right = cumulated[index - 1], cumulated[index]
    share = (probability - left) / (right - left) if right > left else 0.0
    return grid[index - 1] + share * (grid[index] - grid[index - 1])
