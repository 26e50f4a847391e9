"""Measure how throughput grows with instances on one database, and whether a long run stays flat."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from benchmarks.fixed_rate import post, run_at_rate
from benchmarks.load import CONNECTIONS, Round, Target, run_wrk
from benchmarks.processes import cpu_seconds
from benchmarks.report import table
from benchmarks.run import Run
from benchmarks.servers import Server
from benchmarks.shop import SHOWN, SPREAD, view_body
from cli.progress import progress
from common.ids import new_id

INSTANCES = (1, 2, 4)
EVENTS_A_REQUEST = 20
WARM_UP_SECONDS = 2
SECONDS_FOR_WINDOW = 20

SELECT_CONNECTIONS = "SELECT sum(numbackends)::int AS connections FROM pg_stat_database"


def scale(run: Run) -> str:
    """Measure the views per second of INSTANCES of track_view on one database, and the CPU time of both sides."""
    measured: dict[int, list[tuple[float, float, float]]] = {count: [] for count in INSTANCES}
    with progress(range(run.rounds), "Rounds") as rounds:
        for _ in rounds:
            for count in INSTANCES:
                measured[count].append(_at_once(run, count))
    alone = [views for views, _, _ in measured[1]]
    rows = []
    for count, own in measured.items():
        views, functions, postgres = (sorted(values)[len(own) // 2] for values in zip(*own, strict=True))
        ratio = sorted(mine[0] / one for mine, one in zip(own, alone, strict=True))[len(own) // 2]
        rows.append((count, f"{views:,.0f}", f"{ratio:.2f}", f"{functions:.2f}", f"{postgres:.2f}"))
    columns = ("instances", "views/s", "of one instance", "CPU s of functions", "CPU s of Postgres")
    about = f"Medians of {run.rounds} rounds of {run.seconds} s, instances on one core; CPU for 10 000 views."
    return f"{about}\n\n" + table(columns, rows)


def _at_once(run: Run, count: int) -> tuple[float, float, float]:
    """Return views a second at `count` instances, and CPU seconds of functions and Postgres for 10 000 views."""
    instances = [run.bench.start("track_view") for _ in range(count)]
    try:
        pids = [instance.child.pid for instance in instances]
        _send(run, instances, WARM_UP_SECONDS)
        before = cpu_seconds(*pids), cpu_seconds(run.bench.postgres.pid)
        rounds = _send(run, instances, run.seconds)
        after = cpu_seconds(*pids), cpu_seconds(run.bench.postgres.pid)
    finally:
        for instance in instances:
            instance.child.stop()
    views = EVENTS_A_REQUEST * sum(each.answered for each in rounds)
    functions, postgres = ((end - start) / views * 10_000 for start, end in zip(before, after, strict=True))
    return EVENTS_A_REQUEST * sum(each.requests_per_second for each in rounds), functions, postgres


def _send(run: Run, instances: Sequence[Server], seconds: int) -> list[Round]:
    popup_ids = run.shops[SPREAD].popup_ids
    targets = [Target("track_view", instance.url, "views", EVENTS_A_REQUEST, popup_ids) for instance in instances]
    with ThreadPoolExecutor(len(targets)) as senders:
        send = partial(run_wrk, seconds=seconds, connections=CONNECTIONS // len(targets))
        return list(senders.map(send, targets))


def soak(run: Run) -> str:
    """Send half of the views that track_view can take, and measure latency, memory and connections per window."""
    popup_id = run.shops[SHOWN].popup_ids[0]
    server = run.bench.start("track_view")
    seconds, rows = SECONDS_FOR_WINDOW * run.seconds, []
    try:
        most = run_wrk(Target("track_view", server.url, "views", 1, [popup_id]), run.seconds)
        per_second = int(most.requests_per_second / 2)
        with progress(range(run.rounds), f"Windows of {seconds} s") as windows:
            for window in windows:
                bodies = [view_body(popup_id, str(new_id())) for _ in range(per_second * seconds)]
                done = run_at_rate([post(server.url, body) for body in bodies], per_second)
                resident, _ = server.memory_mib()
                connections = run.query(SELECT_CONNECTIONS)[0]["connections"]
                quantiles = (f"{done.p50_ms:.1f}", f"{done.p99_ms:.1f}")
                rows.append((window + 1, *quantiles, f"{resident:.0f}", connections, done.errors))
    finally:
        server.child.stop()
    columns = ("window", "p50 ms", "p99 ms", "resident MiB", "connections", "errors")
    return f"{per_second} views a second, windows of {seconds} s.\n\n" + table(columns, rows)
