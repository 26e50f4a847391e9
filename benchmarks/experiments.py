"""Measure how often the verdict is right: python -m benchmarks.experiments [--runs N] [--save].

A shop looks every day for 28 days and stops when it is told to. `judged` does to all runs at once what
functions/stats/experiments/verdicts.py does to one; tests/functions/test_experiment_simulation.py compares the two.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from functions.stats.experiments import verdicts
from functions.stats.experiments.sequences import DEFAULT_PLANNED_VIEWERS, error_of_a_pair, widening

Numbers = npt.NDArray[np.float64]

SEED = 17
DAYS = 28
RESULTS = Path(__file__).with_name("results") / "experiments.md"
MEAN_ORDER = 50.0
# Runs whose orders are drawn together: 20 000 viewers a day at 3 % are 17 000 orders a run.
RUNS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Case:
    """An experiment to repeat: the last arm's rate is `lift` above that of the others, which are alike.

    `sigma` of the orders' lognormal amounts where money is compared; `cap` is the amount above which they are cut.
    """

    arms: int
    rate: float
    viewers_per_day: int
    lift: float
    sigma: float | None = None
    cap: float = np.inf
    planned_viewers: int = DEFAULT_PLANNED_VIEWERS

    @property
    def viewers(self) -> npt.NDArray[np.int64]:
        """The viewers of each arm at each look."""
        return np.arange(1, DAYS + 1) * (self.viewers_per_day // self.arms)


@dataclass(frozen=True, slots=True)
class Sums:
    """Converters, Σy and Σy² by run, look and arm."""

    converters: Numbers
    total: Numbers
    squares: Numbers


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How each run ended, at the look at which it stopped or else the last one.

    `winner` is -1 without one; `covered` says whether the sequences of all differences from the first arm held then.
    """

    look: npt.NDArray[np.int64]
    verdict: npt.NDArray[np.str_]
    winner: npt.NDArray[np.int64]
    covered: npt.NDArray[np.bool_]


def simulated(case: Case, runs: int, seed: int = SEED) -> Outcomes:
    drawer = np.random.default_rng(seed)
    return judged(case, drawn(case, runs, drawer), true_means(case))


