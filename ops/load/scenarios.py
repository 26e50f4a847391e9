"""The scenarios: how many requests a second arrive at which moment, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

SMALLEST_STEP, STEP_SECONDS, STEP_GROWTH = 100, 20, 1.25


@dataclass(frozen=True)
class Scenario:
    """An arrival rate over time. `rate(t)` gives requests a second, t seconds after the start."""

    name: str
    about: str
    seconds: int
    rate: Callable[[float], float]

    @property
    def title(self) -> str:
        return f"{self.name}: {self.about}"

    def lasting(self, seconds: int | None) -> Scenario:
        """Return the scenario with another length, if one is given, which its description then tells."""
        if seconds is None or seconds == self.seconds:
            return self
        return replace(self, seconds=seconds, about=f"{self.about}; here for {seconds} s")

    def due_times(self) -> Iterator[float]:
        """Yield the seconds at which requests are due, evenly spaced at the rate of their moment."""
        due = 0.0
        while due < self.seconds:
            yield due
            due += 1 / max(1.0, self.rate(due))


def stress_rate(second: float) -> float:
    """Return the rate of `stress`: steps of STEP_SECONDS, each a quarter higher than the one before."""
    return float(round(SMALLEST_STEP * STEP_GROWTH ** int(second / STEP_SECONDS)))


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("normal", "100 requests a second, sustained", 600, lambda _: 100),
        Scenario("peak", "500 requests a second for 5 minutes", 300, lambda _: 500),
        Scenario("spike", "from 0 to 1000 requests a second within a minute", 60, lambda second: 1000 * second / 60),
        Scenario("stress", "a quarter more every 20 seconds, until it breaks", 400, stress_rate),
        Scenario("smoke", "20 requests a second for 5 seconds, to see that everything works", 5, lambda _: 20),
    )
}
