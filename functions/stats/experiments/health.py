"""What may be wrong with an experiment, whatever its verdict. Pure arithmetic, no database."""

from __future__ import annotations

from math import erfc, exp, pi, sqrt

HEALTH_CODES = (
    "sample_ratio", "less_than_a_week", "too_few_viewers", "changed_midway", "viewers_in_two_variants", "crawlers",
    "skewed",
)  # fmt: skip
# Shares that chance alone gives once in a thousand experiments: something sorts the viewers.
SUSPICIOUS = 0.001
# The χ² test needs about so many expected viewers of each arm.
MIN_EXPECTED = 5


def sample_ratio_chance(viewers: list[int], shares: list[float]) -> float:
    """Return how likely arms of such shares differ at least so much from them by chance (Pearson's χ² test).

    The shares add up to 1. 1.0 while there are too few viewers to say.
    """
    total = sum(viewers)
    compared = [(count, total * share) for count, share in zip(viewers, shares, strict=True) if share > 0]
    if len(compared) < 2 or min(expected for _, expected in compared) < MIN_EXPECTED:
        return 1.0
    statistic = sum((count - expected) ** 2 / expected for count, expected in compared)
    return chi_square_tail(statistic, len(compared) - 1)


def chi_square_tail(statistic: float, degrees: int) -> float:
    """Return the probability that χ² with so many degrees of freedom is above the statistic, in closed form."""
    half = statistic / 2
    if degrees % 2:
        tail, term, step = erfc(sqrt(half)), sqrt(half / pi) * exp(-half) * 2, 1.5
    else:
        tail, term, step = exp(-half), half * exp(-half), 2.0
    for _ in range((degrees - 1) // 2):
        tail += term
        term *= half / step
        step += 1
    return min(1.0, tail)