def drawn(case: Case, runs: int, drawer: np.random.Generator) -> Sums:
    rates = np.full(case.arms, case.rate)
    rates[-1] *= 1 + case.lift
    daily = drawer.binomial(case.viewers_per_day // case.arms, rates, (runs, DAYS, case.arms))
    converters = daily.cumsum(axis=1).astype(float)
    if case.sigma is None:
        return Sums(converters, converters, converters)
    total, squares = np.zeros(daily.shape), np.zeros(daily.shape)
    for start in range(0, runs, RUNS_AT_ONCE):
        some = daily[start : start + RUNS_AT_ONCE]
        orders = np.minimum(case.cap, drawer.lognormal(_location(case.sigma), case.sigma, int(some.sum())))
        ends = some.ravel().cumsum()
        for sums, values in ((total, orders), (squares, orders**2)):
            until = np.concatenate([[0.0], values.cumsum()])[ends]
            sums[start : start + RUNS_AT_ONCE] = np.diff(until, prepend=0.0).reshape(some.shape)
    return Sums(converters, total.cumsum(axis=1), squares.cumsum(axis=1))


def true_means(case: Case) -> Numbers:
    means = np.full(case.arms, case.rate)
    means[-1] *= 1 + case.lift
    return means * (1.0 if case.sigma is None else _mean_order(case))


def judged(case: Case, sums: Sums, truth: Numbers) -> Outcomes:
    """Stop each run at the first look at which the verdict says so."""
    viewers = case.viewers[None, :, None]
    mean = sums.total / viewers
    variance = (sums.squares - sums.total * mean) / (viewers - 1)
    error = error_of_a_pair(case.arms)
    widths = np.array([widening(2 * each, case.planned_viewers, error) for each in case.viewers])
    difference = mean[..., :, None] - mean[..., None, :]
    half = np.sqrt((variance[..., :, None] + variance[..., None, :]) / viewers[..., None]) * widths[:, None, None]
    low, high = difference - half, difference + half

    is_own = np.eye(case.arms, dtype=bool)
    wins = ((low > 0) | is_own).all(axis=3)
    is_winner = wins.any(axis=2)
    same = verdicts.SAME_LIFT * mean[..., :1]
    is_same = ((low[..., 0] > -same) & (high[..., 0] < same))[..., 1:].all(axis=2)
    is_over = np.broadcast_to(2 * case.viewers >= verdicts.MAX_PLANS * case.planned_viewers, is_same.shape)
    is_collected = (sums.converters.min(axis=2) >= verdicts.MIN_CONVERTERS) & (
        np.arange(1, DAYS + 1) >= verdicts.MIN_DAYS
    )
    verdict = np.select(
        [~is_collected, is_winner, is_same, is_over],
        [verdicts.COLLECTING, verdicts.WINNER, verdicts.NO_DIFFERENCE, verdicts.UNDECIDED],
        verdicts.KEEP_RUNNING,
    )
    stops = np.isin(verdict, verdicts.STOPPING)
    look = np.where(stops.any(axis=1), stops.argmax(axis=1), DAYS - 1)
    run = np.arange(len(look))
    true_difference = truth - truth[0]
    covers = ((low[..., 0] <= true_difference) & (true_difference <= high[..., 0]))[..., 1:].all(axis=2)
    at_stop = verdict[run, look]
    winner = np.where(at_stop == verdicts.WINNER, wins[run, look].argmax(axis=1), -1)
    return Outcomes(look, at_stop, winner, covers[run, look])


def _location(sigma: float) -> float:
    """Return the lognormal's μ at which an order's mean is MEAN_ORDER."""
    return float(np.log(MEAN_ORDER) - sigma**2 / 2)


def _mean_order(case: Case) -> float:
    """Return the mean of an order, cut at the cap."""
    if np.isinf(case.cap):
        return MEAN_ORDER
    assert case.sigma is not None
    orders = np.random.default_rng(SEED).lognormal(_location(case.sigma), case.sigma, 4_000_000)
    return float(np.minimum(case.cap, orders).mean())


def p99(sigma: float) -> float:
    return float(np.exp(_location(sigma) + 2.3263 * sigma))


HEADINGS = (
    "arms", "rate", "viewers a day", "lift", "right winner", "wrong winner", "no difference", "undecided",
    "still running", "median days", "intervals hold",
)  # fmt: skip


def row(case: Case, outcomes: Outcomes) -> dict[str, Any]:
    """Return the shares of the runs that ended in each way."""
    better = case.arms - 1 if case.lift else None
    named = outcomes.winner >= 0
    right = named & (outcomes.winner == better) if better is not None else np.zeros_like(named)
    return {
        "arms": case.arms,
        "rate": f"{case.rate:.0%}",
        "viewers a day": f"{case.viewers_per_day:,}",
        "lift": f"{case.lift:+.0%}" if case.lift else "none",
        "right winner": _share(right) if case.lift else "",
        "wrong winner": _share(named & ~right),
        "no difference": _share(outcomes.verdict == verdicts.NO_DIFFERENCE),
        "undecided": _share(outcomes.verdict == verdicts.UNDECIDED),
        "still running": _share(~np.isin(outcomes.verdict, verdicts.STOPPING)),
        "median days": int(np.median(outcomes.look + 1)),
        "intervals hold": _share(outcomes.covered),
    }


def cases() -> Iterator[Case]:
    for lift in (0.0, 0.1, 0.2):
        for arms in (2, 3, 5):
            for rate in (0.01, 0.03, 0.1):
                for viewers_per_day in (200, 2_000, 20_000):
                    yield Case(arms, rate, viewers_per_day, lift)


def money_cases() -> Iterator[Case]:
    for lift in (0.0, 0.1):
        for sigma in (0.8, 1.2, 1.6):
            for viewers_per_day in (2_000, 20_000):
                plain = Case(2, 0.03, viewers_per_day, lift, sigma)
                yield plain
                yield replace(plain, cap=p99(sigma))


def _share(of_runs: npt.NDArray[np.bool_]) -> str:
    return f"{of_runs.mean():.1%}"


def table(headings: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *(tuple(str(row[name]) for name in headings) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments", description="Simulate experiments.")
    parser.add_argument("--runs", type=int, default=2000, metavar="N", help="of each case (2000)")
    parser.add_argument("--save", action="store_true", help=f"also write benchmarks/results/{RESULTS.name}")
    options = parser.parse_args()
    people = [row(case, simulated(case, options.runs)) for case in cases()]
    money = [
        {"sigma": case.sigma, "cap": "none" if np.isinf(case.cap) else "p99"} | row(case, simulated(case, options.runs))
        for case in money_cases()
    ]
    text = (
        f"# How often the verdict is right, for a shop that looks every day for {DAYS} days\n\n"
        f"`python -m benchmarks.experiments --runs {options.runs} --save`, seed {SEED}\n\n"
        f"{options.runs} runs a line, {DEFAULT_PLANNED_VIEWERS:,} planned viewers. *Wrong winner*: an arm is "
        "named that is no better. *Intervals hold*: those against the first arm hold the truth when the shop stops.\n\n"
        f"{table(HEADINGS, people)}\n\n## Revenue per viewer, orders lognormal with this sigma\n\n"
        f"{table(('sigma', 'cap', *HEADINGS), money)}\n"
    )
    print(text)
    if options.save:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()
