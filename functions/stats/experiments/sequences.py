"""Intervals that stay true however often one looks. Pure arithmetic, no database.

An ordinary interval of 95 % is wrong once in 20 looks, so who looks daily and stops at the first clear result is often
wrong. A confidence sequence covers the true difference at all looks together (S. Howard, A. Ramdas, J. McAuliffe,
J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", arXiv 1810.08240; the form with a normal
mixture is GrowthBook's sequential testing).
"""

from __future__ import annotations

from math import isfinite, log, sqrt

# The chance that an experiment without a difference names one, over all its looks.
ERROR = 0.05
# A sequence is narrowest at so many viewers of both arms, unless the merchant plans otherwise.
DEFAULT_PLANNED_VIEWERS = 50_000


def error_of_a_pair(arms: int) -> float:
    """Return the error that each comparison with one arm may have, so that all of them together keep to ERROR."""
    return ERROR / max(1, arms - 1)


def widening(viewers: float, planned_viewers: float, error: float) -> float:
    """Return by how many standard errors the sequence reaches to each side.

    `viewers` are those of both arms; the result is smallest, for the number of viewers, near `planned_viewers`.
    """
    tuned = -2 * log(error) + log(1 - 2 * log(error))  # ρ² planned_viewers
    information = viewers * tuned / planned_viewers  # ρ² viewers
    return sqrt(2 * (1 + 1 / information) * log(sqrt(information + 1) / error))


def half_width(standard_error: float, viewers: int, planned_viewers: int, error: float) -> float:
    """Return half the width of the sequence of a difference; infinite while nothing is known."""
    if not viewers or not isfinite(standard_error):
        return float("inf")
    return standard_error * widening(viewers, planned_viewers, error)
