"""Write the table by which `stats` plans experiments: python -m benchmarks.experiment_plan.

The verdict looks at a random walk: the difference of two arms in standard errors of one viewer each. How soon it finds
a difference depends only on the arms, on the signal, and on how far the planned viewers are from those needed. So one
simulation for each number of arms and each such ratio serves every rate, lift and shop.
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt

from functions.stats.experiments.plan import MAX_VARIANTS, TABLE
from functions.stats.experiments.sequences import error_of_a_pair, widening

POWER = 0.8
LOOKS = 28
BATCHES = 6
RUNS = 40_000  # of each batch, which fits into 100 MB
SEED = 17
# Viewers needed over planned viewers, both of two arms.
RATIOS = [2.0**step for step in range(-8, 17)]


def main() -> None:
    TABLE.write_text(json.dumps(table(), indent=1) + "\n")


def table() -> dict[str, object]:
    return {
        "ratios": RATIOS,
        "signals": {str(arms): needed_signals(arms) for arms in range(2, MAX_VARIANTS + 1)},
    }


def needed_signals(arms: int) -> list[float]:
    """Return for each ratio the signal with which POWER of the runs end, in standard errors at the last look.

    One arm is better than all others, which are alike. A run ends at the first look at which the better arm's sequence
    against every other arm is above 0.
    """
    drawer = np.random.default_rng(SEED)
    batches = [least_signals(drawer, arms) for _ in range(BATCHES)]
    return [round(float(each), 3) for each in np.quantile(np.concatenate(batches, axis=1), POWER, axis=1)]


def least_signals(drawer: np.random.Generator, arms: int) -> npt.NDArray[np.float64]:
    """Return for each ratio and run the least signal with which that run ends at one of the looks."""
    looks = np.arange(1, LOOKS + 1) / LOOKS
    walks = drawer.standard_normal((RUNS, LOOKS, arms), dtype=np.float32).cumsum(axis=1) / np.sqrt(LOOKS)
    against = ((walks[:, :, 1:] - walks[:, :, :1]) / np.sqrt(2)).max(axis=2)
    error = error_of_a_pair(arms)
    boundaries = [[widening(look * ratio, 1.0, error) * np.sqrt(look) for look in looks] for ratio in RATIOS]
    return np.array([((np.array(boundary) + against) / looks).min(axis=1) for boundary in boundaries])


if __name__ == "__main__":
    main()
