"""Recount experiments: who met what in which stretch, as far as the stored events tell.

A release without experiments stores views and conversions that enter no stretch. Here they enter the one that was open
when they came. What new functions have counted stays: exposures name nobody, so that only viewers' rows know of them.
The tallies of a stretch are then made the sums over its viewers.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from common.postgres.driver import Connection
from functions.manage_popups.popups.stretches import begins_stretch

# Viewers who met a variant longer ago may have been deleted (VIEWER_DAYS of cli/upkeep/retain.py, by the browser's
# clock) and are still tallied, so older stretches are left alone.
KNOWN_DAYS = 390

# Every stretch that has begun, and the present one of popups that compare anything. `since` is when somebody was first
# shown the popup in it, as far as is known.
SELECT_STRETCHES = """
    SELECT popups.id AS popup_id, asked.stretch, begun.exposed_at, begun.ended_at, before.ended_at AS ended_before,
        coalesce(least(begun.viewed_at, begun.exposed_at), begun.ended_at, now()) AS since,
        CASE WHEN popups.version = 1 THEN popups.created_at ELSE popups.updated_at END AS unchanged_since
    FROM popups
    CROSS JOIN LATERAL (
        SELECT popups.stretch
        WHERE popups.holdout_percent > 0 OR jsonb_array_length(popups.variants) > 1
        UNION
        SELECT known.stretch
        FROM experiment_stretches AS known
        WHERE known.shop_id = :shop_id AND known.popup_id = popups.id
    ) AS asked
    LEFT JOIN experiment_stretches AS begun ON begun.shop_id = :shop_id AND begun.popup_id = popups.id
        AND begun.stretch = asked.stretch
    LEFT JOIN experiment_stretches AS before ON before.shop_id = :shop_id AND before.popup_id = popups.id
        AND before.stretch = asked.stretch - 1
    WHERE popups.shop_id = :shop_id
    ORDER BY popups.id, asked.stretch
"""

SELECT_VERSIONS = """
    SELECT changed_at, coalesce(popup -> 'variants', '[]') AS variants, coalesce(popup -> 'design', '{}') AS design,
        coalesce(popup -> 'offer', '{}') AS offer, coalesce(popup -> 'holdout_percent', '0') AS holdout_percent
    FROM popup_versions
    WHERE shop_id = :shop_id AND popup_id = :popup_id AND popup IS NOT NULL
    ORDER BY version
"""

# A stretch without a row has not begun, so it compares what the popup has now.
BEGIN_STRETCH = """
    INSERT INTO experiment_stretches AS known (shop_id, popup_id, stretch, variants, holdout_percent, experiment,
        currency, viewed_at)
    SELECT popups.shop_id, popups.id, (:stretch)::integer, (
            SELECT coalesce(jsonb_agg(variant - 'design' - 'offer' ORDER BY place), '[]')
            FROM jsonb_array_elements(popups.variants) WITH ORDINALITY AS listed (variant, place)
        ), popups.holdout_percent, popups.experiment, shops.currency, seen.first_at
    FROM popups
    JOIN shops ON shops.id = popups.shop_id
    CROSS JOIN (
        SELECT min(viewed_at) AS first_at
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND variant_id IS DISTINCT FROM 'holdout'
          AND viewed_at >= :begun_at AND viewed_at < coalesce(:ended_at::timestamptz, 'infinity')
    ) AS seen
    WHERE popups.shop_id = :shop_id AND popups.id = :popup_id AND seen.first_at IS NOT NULL
    ON CONFLICT (shop_id, popup_id, stretch) DO UPDATE
    SET viewed_at = excluded.viewed_at
    WHERE coalesce(known.viewed_at > excluded.viewed_at, true)
