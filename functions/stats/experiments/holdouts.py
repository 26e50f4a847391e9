"""What showing a popup brings, compared with visitors to whom it was not shown. Pure arithmetic, no database."""

from __future__ import annotations

from dataclasses import dataclass

from functions.stats.experiments.arms import Arm
from functions.stats.experiments.verdicts import MIN_DAYS, Interval, difference

# With fewer buyers an increment is a guess with a wide interval, and reads as a fact.
MIN_BUYERS = 200


@dataclass(frozen=True, slots=True)
class Increment:
    """How many buyers, and how much money, the popup has brought that would not have come without it."""

    conversions: Interval
    revenue: Interval


def increment(
    shown: tuple[Arm, Arm], held_out: tuple[Arm, Arm], days: float, planned_viewers: int
) -> tuple[Increment | None, str | None]:
    """Return the increment, or None and the reason why there is none; both arms as buyers and as money."""
    buyers, money = shown
    buyers_without, money_without = held_out
    if days < MIN_DAYS:
        return None, f"The comparison has run for fewer than {MIN_DAYS} whole days."
    if buyers_without.converters < MIN_BUYERS:
        return None, f"Fewer than {MIN_BUYERS} of those who were shown nothing have bought so far."
    more_buyers = difference(buyers, buyers_without, 2, planned_viewers)
    more_money = difference(money, money_without, 2, planned_viewers)
    return Increment(more_buyers.times(buyers.viewers), more_money.times(buyers.viewers)), None
