"""Tallies of ignored crawler events, by popup and day. Best effort: lost rather than waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from common import postgres
from common.errors import DatabaseUnavailable
from common.json_text import dumps
from common.postgres import GroupCommit, retry_lost_races
from common.process.per_process import per_process
from common.shop.events import forget_stats

# One row per existing popup, however many events and invented ids a batch names. In key order, so that two batches
# never deadlock. The popups are looked up by an array: for a join Postgres would scan the whole table.
COUNT_CRAWLERS = """
    WITH seen AS MATERIALIZED (
        SELECT popup_id, events
        FROM json_to_recordset(:seen) AS seen (popup_id uuid, events bigint)
    )
    INSERT INTO daily_crawlers AS tally (shop_id, popup_id, day, events)
    SELECT popups.shop_id, popups.id, (now() AT TIME ZONE shops.time_zone)::date, seen.events
    FROM popups
    JOIN shops ON shops.id = popups.shop_id
    JOIN seen ON seen.popup_id = popups.id
    WHERE popups.id = ANY (ARRAY(SELECT popup_id FROM seen)) AND popups.deleted_at IS NULL
    ORDER BY popups.shop_id, popups.id
    ON CONFLICT (shop_id, popup_id, day) DO UPDATE SET events = tally.events + excluded.events
    RETURNING shop_id, popup_id
"""

# A popup, and the number of its events in one submission.
Seen = tuple[str, int]


async def count_crawler(popup_ids: Iterable[str]) -> None:
    """Count a crawler's events, one per popup named. Never fails: in an outage of the database they are dropped."""
    with suppress(DatabaseUnavailable):
        await _writer().submit(list(Counter(popup_ids).items()))


@per_process
def _writer() -> GroupCommit[Seen, None]:
    return GroupCommit(_count)


def _count(batch: list[Seen]) -> list[None]:
    events: Counter[str] = Counter()
    for popup_id, count in batch:
        events[popup_id] += count
    seen = dumps([{"popup_id": popup_id, "events": count} for popup_id, count in events.items()]).decode()
    rows = retry_lost_races(lambda: postgres.fetch_all(COUNT_CRAWLERS, seen=seen))
    forget_stats({(row["shop_id"], row["popup_id"]) for row in rows})
    return [None] * len(batch)