"""

# A day's events of one in :mask + 1 viewers, who are of the variant that they met first. As in the statements that
# store events (functions/track_view/insert_views.sql): a view of the holdout is an exposure once there are exposures.
# Statements from before an edit may still be writing for some seconds after it: in these, viewers of the stretch before
# are not entered again, and a view does not count as an exposure.
ENTER_VIEWERS = """
    WITH event AS MATERIALIZED (
        SELECT viewer_hash((:salt)::uuid, coalesce(visitor_id, session_id)) AS viewer, event_id, viewed_at AS at,
            touched_at(event_id, viewed_at) AS touched_at, coalesce(variant_id, '') AS variant_id,
            CASE WHEN variant_id = 'holdout' AND viewed_at > :exposed_at::timestamptz + interval '10 seconds' THEN 2
                ELSE 1 END AS met_by, 0::smallint AS bits
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id
          AND viewed_at >= (:day::date)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
          AND viewed_at < (:day::date + 1)::timestamp AT TIME ZONE :time_zone + interval '2 hours'
          AND (viewed_at AT TIME ZONE :time_zone)::date = :day
          AND event_viewer(shop_id, visitor_id, session_id) & :mask::bigint = :part
        UNION ALL
        SELECT viewer_hash((:salt)::uuid, coalesce(visitor_id, session_id)), event_id, converted_at, converted_at, NULL,
            0, conversion_bit(type)
        FROM popup_conversions
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND type <> 'purchase'
          AND converted_at >= (:day::date)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
          AND converted_at < (:day::date + 1)::timestamp AT TIME ZONE :time_zone + interval '2 hours'
          AND (converted_at AT TIME ZONE :time_zone)::date = :day
          AND event_viewer(shop_id, visitor_id, session_id) & :mask::bigint = :part
    ), met AS (
        SELECT viewer, coalesce(min(touched_at) FILTER (WHERE met_by > 0), min(at)) AS met_at,
            coalesce((array_agg(variant_id ORDER BY at, event_id) FILTER (WHERE met_by > 0))[1], '') AS variant_id,
            max(met_by) AS met_by, bit_or(bits) AS did, count(DISTINCT variant_id) > 1 AS is_in_two
        FROM event
        WHERE at >= :begun_at AND at < coalesce(:ended_at::timestamptz, 'infinity')
          AND (at >= :begun_at::timestamptz + interval '10 seconds' OR (
            SELECT count(*)
            FROM stretch_viewers AS before
            WHERE before.shop_id = :shop_id AND before.viewer = event.viewer AND before.popup_id = :popup_id
              AND before.stretch = (:stretch)::integer - 1) = 0)
        GROUP BY viewer
    )
    INSERT INTO stretch_viewers AS known (shop_id, viewer, popup_id, stretch, met_at, variant_id, met_by, did,
        is_in_two)
    SELECT :shop_id, viewer, (:popup_id)::uuid, (:stretch)::integer, met_at, variant_id, met_by, did, is_in_two
    FROM met
    WHERE met_by > 0 OR did <> 0
    ORDER BY viewer
    ON CONFLICT (shop_id, viewer, popup_id, stretch) DO UPDATE
    SET met_at = CASE WHEN excluded.met_by = 0 THEN known.met_at WHEN known.met_by = 0 THEN excluded.met_at
            ELSE least(known.met_at, excluded.met_at) END,
        variant_id = CASE WHEN known.met_by = 0 THEN excluded.variant_id ELSE known.variant_id END,
        met_by = greatest(known.met_by, excluded.met_by), did = known.did | excluded.did,
        is_in_two = known.is_in_two OR excluded.is_in_two OR known.met_by > 0 AND excluded.met_by > 0
            AND known.variant_id <> excluded.variant_id
    WHERE known.met_by < excluded.met_by OR excluded.did & ~known.did <> 0
        OR excluded.met_by > 0 AND known.met_at > excluded.met_at
        OR NOT known.is_in_two AND (excluded.is_in_two OR known.met_by > 0 AND excluded.met_by > 0
            AND known.variant_id <> excluded.variant_id)
