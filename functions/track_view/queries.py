"""The SQL that stores views and tallies them, with the rows that it reads and returns."""

from __future__ import annotations

import uuid
from typing import TypedDict

from common.shop.events import EventRow


class ViewRow(EventRow):
    """A view to store."""

    page_url: str | None
    referrer: str | None


class ViewOutcome(TypedDict):
    """A refused view by its position, or a popup that has new views."""

    position: int | None
    shop_id: str | None
    popup_id: uuid.UUID | None
    refusal: str | None
    near_limit: bool | None
    has_late: bool | None


# Rows are inserted in key order, so that two statements with the same rows wait for each other and never deadlock. The
# popups are looked up by an array: Postgres does not know how many a batch names, and would scan the whole table for a
# join. ON CONFLICT names no key, although there is only one: Postgres would look it up for each index of the partition,
# a twentieth of the statement. The popup's own variants and the holdout are stored; an unknown variant counts as none.
# A foreign event (common/shop/event_ids.py) is new if its id is entered here for the first time, any other unless its
# id was entered while it was still foreign. They are looked up in a sub-select, which only the key can answer.
# A row of a viewer is changed by the first view, by the first on a later day, and by a view that comes after what the
# viewer did: then that is tallied now. first_day = last_day just after the first view, and never again.
# An order before which a view comes late is credited again (common/shop/orders/).
# A popup is near its limit if the views that all instances may be writing at the moment can reach it (10 instances, 2
# flushes of 500 events each): concurrent statements do not see each other, so none can tell which one reaches it.
INSERT_VIEWS = """
    WITH event AS MATERIALIZED (
        SELECT *
        FROM json_to_recordset(:events) AS event (
            position integer, event_id uuid, foreign_id uuid, popup_id uuid, session_id text, visitor_id text,
            variant_id text, device_type text, page_url text, referrer text, origin integer)
    ), popup AS MATERIALIZED (
        SELECT popups.id, popups.shop_id, popups.variants, popups.view_limit, shops.allowed_origins,
            shops.viewer_salt, (now() AT TIME ZONE shops.time_zone)::date AS day
        FROM popups
        JOIN shops ON shops.id = popups.shop_id
        WHERE popups.id = ANY (ARRAY(SELECT popup_id FROM event)) AND popups.deleted_at IS NULL
    ), given AS MATERIALIZED (
        SELECT event.*, popup.shop_id,
            CASE WHEN event.variant_id = 'holdout'
                    OR popup.variants @> jsonb_build_array(jsonb_build_object('id', event.variant_id))
                THEN event.variant_id ELSE '' END AS variant,
            CASE WHEN popup.id IS NULL THEN 'popup_not_found'
                WHEN popup.allowed_origins <> '{}' AND :origins::jsonb ->> event.origin <> ALL (popup.allowed_origins)
                THEN 'origin_not_allowed' END AS refusal,
            (SELECT known.event_id
             FROM foreign_event_ids AS known
             WHERE known.shop_id = popup.shop_id AND known.kind = 'view'
               AND known.sent_id = coalesce(event.foreign_id, event.event_id)) AS known_id
        FROM event
        LEFT JOIN popup ON popup.id = event.popup_id
    ), entered AS (
        INSERT INTO foreign_event_ids (shop_id, kind, sent_id, event_id)
        SELECT shop_id, 'view', foreign_id, event_id
        FROM given
        WHERE foreign_id IS NOT NULL AND refusal IS NULL AND known_id IS NULL
        ORDER BY shop_id, foreign_id
        ON CONFLICT DO NOTHING
        RETURNING event_id
    ), inserted AS (
        INSERT INTO popup_views (event_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type,
            page_url, referrer)
        SELECT event_id, shop_id, popup_id, session_id, visitor_id, nullif(variant, ''), device_type, page_url, referrer
        FROM given
        WHERE refusal IS NULL AND known_id IS NULL
          AND (foreign_id IS NULL OR event_id IN (SELECT event_id FROM entered))
        ORDER BY event_id
        ON CONFLICT DO NOTHING
        RETURNING event_id, shop_id, popup_id, coalesce(variant_id, '') AS variant_id,
            coalesce(device_type, '') AS device_type, coalesce(visitor_id, session_id) AS name
    ), new_view AS MATERIALIZED (
        SELECT inserted.*, popup.day, viewer_hash(popup.viewer_salt, inserted.name) AS viewer,
            touched_at(inserted.event_id, now()) AS seen_at
        FROM inserted
        JOIN popup ON popup.id = inserted.popup_id
    ), seen AS (
        INSERT INTO viewers_by_popup AS known (shop_id, viewer, popup_id, is_holdout, first_seen_at, first_day,
            variant_id, device_type, last_day, previous_day, did, newly)
        SELECT DISTINCT ON (shop_id, viewer, popup_id, variant_id = 'holdout') shop_id, viewer, popup_id,
            variant_id = 'holdout', seen_at, day, variant_id, device_type, day, day, 0, 0
        FROM new_view
        ORDER BY shop_id, viewer, popup_id, variant_id = 'holdout', event_id
        ON CONFLICT (shop_id, viewer, popup_id, is_holdout) DO UPDATE
        SET first_seen_at = coalesce(known.first_seen_at, excluded.first_seen_at),
            first_day = coalesce(known.first_day, excluded.first_day),
            variant_id = CASE WHEN known.first_day IS NULL THEN excluded.variant_id ELSE known.variant_id END,
            device_type = CASE WHEN known.first_day IS NULL THEN excluded.device_type ELSE known.device_type END,
            last_day = excluded.last_day, previous_day = known.last_day, newly = known.did
        WHERE known.first_day IS NULL OR known.last_day < excluded.last_day
        RETURNING shop_id, popup_id, first_day, variant_id, device_type, last_day, previous_day, newly
    ), seen_in_shop AS (
        INSERT INTO viewers AS known (shop_id, viewer, first_day, device_type, last_day, previous_day, did, newly)
        SELECT DISTINCT ON (shop_id, viewer) shop_id, viewer, day, device_type, day, day, 0, 0
        FROM new_view
        WHERE variant_id <> 'holdout'
        ORDER BY shop_id, viewer, event_id
        ON CONFLICT (shop_id, viewer) DO UPDATE
        SET first_day = coalesce(known.first_day, excluded.first_day),
            device_type = CASE WHEN known.first_day IS NULL THEN excluded.device_type ELSE known.device_type END,
            last_day = excluded.last_day, previous_day = known.last_day, newly = known.did
        WHERE known.first_day IS NULL OR known.last_day < excluded.last_day
        RETURNING shop_id, first_day, device_type, last_day, previous_day, newly
    ), met AS MATERIALIZED (
        SELECT * FROM seen
        UNION ALL
        SELECT shop_id, '00000000-0000-0000-0000-000000000000', first_day, '', device_type, last_day, previous_day,
            newly
        FROM seen_in_shop
    ), tallied AS (
        INSERT INTO daily_views AS tally (shop_id, popup_id, day, variant_id, device_type, views, viewers)
        SELECT shop_id, popup_id, day, variant_id, device_type, sum(views), sum(viewers)
        FROM (
            SELECT shop_id, popup_id, day, variant_id, device_type, 1 AS views, 0 AS viewers FROM new_view
            UNION ALL
            SELECT shop_id, popup_id, first_day, variant_id, device_type, 0, 1 FROM seen WHERE first_day = last_day
        ) AS step
        GROUP BY shop_id, popup_id, day, variant_id, device_type
        ORDER BY shop_id, popup_id, day, variant_id, device_type
        ON CONFLICT (shop_id, popup_id, day, variant_id, device_type) DO UPDATE
        SET views = tally.views + excluded.views, viewers = tally.viewers + excluded.viewers
    ), tallied_for_shop AS (
        INSERT INTO daily_shop_viewers AS tally (shop_id, day, device_type, viewers)
        SELECT shop_id, first_day, device_type, count(*)
        FROM seen_in_shop
        WHERE first_day = last_day
        GROUP BY shop_id, first_day, device_type
        ORDER BY shop_id, first_day, device_type
        ON CONFLICT (shop_id, day, device_type) DO UPDATE SET viewers = tally.viewers + excluded.viewers
    ), tallied_returns AS (
        INSERT INTO daily_returns AS tally (shop_id, popup_id, day, previous_day, variant_id, device_type, viewers)
        SELECT shop_id, popup_id, last_day, previous_day, variant_id, device_type, count(*)
        FROM met
        WHERE first_day < last_day
        GROUP BY shop_id, popup_id, last_day, previous_day, variant_id, device_type
        ORDER BY shop_id, popup_id, last_day, previous_day, variant_id, device_type
        ON CONFLICT (shop_id, popup_id, day, previous_day, variant_id, device_type) DO UPDATE
        SET viewers = tally.viewers + excluded.viewers
    ), tallied_converters AS (
        INSERT INTO daily_converters AS tally (shop_id, popup_id, day, variant_id, device_type, type, converters)
        SELECT shop_id, popup_id, first_day, variant_id, device_type, type, count(*)
        FROM met
        JOIN (VALUES ('click'), ('email_capture'), ('discount_code_used')) AS kind (type)
            ON newly & conversion_bit(type) <> 0
        WHERE first_day = last_day
        GROUP BY shop_id, popup_id, first_day, variant_id, device_type, type
        ORDER BY shop_id, popup_id, first_day, variant_id, device_type, type
        ON CONFLICT (shop_id, popup_id, day, variant_id, device_type, type) DO UPDATE
        SET converters = tally.converters + excluded.converters
    ), late AS MATERIALIZED (
        SELECT DISTINCT bought.shop_id, bought.order_id
        FROM new_view
        CROSS JOIN LATERAL (
            SELECT orders.shop_id, orders.order_id
            FROM orders
            WHERE orders.shop_id = new_view.shop_id AND orders.viewer = new_view.viewer
              AND orders.ordered_at >= new_view.seen_at AND orders.ordered_at > now() - interval '7 days'
              AND orders.state = 'counted'
            OFFSET 0
        ) AS bought
    ), waiting AS (
        INSERT INTO orders_to_credit (shop_id, order_id)
        SELECT shop_id, order_id FROM late ORDER BY shop_id, order_id
        ON CONFLICT DO NOTHING
    )
    SELECT position, NULL AS shop_id, NULL AS popup_id, refusal, NULL AS near_limit, NULL AS has_late
    FROM given
    WHERE refusal IS NOT NULL
    UNION ALL
    SELECT NULL, shop_id, id, NULL, view_limit IS NOT NULL AND view_limit - 10000 <= (
        SELECT coalesce(sum(views), 0)
        FROM daily_views AS tally
        WHERE (tally.shop_id, tally.popup_id) = (popup.shop_id, popup.id) AND tally.variant_id <> 'holdout'
    ), (SELECT count(*) FROM late WHERE late.shop_id = popup.shop_id) > 0
    FROM popup
    WHERE id IN (SELECT popup_id FROM inserted)
"""

# Enters the ids of views that were stored under their own id, while it was not yet foreign or by the previous release,
# so that the statement sent with this one finds them.
ENTER_STORED_VIEWS = """
    INSERT INTO foreign_event_ids (shop_id, kind, sent_id, event_id)
    SELECT shop_id, 'view', event_id, event_id
    FROM popup_views
    WHERE event_id = ANY (:foreign_ids::uuid[])
    ORDER BY shop_id, event_id
    ON CONFLICT DO NOTHING
"""
