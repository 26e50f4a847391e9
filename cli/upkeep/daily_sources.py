"""Add up where popups were seen, of the days that are over in their shops: pages, referrers and campaigns.

A view is stored on the day it came, so a day that is over does not change. What is added up is kept as the other
tallies are, also when the views are deleted.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from cli.batches import run_batch
from cli.progress import progress
from common.postgres.driver import Connection

KEPT_NAMES = 50
"""Names kept of each day and kind; the others are added up without their names."""

KEPT_MEANWHILE = 10_000
"""The same while a day is being added up. A name that is rarer than so many others may lose some of its views."""

BATCH_VIEWS = 5000

# A view's time is its transaction's start, which may be a little before the end of the day that it is stored after.
SELECT_SHOPS = """
    SELECT id AS shop_id, time_zone,
        date_trunc('day', (now() - interval '1 hour') AT TIME ZONE time_zone) AT TIME ZONE time_zone AS until
    FROM shops
    ORDER BY id
"""

# The popups with views that are to be added up, and the time of the first. The index by popup has it.
SELECT_POPUPS = """
    SELECT popups.id AS popup_id, first_view.viewed_at AS since
    FROM popups
    LEFT JOIN sources_added_up AS done ON done.shop_id = :shop_id AND done.popup_id = popups.id
    CROSS JOIN LATERAL (
        SELECT viewed_at
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = popups.id AND viewed_at >= coalesce(done.until, '-infinity')
          AND viewed_at < :until
        ORDER BY viewed_at
        LIMIT 1
    ) AS first_view
    WHERE popups.shop_id = :shop_id
    ORDER BY popups.id
"""

# From `since` on, up to the end of its day or as many views as a batch has; views of one instant are never parted. An
# id is at most 8 days older than its view: event_id keeps to the months that can have some. The holdout saw nothing.
ADD_UP = """
    WITH day AS MATERIALIZED (
        SELECT day, least((day + 1)::timestamp AT TIME ZONE :time_zone, :until) AS until
        FROM (SELECT (:since::timestamptz AT TIME ZONE :time_zone)::date AS day) AS of_since
    ), part AS MATERIALIZED (
        SELECT day, until AS end_of_day, coalesce((
            SELECT viewed_at
            FROM popup_views
            WHERE shop_id = :shop_id AND popup_id = :popup_id AND viewed_at > :since AND viewed_at < day.until
              AND event_id >= first_event_id(:since::timestamptz - interval '8 days')
            ORDER BY viewed_at
            OFFSET :batch_views
            LIMIT 1
        ), until) AS until
        FROM day
    ), seen AS MATERIALIZED (
        SELECT page_url, referrer
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id
          AND viewed_at >= :since AND viewed_at < (SELECT until FROM part)
          AND viewed_at >= coalesce((
            SELECT until FROM sources_added_up WHERE shop_id = :shop_id AND popup_id = :popup_id
          ), '-infinity')
          AND event_id >= first_event_id(:since::timestamptz - interval '8 days')
          AND variant_id IS DISTINCT FROM 'holdout'
    ), told AS (
        SELECT kind, name, count(*) AS views
        FROM seen
        CROSS JOIN LATERAL sources_of_view(page_url, referrer)
        GROUP BY kind, name
        UNION ALL
        SELECT 'views', '', count(*) FROM seen HAVING count(*) > 0
    ), added AS (
        INSERT INTO daily_sources AS tally (shop_id, popup_id, day, kind, name, views)
        SELECT :shop_id, (:popup_id)::uuid, (SELECT day FROM part), kind, name, views
        FROM told
        ORDER BY kind, name
        ON CONFLICT (shop_id, popup_id, day, kind, name) DO UPDATE SET views = tally.views + excluded.views
    ), noted AS (
        INSERT INTO sources_added_up (shop_id, popup_id, until)
        SELECT :shop_id, (:popup_id)::uuid, until FROM part
        ON CONFLICT (shop_id, popup_id) DO UPDATE SET until = excluded.until
    )
    SELECT day, until = end_of_day AS is_whole, (
        SELECT min(viewed_at)
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND viewed_at >= part.until AND viewed_at < :until
          AND event_id >= first_event_id(:since::timestamptz - interval '8 days')
    ) AS next
    FROM part
"""

# Of each kind the most frequent names of a day stay. The others are found by their place: Postgres, which does not know
# how many a day has, would compare each with each for a join.
FOLD = """
    WITH ranked AS (
        SELECT ctid, row_number() OVER (PARTITION BY kind ORDER BY views DESC, name) AS place
        FROM daily_sources
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND day = :day AND name <> ''
    ), gone AS (
        DELETE FROM daily_sources
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND day = :day
          AND ctid = ANY (ARRAY(SELECT ctid FROM ranked WHERE place > :kept))
        RETURNING kind, views
    )
    INSERT INTO daily_sources AS tally (shop_id, popup_id, day, kind, name, views)
    SELECT :shop_id, (:popup_id)::uuid, :day::date, kind, '', sum(views)
    FROM gone
    GROUP BY kind
    ORDER BY kind
    ON CONFLICT (shop_id, popup_id, day, kind, name) DO UPDATE SET views = tally.views + excluded.views
"""


def add_up_sources(connection: Connection, say: Callable[[str], None]) -> None:
    """Add up all days that are over and not added up yet. Each batch commits; an interrupted run can be repeated."""
    shops = connection.fetch_all(SELECT_SHOPS)
    popups = 0
    with progress(shops, "sources") as bar:
        for shop in bar:
            popups += _add_up_shop(connection, shop)
    if popups:
        say(f"added up where {popups} popups were seen")


def _add_up_shop(connection: Connection, shop: dict[str, Any]) -> int:
    """Return how many popups had views to add up."""
    popups = connection.fetch_all(SELECT_POPUPS, shop_id=shop["shop_id"], until=shop["until"])
    for popup in popups:
        since: datetime | None = popup["since"]
        while since is not None:
            since = run_batch(partial(_add_up, connection, {**shop, "popup_id": popup["popup_id"], "since": since}))
    return len(popups)


def _add_up(connection: Connection, of: dict[str, Any]) -> datetime | None:
    """Add up a part of a day. Return the time of the first view after it, None after the last."""
    with connection.transaction():
        (part,) = connection.fetch_all(ADD_UP, **of, batch_views=BATCH_VIEWS)
        popup = {"shop_id": of["shop_id"], "popup_id": of["popup_id"]}
        kept = KEPT_NAMES if part["is_whole"] else KEPT_MEANWHILE
        connection.execute(FOLD, **popup, day=part["day"], kept=kept)
    following: datetime | None = part["next"]
    return following
