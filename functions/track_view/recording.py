"""Records views and their tallies, in batches of one autocommitted statement each."""

from __future__ import annotations

from typing import Any

from common import cache
from common.cache import keys
from common.postgres import GroupCommit, retry_lost_races
from common.process.per_process import per_process
from common.shop.events import as_json_row, forget_stats, insert_events
from common.shop.orders import credit_late
from functions.track_view.queries import ENTER_STORED_VIEWS, INSERT_VIEWS, ViewOutcome, ViewRow


async def record_views(views: list[dict[str, Any]], origin: str | None) -> list[dict[str, Any]]:
    """Store the views and tally the new ones. Return `{"index", "code"}` for each refused one.

    All others are committed on return. Raises DatabaseUnavailable; a retry with the same views is safe.
    """
    refusals = await _writer().submit([as_json_row(view, origin=origin) for view in views])
    return [{"index": index, "code": code} for index, code in enumerate(refusals) if code]


@per_process
def _writer() -> GroupCommit[ViewRow, str | None]:
    return GroupCommit(_insert_views)


def _insert_views(views: list[ViewRow]) -> list[str | None]:
    """Commit the views. Return for each the code of its refusal, or None."""
    given: list[ViewRow] = [{**view, "position": position} for position, view in enumerate(views)]
    rows: list[ViewOutcome] = retry_lost_races(lambda: insert_events(given, ENTER_STORED_VIEWS, INSERT_VIEWS))
    refusals: list[str | None] = [None] * len(views)
    for row in rows:
        if row["position"] is not None:
            refusals[row["position"]] = row["refusal"]
    forget_stats({(row["shop_id"], row["popup_id"]) for row in rows if row["shop_id"] and row["popup_id"]})
    credit_late({row["shop_id"] for row in rows if row["shop_id"] and row["has_late"]})
    full = {row["shop_id"] for row in rows if row["shop_id"] and row["near_limit"]}
    cache.forget_soon(*map(keys.active_popups, full))
    return refusals
