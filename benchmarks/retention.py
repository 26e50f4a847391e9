"""Measure the latency of views while `popups retain` deletes the viewers of a deleted popup."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.fixed_rate import post, run_at_rate
from benchmarks.load import Round
from benchmarks.report import table
from benchmarks.run import Run
from benchmarks.shop import SHOWN, view_body
from cli.dev.child import StartError
from common.ids import new_id

SHOPS = 10_000
VIEWERS = 50_000
VIEWS_PER_SECOND = 100
VIEWS_FOR_ROUNDS = 5

COPY_POPUP_TO_SHOPS = """
    WITH shop AS (
        INSERT INTO shops (id, name)
        SELECT 'open-' || number, 'Open' FROM generate_series(1, :shops::int) AS number
        RETURNING id
    )
    INSERT INTO popups (id, shop_id, name, status, trigger, design, targeting, frequency, offer)
    SELECT gen_random_uuid(), shop.id, name, status, trigger, design, targeting, frequency, offer
    FROM shop CROSS JOIN (SELECT * FROM popups WHERE id = :popup_id) AS popup
    RETURNING id
"""

# They have seen it first, and a third of them another popup of the shop, too.
INSERT_DELETED_POPUP = """
    WITH popup AS (
        INSERT INTO popups (id, shop_id, name, status, trigger, design, targeting, frequency, offer, deleted_at)
        SELECT gen_random_uuid(), shop_id, name, status, trigger, design, targeting, frequency, offer, now()
        FROM popups WHERE id = :popup_id
        RETURNING id, shop_id
    ), viewer AS MATERIALIZED (
        SELECT number, hashtextextended(gen_random_uuid()::text, 0) AS viewer
        FROM generate_series(1, :viewers::int) AS number
    ), seen AS (
        INSERT INTO viewers_by_popup (shop_id, popup_id, viewer, is_holdout, first_day, last_day, previous_day, did,
            newly, variant_id, device_type)
        SELECT shop_id, :popup_id, viewer, false, current_date, current_date, current_date, 0, 0, '', 'desktop'
        FROM popup CROSS JOIN viewer
        WHERE number % 3 = 0
    ), known AS (
        INSERT INTO viewers (shop_id, viewer, first_day, last_day, previous_day, did, newly, device_type, popup_id,
            popup_last_day, popup_previous_day)
        SELECT shop_id, viewer, current_date, current_date, current_date, 0, 0, 'desktop', id, current_date,
            current_date
        FROM popup CROSS JOIN viewer
    )
    SELECT id FROM popup
"""

COUNT_VIEWERS = "SELECT count(*) AS count FROM viewers_of_popups WHERE popup_id = :popup_id"


@dataclass(frozen=True)
class _Retained:
    """A round during `popups retain`, and how long that took."""

    views: Round
    seconds: float


def retention(run: Run) -> str:
    """Measure the latency of other shops' views, alone and while `popups retain` removes VIEWERS."""
    popup_id = run.shops[SHOWN].popup_ids[0]
    popups = [str(row["id"]) for row in run.query(COPY_POPUP_TO_SHOPS, shops=SHOPS, popup_id=popup_id)]
    seconds = VIEWS_FOR_ROUNDS * run.seconds
    _send(run, popups, seconds=2)
    alone, beside = list[Round](), list[_Retained]()
    for _ in range(run.rounds):
        alone.append(_send(run, popups, seconds))
        beside.append(_retain_meanwhile(run, popups, seconds))
    took = f"{min(each.seconds for each in beside):.1f} to {max(each.seconds for each in beside):.1f} s"
    about = f"{VIEWS_PER_SECOND} views a second, {run.rounds} alternating rounds of {seconds} s. `retain` took {took}."
    columns = ("", "views", "p50 ms", "p99 ms", "highest p99 ms", "p99 of alone", "errors")
    rows = [_row("alone", alone, alone), _row("beside popups retain", [each.views for each in beside], alone)]
    return f"{about}\n\n" + table(columns, rows)


def _retain_meanwhile(run: Run, popups: list[str], seconds: int) -> _Retained:
    """Run `popups retain` during the load. Raises StartError if it leaves viewers, or ends after the load."""
    (deleted,) = run.query(INSERT_DELETED_POPUP, viewers=VIEWERS, popup_id=run.shops[SHOWN].popup_ids[0])
    run.query("ANALYZE")
    took = list[float]()
    retaining = threading.Thread(target=lambda: took.append(_run_retain(run)))
    retaining.start()
    views = _send(run, popups, seconds)
    if retaining.is_alive():
        raise StartError(f"`popups retain` took longer than the views: --seconds {2 * run.seconds}")
    if run.query(COUNT_VIEWERS, popup_id=deleted["id"])[0]["count"]:
        raise StartError("`popups retain` has left viewers")
    return _Retained(views, took[0])


def _run_retain(run: Run) -> float:
    program = str(Path(sys.executable).with_name("popups"))
    started = time.perf_counter()
    environ = os.environ | {"DATABASE_URL": run.bench.database_url, "REDIS_URL": run.bench.valkey.url}
    subprocess.run([program, "retain", "--days", "36500"], env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _send(run: Run, popups: list[str], seconds: int) -> Round:
    shops = itertools.islice(iter(lambda: random.choice(popups), ""), VIEWS_PER_SECOND * seconds)
    bodies = [view_body(popup_id, str(new_id())) for popup_id in shops]
    return run_at_rate([post(run.url("track_view"), body) for body in bodies], VIEWS_PER_SECOND)


def _row(name: str, rounds: list[Round], alone: list[Round]) -> tuple[object, ...]:
    ratios = [mine.p99_ms / other.p99_ms for mine, other in zip(rounds, alone, strict=True)]
    return (
        name,
        sum(each.requests for each in rounds),
        f"{median(each.p50_ms for each in rounds):.1f}",
        f"{median(each.p99_ms for each in rounds):.1f}",
        f"{max(each.p99_ms for each in rounds):.1f}",
        f"{median(ratios):.2f}",
        sum(each.errors for each in rounds),
    )
