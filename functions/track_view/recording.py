"""Records views, exposures and closes with their tallies, in batches of one autocommitted statement each."""

from __future__ import annotations

from typing import Any

from common import cache
from common.cache import keys
from common.postgres import GroupCommit, retry_lost_races
from common.process.per_process import per_process
from common.shop.events import SHOP_HOLDOUT, as_json_row, forget_stats, insert_events
from common.shop.orders import credit_late
from common.shop.plain_events import insert_plain_first, not_plain_popups
from functions.track_view.queries import (
    ENTER_STORED_VIEWS,
    INSERT_PLAIN_VIEWS,
    INSERT_VIEWS,
    ViewOutcome,
    ViewRow,
)
from functions.track_view.schemas import EXPOSURE, VIEW


async def record_events(events: list[tuple[str, dict[str, Any]]], origin: str | None) -> list[str | None]:
    """Store the events, each with its kind, and tally the new ones. Return for each the code of its refusal, or None.

    All others are committed on return. Raises DatabaseUnavailable; a retry with the same events is safe.
    """
    return await _writer().submit([as_json_row(event, origin=origin, **_signal(kind, event)) for kind, event in events])


def _signal(kind: str, event: dict[str, Any]) -> dict[str, str]:
    """Return the column that says of which kind a signal is; empty for a view.

    Whom the whole shop holds out was shown nothing: a view of that is an exposure.
    """
    if kind == VIEW:
        return {"signal": EXPOSURE} if event["variant_id"] == SHOP_HOLDOUT else {}
    return {"signal": kind}


@per_process
def _writer() -> GroupCommit[ViewRow, str | None]:
    return GroupCommit(_insert_views)


def _insert_views(events: list[ViewRow]) -> list[str | None]:
    """Commit the events. Return for each the code of its refusal, or None."""
    given: list[ViewRow] = [{**event, "position": position} for position, event in enumerate(events)]
    rows: list[ViewOutcome] = insert_plain_first(given, _looks_plain, _not_plain_popups(), _insert)
    refusals: list[str | None] = [None] * len(events)
    for row in rows:
        if row["position"] is not None:
            refusals[row["position"]] = row["refusal"]
    forget_stats({(row["shop_id"], row["popup_id"]) for row in rows if row["shop_id"] and row["popup_id"]})
    credit_late({row["shop_id"] for row in rows if row["shop_id"] and row["has_late"]})
    full = {row["shop_id"] for row in rows if row["shop_id"] and row["near_limit"]}
    cache.forget_soon(*map(keys.active_popups, full))
    return refusals


def _insert(events: list[ViewRow], *, plain: bool) -> list[ViewOutcome]:
    sql = INSERT_PLAIN_VIEWS if plain else INSERT_VIEWS
    return retry_lost_races(lambda: insert_events(events, ENTER_STORED_VIEWS, sql))


def _looks_plain(event: ViewRow) -> bool:
    """Return whether it is a view with an id of about now; of the popup only Postgres knows."""
    return "signal" not in event and "foreign_id" not in event


_not_plain_popups = per_process(not_plain_popups)
