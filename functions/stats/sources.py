"""Where a popup was seen: pages, referrers, campaigns and today's hours.

Days that are over are added up at night (cli/upkeep/daily_sources.py). Views of the others are read themselves, the
newest of them up to a bound; the report says how many views it covers, and whether those are all.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from common import postgres
from common.cache import Loaded
from common.config import settings
from common.json_text import dumps
from common.postgres import Row, replica
from functions.stats import queries
from functions.stats.freshness import UNKNOWN_POPUP_SECONDS
from functions.stats.periods import Period, period_of

# The most views that are read of days that are not added up yet.
MAX_VIEWS = 10_000
MAX_VIEWS_TODAY = 100_000
# The most names listed of each kind; the others are added up as null.
MAX_LISTED = 20
KINDS = ("pages", "referrers", "utm_sources", "utm_mediums", "utm_campaigns")

# An id is at most 8 days older than the view: event_id keeps to the months that can have some. The holdout saw nothing.
SELECT_SOURCES = """
    WITH start AS MATERIALIZED (
        SELECT greatest((:first)::date::timestamp AT TIME ZONE :time_zone, (
            SELECT until FROM sources_added_up WHERE shop_id = :shop_id AND popup_id = :popup_id
        )) AS since
    ), seen AS MATERIALIZED (
        SELECT page_url, referrer
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id
          AND event_id >= first_event_id((SELECT since FROM start) - interval '8 days')
          AND viewed_at >= (SELECT since FROM start)
          AND viewed_at < ((:last)::date + 1)::timestamp AT TIME ZONE :time_zone
          AND variant_id IS DISTINCT FROM 'holdout'
        ORDER BY viewed_at DESC
        LIMIT :most
    ), told AS (
        SELECT kind, name, views
        FROM daily_sources
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last
        UNION ALL
        SELECT kind, name, 1
        FROM seen
        CROSS JOIN LATERAL sources_of_view(page_url, referrer)
        UNION ALL
        SELECT 'views', '', count(*) FROM seen
    ), ranked AS (
        SELECT kind, name, sum(views) AS views, CASE WHEN name <> '' THEN
            row_number() OVER (PARTITION BY kind, name <> '' ORDER BY sum(views) DESC, name) END AS place
        FROM told
        GROUP BY kind, name
    ), listed AS (
        SELECT kind, CASE WHEN place <= :listed THEN name END AS name, views FROM ranked
    )
    SELECT kind, name, sum(views)::bigint AS views
    FROM listed
    GROUP BY kind, name
    ORDER BY kind, name IS NULL, sum(views) DESC, name
"""

# The period's views, of which SELECT_SOURCES may have read fewer.
SELECT_VIEWS = """
    SELECT coalesce(sum(views), 0)::bigint AS views
    FROM daily_views
    WHERE shop_id = :shop_id AND popup_id = :popup_id AND day BETWEEN :first AND :last AND variant_id <> 'holdout'
"""

SELECT_HOURS_OF_TODAY = """
    SELECT extract(hour FROM viewed_at AT TIME ZONE :time_zone)::integer AS hour, count(*) AS views
    FROM (
        SELECT viewed_at
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id
          AND event_id >= first_event_id(((:today)::date - 8)::timestamp AT TIME ZONE 'UTC')
          AND viewed_at >= (:today)::date::timestamp AT TIME ZONE :time_zone
          AND variant_id IS DISTINCT FROM 'holdout'
        ORDER BY viewed_at DESC
        LIMIT :most
    ) AS seen
    GROUP BY 1
    ORDER BY 1
"""


def load_sources(
    shop_id: str, popup_id: uuid.UUID, query: Mapping[str, Any], form: Callable[[dict[str, Any]], bytes] = dumps
) -> Loaded:
    """Return the report in its form; without a body for a popup that the shop does not have."""
    loaded = replica.read(partial(_load, shop_id, popup_id, query, form))
    return loaded or Loaded(None, UNKNOWN_POPUP_SECONDS)


def _load(
    shop_id: str,
    popup_id: uuid.UUID,
    query: Mapping[str, Any],
    form: Callable[[dict[str, Any]], bytes],
    connection: postgres.Connection,
) -> Loaded | None:
    popup = {"shop_id": shop_id, "popup_id": popup_id}
    shop = connection.fetch_one(queries.SELECT_SHOP_OF_POPUP, **popup)
    if shop is None:
        return None
    period = period_of(query, shop["today"])
    report = {
        "popup_id": popup_id,
        "from": period["first"],
        "to": period["last"],
        "time_zone": shop["time_zone"],
        **_sources(connection, popup, shop, period),
        **_hours_of_today(connection, popup, shop),
    }
    most_seconds = min(shop["seconds_to_midnight"], replica.fresh_seconds())
    return Loaded(form(report), settings().cache_ttl_stats, most_seconds)


def _sources(connection: postgres.Connection, popup: dict[str, Any], shop: Row, period: Period) -> dict[str, Any]:
    given = {**popup, **period}
    rows = connection.fetch_all(SELECT_SOURCES, **given, time_zone=shop["time_zone"], most=MAX_VIEWS, listed=MAX_LISTED)
    (tallied,) = connection.fetch_all(SELECT_VIEWS, **given)
    by_kind: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_kind[row["kind"]].append({"name": row["name"], "views": row["views"]})
    views_read = by_kind["views"][0]["views"]
    return {
        "views": tallied["views"],
        "views_read": views_read,
        "is_complete": views_read >= tallied["views"],
        **{kind: by_kind[kind] for kind in KINDS},
    }


def _hours_of_today(connection: postgres.Connection, popup: dict[str, Any], shop: Row) -> dict[str, Any]:
    calendar = {"time_zone": shop["time_zone"], "today": shop["today"]}
    rows = connection.fetch_all(SELECT_HOURS_OF_TODAY, **popup, **calendar, most=MAX_VIEWS_TODAY + 1)
    by_hour = {row["hour"]: row["views"] for row in rows}
    return {
        "hours_of_today": [{"hour": hour, "views": by_hour.get(hour, 0)} for hour in range(24)],
        "is_today_complete": sum(by_hour.values()) <= MAX_VIEWS_TODAY,
    }
