"""Measure the bytes that a view of a new viewer takes, by table and index."""

from __future__ import annotations

import json
import random

from benchmarks.report import table
from benchmarks.run import Run
from benchmarks.shop import SHOWN
from common.ids import new_id
from functions.track_view.queries import INSERT_VIEWS

VIEWS = 60_000
VIEWS_A_FLUSH = 250

SELECT_SIZES = """
    SELECT relname AS name, pg_relation_size(pg_class.oid) AS bytes
    FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'public' AND relkind IN ('r', 'i')
    ORDER BY relname
"""


def bytes_a_view(run: Run) -> str:
    """Store VIEWS of as many viewers, and return by how much each table and index has grown."""
    before = _sizes(run)
    for _ in range(VIEWS // VIEWS_A_FLUSH):
        views = [_view(run.shops[SHOWN].popup_ids[0], position) for position in range(VIEWS_A_FLUSH)]
        run.query(INSERT_VIEWS, events=json.dumps(views), origins="[null]")
    grown = {name: (size - before.get(name, 0)) / VIEWS for name, size in _sizes(run).items()}
    rows = [(name, f"{size:.1f}") for name, size in grown.items() if size >= 1]
    total = ("in all", f"{sum(grown.values()):.1f}")
    return f"{VIEWS:,} views by as many viewers.\n\n" + table(("", "bytes a view"), [*rows, total])


def _sizes(run: Run) -> dict[str, int]:
    return {row["name"]: row["bytes"] for row in run.query(SELECT_SIZES)}


def _view(popup_id: str, position: int) -> dict[str, object]:
    """Return a view as load.lua sends it, with ids as long as those."""
    return {
        "position": position,
        "event_id": str(new_id()),
        "popup_id": popup_id,
        "session_id": f"s-{random.getrandbits(32):08x}",
        "visitor_id": f"v-{random.getrandbits(64):016x}",
        "device_type": "desktop",
        "page_url": f"https://shop.example/products/{random.randrange(1000)}",
        "origin": 0,
    }