"""

# For all stretches that may still be compared, the shop-wide holdout's included, in one pass over the viewers.
TALLY_STRETCHES = """
    WITH known AS MATERIALIZED (
        SELECT popup_id, stretch
        FROM experiment_stretches
        WHERE shop_id = :shop_id
          AND coalesce(least(viewed_at, exposed_at), ended_at, now()) > now() - make_interval(days => :known_days)
    ), step AS (
        SELECT popup_id, stretch, variant_id, met_by, 1 AS viewers, is_in_two::integer AS in_two, did & 1 AS clicked,
            did >> 1 & 1 AS captured, did >> 2 & 1 AS used_code, least(orders, 1) AS bought, left_out, paid,
            paid * paid AS paid_squares, capped, capped * capped AS capped_squares,
            capped * capped * capped AS capped_cubes
        FROM stretch_viewers
        JOIN known USING (popup_id, stretch)
        WHERE shop_id = :shop_id AND met_by > 0
        UNION ALL
        SELECT popup_id, stretch, variant_id, met_by, -viewers, -in_two, -clicked, -captured, -used_code, -bought,
            -left_out, -paid, -paid_squares, -capped, -capped_squares, -capped_cubes
        FROM stretch_tallies
        JOIN known USING (popup_id, stretch)
        WHERE shop_id = :shop_id
    ), tallied AS (
        INSERT INTO stretch_tallies AS tally (shop_id, popup_id, stretch, variant_id, met_by, viewers, in_two, clicked,
            captured, used_code, bought, left_out, paid, paid_squares, capped, capped_squares, capped_cubes)
        SELECT :shop_id, popup_id, stretch, variant_id, met_by, sum(viewers), sum(in_two), sum(clicked), sum(captured),
            sum(used_code), sum(bought), sum(left_out), sum(paid), sum(paid_squares), sum(capped), sum(capped_squares),
            sum(capped_cubes)
        FROM step
        GROUP BY popup_id, stretch, variant_id, met_by
        HAVING (sum(viewers), sum(in_two), sum(clicked), sum(captured), sum(used_code), sum(bought), sum(left_out),
            sum(paid), sum(paid_squares), sum(capped), sum(capped_squares), sum(capped_cubes))
            <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        ORDER BY popup_id, stretch, variant_id, met_by
        ON CONFLICT (shop_id, popup_id, stretch, variant_id, met_by) DO UPDATE
        SET viewers = tally.viewers + excluded.viewers, in_two = tally.in_two + excluded.in_two,
            clicked = tally.clicked + excluded.clicked, captured = tally.captured + excluded.captured,
            used_code = tally.used_code + excluded.used_code, bought = tally.bought + excluded.bought,
            left_out = tally.left_out + excluded.left_out, paid = tally.paid + excluded.paid,
            paid_squares = tally.paid_squares + excluded.paid_squares, capped = tally.capped + excluded.capped,
            capped_squares = tally.capped_squares + excluded.capped_squares,
            capped_cubes = tally.capped_cubes + excluded.capped_cubes
        RETURNING 1
    )
    SELECT count(*) AS changed FROM tallied
"""


class Stretch(NamedTuple):
    """A stretch of a popup's experiment; `ended_at` is None while it is open, `exposed_at` without exposures."""

    popup_id: UUID
    stretch: int
    begun_at: datetime
    ended_at: datetime | None
    exposed_at: datetime | None

    def may_have(self, day: date) -> bool:
        """Return whether events of a day in any time zone may be of it."""
        around = timedelta(days=1)
        is_over = self.ended_at is not None and self.ended_at.date() + around < day
        return self.begun_at.date() - around <= day and not is_over


def fetch_stretches(connection: Connection, shop_id: str, now: datetime) -> list[Stretch]:
    """Return the stretches of the shop's popups whose viewers are all known still."""
    rows = connection.fetch_all(SELECT_STRETCHES, shop_id=shop_id)
    popups = {row["popup_id"]: row for row in rows}
    edits = {popup_id: _edits(connection, shop_id, popup) for popup_id, popup in popups.items()}
    found = [_stretch(row, edits[row["popup_id"]]) for row in rows]
    return [each for each in found if each.begun_at > now - timedelta(days=KNOWN_DAYS)]


def _stretch(row: dict[str, Any], edits: list[datetime]) -> Stretch:
    """Return when it began: with the last edit before anybody met it that begins one.

    The end of the one before is the same edit, and known of stretches that new functions have counted.
    """
    begun_at = max((edit for edit in edits if edit <= row["since"]), default=row["since"])
    if row["ended_before"] is not None:
        begun_at = max(begun_at, row["ended_before"])
    return Stretch(row["popup_id"], row["stretch"], begun_at, row["ended_at"], row["exposed_at"])


def _edits(connection: Connection, shop_id: str, popup: dict[str, Any]) -> list[datetime]:
    """Return when the popup began to compare something else, also in releases without stretches.

    Of what is not in its history only the last edit is known.
    """
    versions = connection.fetch_all(SELECT_VERSIONS, shop_id=shop_id, popup_id=popup["popup_id"])
    if not versions:
        return [popup["unchanged_since"]]
    begun: Iterator[datetime] = (
        after["changed_at"] for before, after in pairwise(versions) if begins_stretch(before, after)
    )
    return [versions[0]["changed_at"], *begun]
