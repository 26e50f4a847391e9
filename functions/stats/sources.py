"""Where a popup was seen: pages, referrers, campaigns and today's hours, of its newest views.

They have no tallies, of which there would be as many as a shop has pages. So the newest views are read themselves, up
to a bound; the report says of how many views it is, and whether those are all.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from common import postgres
from common.cache import Loaded
from common.config import settings
from common.json_text import dumps
from common.postgres import replica
from functions.stats import queries
from functions.stats.freshness import UNKNOWN_POPUP_SECONDS
from functions.stats.periods import period_of

MAX_VIEWS = 10_000
MAX_VIEWS_TODAY = 100_000
# Of each kind; the others together are null.
MAX_LISTED = 20
KINDS = ("pages", "referrers", "utm_sources", "utm_mediums", "utm_campaigns")

# An id is at most 8 days older than the view: event_id keeps to the months that can have some. The holdout saw nothing.
SELECT_SOURCES = """
    WITH seen AS MATERIALIZED (
        SELECT page_url, referrer
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id
          AND event_id >= first_event_id(((:first)::date - 8)::timestamp AT TIME ZONE 'UTC')
          AND viewed_at >= (:first)::date::timestamp AT TIME ZONE :time_zone
          AND viewed_at < ((:last)::date + 1)::timestamp AT TIME ZONE :time_zone
          AND variant_id IS DISTINCT FROM 'holdout'
        ORDER BY viewed_at DESC
        LIMIT :most
    ), told AS (
        SELECT kind, left(name, 200) AS name
        FROM seen
        CROSS JOIN LATERAL (VALUES
            ('pages', coalesce(nullif(substring(page_url FROM '^(?:[a-z]+://[^/?#]*)?([^?#]*)'), ''), '/')),
            ('referrers', substring(referrer FROM '^[a-z]+://([^/?#]+)')),
            ('utm_sources', substring(page_url FROM '[?&]utm_source=([^&#]*)')),
            ('utm_mediums', substring(page_url FROM '[?&]utm_medium=([^&#]*)')),
            ('utm_campaigns', substring(page_url FROM '[?&]utm_campaign=([^&#]*)'))
        ) AS told (kind, name)
        WHERE name <> '' AND (kind <> 'pages' OR page_url IS NOT NULL)
    ), ranked AS (
        SELECT kind, name, count(*) AS views,
            row_number() OVER (PARTITION BY kind ORDER BY count(*) DESC, name) AS place
        FROM told
        GROUP BY kind, name
    )
    SELECT kind, CASE WHEN place <= :listed THEN name END AS name, sum(views)::bigint AS views, min(place) AS place,
        NULL::bigint AS views_read
    FROM ranked
    GROUP BY kind, CASE WHEN place <= :listed THEN name END, place <= :listed
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, (SELECT count(*) FROM seen)
    ORDER BY kind, place
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


def load_sources(shop_id: str, popup_id: uuid.UUID, query: Mapping[str, Any]) -> Loaded:
    loaded = replica.read(partial(_load, shop_id, popup_id, query))
    return loaded or Loaded(None, UNKNOWN_POPUP_SECONDS)


def _load(
    shop_id: str, popup_id: uuid.UUID, query: Mapping[str, Any], connection: postgres.Connection
) -> Loaded | None:
    popup = {"shop_id": shop_id, "popup_id": popup_id}
    shop = connection.fetch_one(queries.SELECT_SHOP_OF_POPUP, **popup)
    if shop is None:
        return None
    period, calendar = period_of(query, shop["today"]), {"time_zone": shop["time_zone"], "today": shop["today"]}
    sources = connection.fetch_all(SELECT_SOURCES, **popup, **period, **calendar, most=MAX_VIEWS + 1, listed=MAX_LISTED)
    hours = connection.fetch_all(SELECT_HOURS_OF_TODAY, **popup, **calendar, most=MAX_VIEWS_TODAY)
    views_read = next(row["views_read"] for row in sources if row["kind"] is None)
    by_hour = {row["hour"]: row["views"] for row in hours}
    report = {
        "popup_id": popup_id,
        "from": period["first"],
        "to": period["last"],
        "time_zone": shop["time_zone"],
        "views_read": min(views_read, MAX_VIEWS),
        "is_complete": views_read <= MAX_VIEWS,
        **{
            kind: [{"name": row["name"], "views": row["views"]} for row in sources if row["kind"] == kind]
            for kind in KINDS
        },
        "hours_of_today": [{"hour": hour, "views": by_hour.get(hour, 0)} for hour in range(24)],
    }
    most_seconds = min(shop["seconds_to_midnight"], replica.fresh_seconds())
    return Loaded(dumps(report), settings().cache_ttl_stats, most_seconds)
