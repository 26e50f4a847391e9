"""Stores plain events by a statement with fewer parts.

Postgres sets up every part of a statement each time, also those that find nothing to do: half of the time that one view
takes. So a statement that stores events is a file with two variants. `full` stores any event. `plain` lacks the parts
for what few events are; it refuses these as NOT_PLAIN, stores nothing of them, and they are sent again with `full`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from common.process.bounded import Memory
from common.shop.events import EventRow

NOT_PLAIN = "not_plain"
# How long events of a popup are sent with `full` at once, after one was refused: it may be edited to be plain again.
FULL_FOR_SECONDS = 600.0
MAX_POPUPS_IN_MEMORY = 10_000

Row = TypeVar("Row", bound=EventRow)


class Insert(Protocol[Row]):
    """Commits the events by the plain statement or the full one, and returns its rows."""

    def __call__(self, rows: list[Row], /, *, plain: bool) -> list[Any]: ...


def not_plain_popups() -> Memory[str, float]:
    """Return an empty map of popups whose events are not plain: by id, until when that is assumed (monotonic time)."""
    return Memory(MAX_POPUPS_IN_MEMORY)


def insert_plain_first(
    rows: list[Row], looks_plain: Callable[[Row], bool], not_plain: Memory[str, float], insert: Insert[Row]
) -> list[Any]:
    """Return what `insert` returns of the events, except what it refuses as NOT_PLAIN: that it is called again for."""
    if not all(looks_plain(row) for row in rows) or _any_not_plain(rows, not_plain):
        return insert(rows, plain=False)
    outcomes = insert(rows, plain=True)
    refused = {outcome["position"] for outcome in outcomes if outcome["refusal"] == NOT_PLAIN}
    if not refused:
        return outcomes
    others = [row for row in rows if row["position"] in refused]
    for row in others:
        not_plain.put(row["popup_id"], time.monotonic() + FULL_FOR_SECONDS)
    return [outcome for outcome in outcomes if outcome["position"] not in refused] + insert(others, plain=False)


def _any_not_plain(rows: list[Row], not_plain: Memory[str, float]) -> bool:
    now = time.monotonic()
    return any((not_plain.get(popup_id) or 0.0) > now for popup_id in {row["popup_id"] for row in rows})
