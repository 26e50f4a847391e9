"""Whether the database has each acknowledged event exactly once, and counted it."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from pathlib import Path

from cli.connection import open_connection
from common.config import load
from common.postgres.driver import Connection

IDS_A_QUERY = 10_000

COUNT_STORED = {
    "popup_views": "SELECT count(*) AS count FROM popup_views WHERE event_id = ANY (:ids::uuid[])",
    "popup_conversions": "SELECT count(*) AS count FROM popup_conversions WHERE event_id = ANY (:ids::uuid[])",
}
# The shops of this run only; a day's tallies against the rows that made them.
COUNT_TALLIED = """
    SELECT
        (SELECT count(*) FROM popup_views WHERE shop_id = ANY (:shops)) AS views,
        (SELECT coalesce(sum(views), 0) FROM daily_views WHERE shop_id = ANY (:shops)) AS tallied_views,
        (SELECT count(*) FROM popup_conversions WHERE shop_id = ANY (:shops)) AS conversions,
        (SELECT coalesce(sum(conversions), 0) FROM daily_conversions WHERE shop_id = ANY (:shops))
            AS tallied_conversions
"""


def missing_events(database_url: str, acknowledged: Path) -> tuple[int, int]:
    """Return how many events were acknowledged, and how many of them the database does not have."""
    ids: dict[str, list[str]] = defaultdict(list)
    for line in acknowledged.read_text().splitlines():
        table, event_id = line.split()
        ids[table].append(event_id)
    stored = 0
    with open_connection(load({"DATABASE_URL": database_url})) as opened:
        connection = Connection(opened)
        for table, own in ids.items():
            rest = iter(own)
            while batch := list(islice(rest, IDS_A_QUERY)):
                (row,) = connection.fetch_all(COUNT_STORED[table], ids=batch)
                stored += row["count"]
    total = sum(len(set(own)) for own in ids.values())
    return total, total - stored


def untallied_events(database_url: str, shop_ids: list[str]) -> int:
    """Return by how many events the tallies of these shops differ from their rows."""
    with open_connection(load({"DATABASE_URL": database_url})) as opened:
        (row,) = Connection(opened).fetch_all(COUNT_TALLIED, shops=shop_ids)
    return int(abs(row["views"] - row["tallied_views"]) + abs(row["conversions"] - row["tallied_conversions"]))
