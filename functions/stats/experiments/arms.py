"""What is known of an arm, as running sums over its viewers. Pure arithmetic, no database."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, inf, sqrt

# A mean of n values is near enough to normal from 355 skew² values on (R. Kohavi et al., "Seven Rules of Thumb for Web
# Site Experimenters", KDD 2014, rule 7).
VIEWERS_PER_SQUARED_SKEW = 355


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm's viewers, those of them who did it, and Σy, Σy² and Σy³ over all viewers.

    y is 1 for who did it and else 0 or, where money is compared, what the viewer paid.
    """

    viewers: int
    converters: int
    total: float
    squares: float
    cubes: float

    @property
    def mean(self) -> float:
        """The rate, or the money a viewer; 0 without viewers."""
        return self.total / self.viewers if self.viewers else 0.0

    @property
    def variance(self) -> float:
        """The sample variance of y; infinite of fewer than two viewers."""
        if self.viewers < 2:
            return inf
        return max(0.0, self.squares - self.total * self.mean) / (self.viewers - 1)

    @property
    def error(self) -> float:
        """The standard error of the mean; infinite of fewer than two viewers."""
        return sqrt(self.variance / self.viewers) if self.viewers else inf

    @property
    def skewness(self) -> float:
        """The third standardized moment of y; 0 where all are alike."""
        if not self.viewers:
            return 0.0
        mean, second = self.mean, self.squares / self.viewers
        variance = second - mean**2
        if variance <= 1e-12 * second:
            return 0.0
        third = self.cubes / self.viewers - 3 * mean * second + 2 * mean**3
        return third / (variance * sqrt(variance))

    @property
    def is_too_skewed(self) -> bool:
        """Whether there are too few viewers for intervals of the mean to hold."""
        return self.viewers < VIEWERS_PER_SQUARED_SKEW * self.skewness**2


def arm_of_people(viewers: int, converters: int) -> Arm:
    """Return an arm that is compared by how many of its viewers did it."""
    return Arm(viewers, converters, converters, converters, converters)


def difference_error(arm: Arm, other: Arm) -> float:
    """Return the standard error of the difference of two means, by Welch: variances may differ."""
    return hypot(arm.error, other.error)


def ratio_error(arm: Arm, base: Arm) -> float:
    """Return the standard error of arm.mean / base.mean, by the delta method; base.mean must be above 0."""
    return hypot(arm.error, arm.mean / base.mean * base.error) / base.mean
