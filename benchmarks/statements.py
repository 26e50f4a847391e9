"""Measure the CPU time that Postgres takes for an event, by statement and by how many share a flush.

Unlike requests per second it hardly depends on what else the machine does: it is the time that the connection's own
process ran.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import table
from benchmarks.run import Run
from benchmarks.shop import SHOWN, SPREAD
from common.config import load
from common.ids import new_id
from common.postgres.connect import connect
from common.postgres.driver import Connection
from common.shop.events import as_json_row, as_parameters
from common.shop.viewers_lock import SHARE_VIEWERS
from functions.track_conversion.queries import INSERT_CONVERSIONS, INSERT_PLAIN_CONVERSIONS
from functions.track_view.queries import INSERT_PLAIN_VIEWS, INSERT_VIEWS

EVENTS_A_FLUSH = (1, 20, 300)
# The flushes of a round, by their events: some tenths of a second each.
FLUSHES = {1: 300, 20: 100, 300: 10}
WARM_UP_FLUSHES = 8  # Postgres plans the first five anew

UPDATE_POPUP = "UPDATE popups SET variants = :variants WHERE shop_id = :shop_id AND id = :id"
VARIANTS = [{"id": name, "name": name, "weight": 50, "design": {}, "offer": {}} for name in "ab"]
Make = Callable[[int], list[Any]]


def statements(run: Run) -> str:
    """Measure the CPU time of Postgres per event, by statement and by events per flush."""
    compared, *_ = run.shops[SHOWN].popup_ids
    run.query(UPDATE_POPUP, variants=json.dumps(VARIANTS), shop_id=SHOWN, id=compared)
    plain = run.shops[SPREAD].popup_ids
    cases: dict[str, tuple[str, Make]] = {
        "plain views": (INSERT_PLAIN_VIEWS, lambda count: [_view(plain[0]) for _ in range(count)]),
        "plain views, 100 popups": (
            INSERT_PLAIN_VIEWS,
            lambda count: [_view(random.choice(plain)) for _ in range(count)],
        ),
        "any views": (INSERT_VIEWS, lambda count: [_view(plain[0]) for _ in range(count)]),
        "views that are compared": (
            INSERT_VIEWS,
            lambda count: [_view(compared, variant_id="a") for _ in range(count)],
        ),
        "views and as many exposures": (INSERT_VIEWS, lambda count: _exposed(compared, count)),
        "plain clicks": (INSERT_PLAIN_CONVERSIONS, lambda count: [_click(plain[0]) for _ in range(count)]),
        "any clicks": (INSERT_CONVERSIONS, lambda count: [_click(plain[0]) for _ in range(count)]),
    }
    took: dict[str, dict[int, list[float]]] = {name: {count: [] for count in EVENTS_A_FLUSH} for name in cases}
    backend = _Backend(run.bench.database_url)
    for turn in range(run.rounds + 1):
        run.query("ANALYZE")  # as autovacuum does: plans made for empty tables would read whole ones
        for name, (sql, make) in cases.items():
            for count in EVENTS_A_FLUSH:
                flushes = [_numbered(make(count)) for _ in range(FLUSHES[count] if turn else WARM_UP_FLUSHES)]
                seconds = backend.seconds_for(sql, flushes)
                if turn:
                    took[name][count].append(1e6 * seconds / len(flushes) / count)
    usual = took["plain views"]
    rows = [
        (name, *(f"{median(of[n]):,.0f} ({median(of[n]) / median(usual[n]):.2f})" for n in EVENTS_A_FLUSH))
        for name, of in took.items()
    ]
    columns = ("µs of CPU an event", *(f"{count} a flush" for count in EVENTS_A_FLUSH))
    return f"Medians of {run.rounds} alternating rounds.\n\n" + table(columns, rows)


class _Backend:
    """A connection, and the process that serves it."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(connect(load({"DATABASE_URL": url})))
        (row,) = self._connection.fetch_all("SELECT pg_backend_pid() AS pid")
        self._ran = Path(f"/proc/{row['pid']}/schedstat")

    def seconds_for(self, sql: str, flushes: list[list[Any]]) -> float:
        """Return how long the process ran for the flushes, as track_view and track_conversion send them."""
        before = self._ran_seconds()
        for rows in flushes:
            self._connection.queue(SHARE_VIEWERS, popup_ids=sorted({row["popup_id"] for row in rows}))
            self._connection.fetch_all(sql, **as_parameters(rows))
        return self._ran_seconds() - before

    def _ran_seconds(self) -> float:
        return int(self._ran.read_text().split()[0]) / 1e9


def _each(make: Callable[[], dict[str, Any]]) -> Make:
    return lambda count: [make() for _ in range(count)]


def _numbered(events: list[Any]) -> list[Any]:
    return [{**event, "position": position} for position, event in enumerate(events)]


def _view(popup_id: str, **more: Any) -> dict[str, Any]:
    addresses = {"page_url": f"https://shop.example/products/{random.randrange(1000)}", "referrer": None}
    return _event(popup_id, **addresses, **more)


def _exposed(popup_id: str, count: int) -> list[dict[str, Any]]:
    """Return as many exposures and views of the same visitors; of an odd number, one view more."""
    views = [_view(popup_id, variant_id="a") for _ in range((count + 1) // 2)]
    exposures = [
        _event(popup_id, signal="exposure", variant_id="a", visitor_id=view["visitor_id"])
        for view in views[: count // 2]
    ]
    return exposures + views


def _click(popup_id: str) -> dict[str, Any]:
    claim = {
        "claimer": f"viewer:{random.getrandbits(64):x}",
        "new_subscriber_id": str(new_id()),
        "network": "203.0.113.0",
    }
    return _event(popup_id, type="click", **claim)


def _event(popup_id: str, **more: Any) -> dict[str, Any]:
    """Return an event of a visitor of its own, unless told whose."""
    event = {
        "event_id": str(new_id()),
        "popup_id": popup_id,
        "session_id": f"s-{random.getrandbits(32):08x}",
        "visitor_id": f"v-{random.getrandbits(64):016x}",
        "variant_id": None,
        "device_type": "desktop",
    }
    row: dict[str, Any] = as_json_row(event | more, origin=None)
    return row
