"""Measure how much load the caches take off Redis and Postgres, and how old answers get."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import requests

from benchmarks.fixed_rate import post, run_at_rate
from benchmarks.load import Round
from benchmarks.report import table
from benchmarks.run import Run
from benchmarks.servers import Server
from benchmarks.shop import SHOWN, view_body
from benchmarks.traffic import READS_PER_SECOND, Traffic, furthest_asked
from common.ids import new_id

SECONDS_BETWEEN_EDITS = 60

EDITS = 20
VIEWS_PER_SECOND = 500
POLLS_PER_SECOND = 10
VIEWS_FOR_ROUNDS = 10


def hits(run: Run) -> str:
    """Count how many reads a fleet answers from memory, from Redis and from Postgres, with an edit per minute."""
    traffic, rows, before = Traffic(run), [], Counter[str]()
    with traffic.instances("get_active_popups") as instances, _edited_now_and_then(run):
        for period in ("at first, all memories empty", "after that"):
            done = traffic.send(instances, traffic.seconds)
            after = Counter(itertools.chain.from_iterable(map(furthest_asked, instances)))
            rows.append(_hits_row(period, done, after - before))
            before = after
    columns = ("", "requests", "from memory", "asked Redis", "asked Postgres", "p50 ms", "p99 ms", "errors")
    return f"{READS_PER_SECOND} requests a second, {traffic.seconds} s and again.\n\n" + table(columns, rows)


def _hits_row(period: str, done: Round, asked: Counter[str]) -> tuple[object, ...]:
    shares = (f"{asked[who] / asked.total():.2%}" for who in ("nobody", "redis", "database"))
    return period, f"{done.requests:,}", *shares, f"{done.p50_ms:.1f}", f"{done.p99_ms:.1f}", done.errors


def freshness(run: Run) -> str:
    """Measure how soon two instances serve an edit, and `stats` counts an event; and the hits of such polls."""
    edits, polls, lag = _seconds_to_serve_edits(run), *_poll_under_load(run)
    rows = [
        ("an edit, from the answer to the PATCH until both instances serve it", _milliseconds(edits), ""),
        (
            f"a view among {VIEWS_PER_SECOND}/s of a popup, from its 202 until its popup's stats count it",
            _milliseconds(lag),
            f"{polls['HIT'] / polls.total():.0%} of {POLLS_PER_SECOND} polls/s",
        ),
    ]
    return table(("", "median and longest, ms", "answered by the cache"), rows)


@contextmanager
def _edited_now_and_then(run: Run) -> Iterator[None]:
    ended = threading.Event()

    def edit() -> None:
        for number in itertools.count():
            _edit(run, f"edit {number}")
            if ended.wait(SECONDS_BETWEEN_EDITS):
                return

    editing = threading.Thread(target=edit)
    editing.start()
    try:
        yield
    finally:
        ended.set()
        editing.join()


def _edit(run: Run, heading: str) -> None:
    shop = run.shops[SHOWN]
    url, key = f"{run.url('manage_popups')}/popups/{shop.popup_ids[0]}", {"Authorization": f"Bearer {shop.key}"}
    requests.patch(url, json={"design": {"heading": heading}}, headers=key, timeout=10).raise_for_status()


def _seconds_to_serve_edits(run: Run) -> list[float]:
    instances = [run.bench.start("get_active_popups") for _ in range(2)]
    took = []
    try:
        for number in range(EDITS * run.rounds):
            heading = f"edit {number}".encode()
            time.sleep(random.uniform(0, 0.5))  # at any moment of what memory keeps
            _edit(run, heading.decode())
            started = time.perf_counter()
            while not all(heading in _read(instance) for instance in instances):
                time.sleep(0.005)
            took.append(time.perf_counter() - started)
    finally:
        for instance in instances:
            instance.child.stop()
    return took


def _read(instance: Server) -> bytes:
    return requests.get(f"{instance.url}/?shop_id={SHOWN}", timeout=10).content


def _poll_under_load(run: Run) -> tuple[Counter[str], list[float]]:
    """Return the X-Cache verdict of each poll, and the age of the oldest event that it did not count."""
    shop = run.shops[SHOWN]
    popup_id = shop.popup_ids[1]
    seconds, answered_at = VIEWS_FOR_ROUNDS * run.seconds, list[float]()
    events = [view_body(popup_id, str(new_id())) for _ in range(VIEWS_PER_SECOND * seconds)]
    sent = [post(run.url("track_view"), event) for event in events]
    sending = threading.Thread(target=run_at_rate, args=(sent, VIEWS_PER_SECOND, answered_at))
    url, key = f"{run.url('stats')}/popups/{popup_id}", {"Authorization": f"Bearer {shop.key}"}
    verdicts, lags = Counter[str](), list[float]()
    before = requests.get(url, headers=key, timeout=10).json()["views"]
    sending.start()
    while sending.is_alive():
        answer = requests.get(url, headers=key, timeout=10)
        verdicts[answer.headers["X-Cache"]] += 1
        counted = answer.json()["views"] - before
        if counted < len(answered_at):
            lags.append(time.perf_counter() - answered_at[counted])
        time.sleep(1 / POLLS_PER_SECOND)
    return verdicts, lags


def _milliseconds(seconds: list[float]) -> str:
    return f"{1000 * median(seconds):,.0f} and {1000 * max(seconds):,.0f}"
