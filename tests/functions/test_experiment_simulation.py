"""The verdict in simulated shops that look every day, seeded: benchmarks/experiments.py with fewer runs."""

import numpy as np
import pytest

from benchmarks.experiments import DAYS, Case, drawn, judged, simulated, true_means
from functions.stats.experiments.arms import Arm
from functions.stats.experiments.plan import viewers_per_variant
from functions.stats.experiments.verdicts import judge

RUNS = 1000


@pytest.mark.parametrize("arms", [2, 3, 5])
@pytest.mark.parametrize("rate", [0.01, 0.03, 0.1], ids=lambda rate: f"{rate:.0%}")
@pytest.mark.parametrize("viewers_per_day", [200, 2_000, 20_000])
def test_of_equal_arms_one_is_named_in_fewer_than_15_of_1000_experiments(
    arms: int, rate: float, viewers_per_day: int
) -> None:
    outcomes = simulated(Case(arms, rate, viewers_per_day, lift=0.0), RUNS)
    assert (outcomes.winner >= 0).mean() < 0.015


@pytest.mark.parametrize("sigma", [0.8, 1.2, 1.6])
def test_of_equal_money_an_arm_is_named_at_most_once_in_20(sigma: float) -> None:
    outcomes = simulated(Case(2, 0.03, 2_000, lift=0.0, sigma=sigma), RUNS)
    assert (outcomes.winner >= 0).mean() <= 0.05
    assert outcomes.covered.mean() >= 0.95


@pytest.mark.parametrize("lift", [0.0, 0.1, 0.2], ids=str)
def test_intervals_hold_when_the_shop_stops(lift: float) -> None:
    for arms in (2, 5):
        assert simulated(Case(arms, 0.03, 5_000, lift), RUNS).covered.mean() >= 0.95


@pytest.mark.parametrize(("arms", "rate", "lift"), [(2, 0.03, 0.2), (2, 0.1, 0.1), (3, 0.05, 0.3)], ids=str)
def test_with_the_planned_viewers_the_better_arm_is_named_four_times_in_five(
    arms: int, rate: float, lift: float
) -> None:
    each = viewers_per_variant(rate, lift, arms)
    case = Case(arms, rate, arms * (each // DAYS), lift, planned_viewers=max(50_000, 2 * each))
    assert (simulated(case, RUNS).winner == arms - 1).mean() == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize("sigma", [None, 1.2], ids=["people", "money"])
def test_the_simulation_judges_as_the_verdict_does(sigma: float | None) -> None:
    for case in (Case(2, 0.1, 8_000, 0.1, sigma), Case(3, 0.1, 20_000, 0.1, sigma), Case(3, 0.01, 2_000, 0, sigma)):
        sums = drawn(case, 20, np.random.default_rng(3))
        outcomes = judged(case, sums, true_means(case))
        for run in range(20):
            look = outcomes.look[run]
            arms = [
                Arm(
                    int(case.viewers[look]),
                    int(sums.converters[run, look, arm]),
                    sums.total[run, look, arm],
                    sums.squares[run, look, arm],
                    0.0,
                )
                for arm in range(case.arms)
            ]
            finding = judge(arms, look + 1, case.planned_viewers)
            assert finding.verdict == outcomes.verdict[run]
            assert (-1 if finding.best is None else finding.best) == outcomes.winner[run]
