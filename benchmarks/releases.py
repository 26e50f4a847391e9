"""Compare this tree with the previous release in alternating rounds, on one database with the newest schema."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import requests

from benchmarks.fixed_rate import post, run_at_rate
from benchmarks.load import Target, run_wrk
from benchmarks.report import table
from benchmarks.run import Run
from benchmarks.shop import SHOWN, SPREAD, view_body
from cli.progress import progress
from common.ids import new_id
from tests.support.previous import COMMIT, previous_release
from tests.support.stack import ROOT

STEADY_PER_SECOND = 500
EVENTS_A_REQUEST = 20


@dataclass(frozen=True)
class Tree:
    """A tree's functions, started, and where its code is."""

    folder: Path
    reads: str
    views: str


# What a tree does in a round: more is better, or less is.
Act = Callable[[Tree], float]


def releases(run: Run) -> str:
    """Compare throughput, latency and start with the previous release, both on the newest schema."""
    with previous_release() as release:
        trees = [_start(run, folder) for folder in (release.folder, ROOT)]
        faster, slower = _rates(run), {"p99 ms at 500 views/s": _steady_p99(run), "start, ms": _start_ms(run)}
        acts = faster | slower
        for act in faster.values():
            for tree in trees:
                act(tree)  # warm
        rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in acts}
        with progress([name for _ in range(run.rounds) for name in acts], "Measuring") as measured:
            for name in measured:
                before, now = (acts[name](tree) for tree in trees)
                rounds[name].append((before, now))
    about = f"Medians of {run.rounds} alternating rounds of {run.seconds} s. Of milliseconds a ratio below 1 is better."
    columns = ("", f"previous ({COMMIT[:7]})", "now", "ratio", "lowest to highest")
    return f"{about}\n\n" + table(columns, [_row(name, pairs) for name, pairs in rounds.items()])


def _start(run: Run, folder: Path) -> Tree:
    reads, views = (run.bench.start_in(folder, name).url for name in ("get_active_popups", "track_view"))
    return Tree(folder, f"{reads}/?shop_id={SHOWN}", views)


def _rates(run: Run) -> dict[str, Act]:
    """Return what is counted a second: requests, or events of lists."""
    hot, spread = run.shops[SHOWN].popup_ids[:1], run.shops[SPREAD].popup_ids
    return {
        "reads/s": lambda tree: _per_second(run, Target("reads", tree.reads)),
        "304s/s": lambda tree: _per_second(run, Target("304s", tree.reads, headers=_known(tree))),
        "views/s, one hot popup": partial(_views_per_second, run, hot, 1),
        "views/s, 100 popups": partial(_views_per_second, run, spread, 1),
        f"views/s in lists of {EVENTS_A_REQUEST}, one hot popup": partial(
            _views_per_second, run, hot, EVENTS_A_REQUEST
        ),
        f"views/s in lists of {EVENTS_A_REQUEST}, 100 popups": partial(
            _views_per_second, run, spread, EVENTS_A_REQUEST
        ),
    }


def _known(tree: Tree) -> dict[str, str]:
    return {"If-None-Match": requests.get(tree.reads, timeout=10).headers["ETag"]}


def _views_per_second(run: Run, popup_ids: list[str], events: int, tree: Tree) -> float:
    return events * _per_second(run, Target("views", tree.views, "views", events, popup_ids))


def _per_second(run: Run, target: Target) -> float:
    measured = run_wrk(target, run.seconds)
    assert not measured.errors, f"{measured.errors} errors of {target.name} at {target.url}"
    return measured.requests_per_second


def _steady_p99(run: Run) -> Act:
    popup_id = run.shops[SHOWN].popup_ids[0]

    def send(tree: Tree) -> float:
        bodies = [view_body(popup_id, str(new_id())) for _ in range(STEADY_PER_SECOND * run.seconds)]
        return run_at_rate([post(tree.views, body) for body in bodies], STEADY_PER_SECOND).p99_ms

    return send


def _start_ms(run: Run) -> Act:
    def start(tree: Tree) -> float:
        started = time.perf_counter()
        server = run.bench.start_in(tree.folder, "get_active_popups")
        requests.get(f"{server.url}/?shop_id={SHOWN}", timeout=10).raise_for_status()
        took = time.perf_counter() - started
        server.child.stop()
        return 1000 * took

    return start


def _row(name: str, pairs: list[tuple[float, float]]) -> tuple[str, ...]:
    before, now = zip(*pairs, strict=True)
    ratios = [mine / theirs for theirs, mine in pairs]
    places = 1 if "ms" in name else 0
    return (
        name,
        f"{median(before):,.{places}f}",
        f"{median(now):,.{places}f}",
        f"{median(ratios):.2f}",
        f"{min(ratios):.2f} to {max(ratios):.2f}",
    )
