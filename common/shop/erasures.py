"""Renames erased persons' events, in batches, so that any number of events can be erased.

The person's row is deleted before this begins; a row of `erasures` stands for the remaining work, and is deleted in the
transaction that completes it. The events stay and count as before, under names that nothing links to the person. They
are the events of the viewers as whom the address was captured: of a visitor id, or of a session without one. Events of
other viewers in the same session are not changed.
"""

from __future__ import annotations

import time
import uuid

from common import postgres
from common.shop.viewers_lock import LOCK_VIEWERS

BATCH_ROWS = 1000
# How long an erasure's answer waits for the person's events to be renamed: enough for tens of thousands.
RENAMING_SECONDS = 1.0
# Each viewer is looked up in every monthly partition.
BATCH_VIEWERS = 200

# If one visitor has most of a table's events, Postgres would scan the table instead of using an index, for each batch
# again. Applies to the transaction it is sent in.
USE_INDEXES = "SELECT set_config('enable_seqscan', 'off', true)"

# Deletes the person: row, address, name, consents, and the name under which codes are held. The events are renamed
# afterwards (common/shop/erasures.py), for which a row of `erasures` stands; consents beyond a few thousand likewise.
# A request for data that waits for the merchant's answer loses the address and keeps the platform's id of the customer.
ERASE_SUBSCRIBER = """
    WITH person AS (
        DELETE FROM email_subscribers
        WHERE shop_id = :shop_id AND id = :id
        RETURNING shop_id, id, claimer, email_normalized, lower(normalize(email, NFC)) AS email
    ), renaming AS (
        INSERT INTO erasures (shop_id, subscriber_id)
        SELECT shop_id, id FROM person
    ), consents AS (
        DELETE FROM email_consents
        USING person
        WHERE email_consents.shop_id = :shop_id AND email_consents.subscriber_id = :id
          AND email_consents.id = ANY (ARRAY(
            SELECT id FROM email_consents WHERE shop_id = :shop_id AND subscriber_id = :id LIMIT 5000))
    ), claims AS (
        UPDATE single_use_codes AS claim
        SET claimed_by = 'erased:' || gen_random_uuid()
        FROM person CROSS JOIN discount_codes AS pool
        WHERE pool.shop_id = :shop_id AND pool.single_use
          AND claim.shop_id = :shop_id AND claim.discount_code_id = pool.id AND claim.claimed_by = person.claimer
    ), requests AS (
        UPDATE order_source_requests AS asked
        SET email = NULL
        FROM person
        WHERE asked.shop_id = :shop_id
          AND lower(normalize(asked.email, NFC)) IN (person.email, person.email_normalized)
    )
    SELECT id FROM person
"""

# Removes the person from conversions, and records the viewers as whom these were made.
COLLECT_VIEWERS = """
    WITH own AS MATERIALIZED (
        SELECT event_id, coalesce(visitor_id, session_id) AS viewer
        FROM popup_conversions
        WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id
        LIMIT :batch_rows
        FOR UPDATE
    ), noted AS (
        INSERT INTO erased_viewers (shop_id, subscriber_id, viewer)
        SELECT DISTINCT :shop_id, (:subscriber_id)::uuid, viewer FROM own ORDER BY viewer
        ON CONFLICT DO NOTHING
    ), consents AS (
        DELETE FROM email_consents
        WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id AND id = ANY (ARRAY(
            SELECT id
            FROM email_consents
            WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id
            LIMIT :batch_rows))
    )
    UPDATE popup_conversions
    SET subscriber_id = NULL, metadata = NULL
    WHERE shop_id = :shop_id AND event_id = ANY (ARRAY(SELECT event_id FROM own))
"""

# A visitor's sessions are recorded as well, for their events without a visitor id. An event is checked again under its
# lock, because a concurrent batch may have renamed it.
RENAME_EVENTS = """
    WITH erasure AS MATERIALIZED (
        SELECT salt FROM erasures WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id
    ), name AS MATERIALIZED (
        SELECT viewer
        FROM erased_viewers
        WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id
        ORDER BY viewer
        LIMIT :batch_viewers
    ), viewed AS MATERIALIZED (
        SELECT event.event_id, event.session_id
        FROM name
        CROSS JOIN LATERAL (
            SELECT event_id, session_id
            FROM popup_views
            WHERE shop_id = :shop_id AND coalesce(visitor_id, session_id) = name.viewer
              AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, name.viewer)
            OFFSET 0
        ) AS event
        LIMIT :batch_rows
    ), converted AS MATERIALIZED (
        SELECT event.event_id, event.session_id
        FROM name
        CROSS JOIN LATERAL (
            SELECT event_id, session_id
            FROM popup_conversions
            WHERE shop_id = :shop_id AND coalesce(visitor_id, session_id) = name.viewer
              AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, name.viewer)
            OFFSET 0
        ) AS event
        LIMIT :batch_rows
    ), noted AS (
        INSERT INTO erased_viewers (shop_id, subscriber_id, viewer)
        SELECT :shop_id, (:subscriber_id)::uuid, session_id
        FROM (SELECT session_id FROM viewed UNION SELECT session_id FROM converted) AS visit
        ORDER BY session_id
        ON CONFLICT DO NOTHING
    ), views AS (
        UPDATE popup_views
        SET visitor_id = erased_name(salt, visitor_id), session_id = erased_name(salt, session_id),
            page_url = NULL, referrer = NULL
        FROM erasure
        WHERE shop_id = :shop_id AND event_id = ANY (ARRAY(SELECT event_id FROM viewed))
          AND coalesce(visitor_id, session_id) = ANY (ARRAY(SELECT viewer FROM name))
    ), conversions AS (
        UPDATE popup_conversions
        SET visitor_id = erased_name(salt, visitor_id), session_id = erased_name(salt, session_id), metadata = NULL
        FROM erasure
        WHERE shop_id = :shop_id AND event_id = ANY (ARRAY(SELECT event_id FROM converted))
          AND coalesce(visitor_id, session_id) = ANY (ARRAY(SELECT viewer FROM name))
    )
    SELECT (SELECT count(*) FROM viewed) + (SELECT count(*) FROM converted) AS found
"""

# Known viewers without any event left are renamed, under LOCK_VIEWERS: no view in progress may still rely on the old
# name. popup_viewers and shop_viewers are those of the release before.
RENAME_VIEWERS = """
    WITH erasure AS MATERIALIZED (
        SELECT salt FROM erasures WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id
    ), done AS MATERIALIZED (
        SELECT viewer
        FROM (
            SELECT viewer
            FROM erased_viewers
            WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id
            ORDER BY viewer
            LIMIT :batch_viewers
        ) AS name
        WHERE coalesce(
            (SELECT 1 FROM popup_views
             WHERE shop_id = :shop_id AND coalesce(visitor_id, session_id) = name.viewer
               AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, name.viewer) LIMIT 1),
            (SELECT 1 FROM popup_conversions
             WHERE shop_id = :shop_id AND coalesce(visitor_id, session_id) = name.viewer
               AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, name.viewer) LIMIT 1)
        ) IS NULL
    ), renamed AS MATERIALIZED (
        SELECT viewer AS name, viewer_hash(viewer_salt, viewer) AS viewer,
            viewer_hash(viewer_salt, erased_name(salt, viewer)) AS erased
        FROM done CROSS JOIN erasure CROSS JOIN (SELECT viewer_salt FROM shops WHERE id = :shop_id) AS shop
    ), viewers_of_popups AS (
        UPDATE viewers_by_popup
        SET viewer = renamed.erased
        FROM renamed
        WHERE shop_id = :shop_id AND viewers_by_popup.viewer = ANY (ARRAY(SELECT viewer FROM renamed))
          AND viewers_by_popup.viewer = renamed.viewer
    ), viewers_of_shop AS (
        UPDATE viewers
        SET viewer = renamed.erased
        FROM renamed
        WHERE shop_id = :shop_id AND viewers.viewer = ANY (ARRAY(SELECT viewer FROM renamed))
          AND viewers.viewer = renamed.viewer
    ), orders_of_viewers AS (
        UPDATE orders
        SET viewer = coalesce((SELECT erased FROM renamed WHERE renamed.viewer = orders.viewer), orders.viewer),
            settled_viewer = coalesce(
                (SELECT erased FROM renamed WHERE renamed.viewer = orders.settled_viewer), orders.settled_viewer),
            visitor = coalesce((SELECT erased FROM renamed WHERE renamed.viewer = orders.visitor), orders.visitor),
            settled_visitor = coalesce(
                (SELECT erased FROM renamed WHERE renamed.viewer = orders.settled_visitor), orders.settled_visitor),
            viewer_name = CASE WHEN viewer_name = ANY (ARRAY(SELECT name FROM renamed))
                THEN erased_name(salt, viewer_name) ELSE viewer_name END,
            reported_viewer = CASE WHEN reported_viewer = ANY (ARRAY(SELECT name FROM renamed))
                THEN erased_name(salt, reported_viewer) ELSE reported_viewer END
        FROM erasure
        WHERE shop_id = :shop_id AND (
            orders.viewer = ANY (ARRAY(SELECT viewer FROM renamed))
            OR orders.visitor = ANY (ARRAY(SELECT viewer FROM renamed))
            OR reported_viewer = ANY (ARRAY(SELECT name FROM renamed)))
    ), viewers_of_stretches AS (
        UPDATE stretch_viewers
        SET viewer = renamed.erased
        FROM renamed
        WHERE shop_id = :shop_id AND stretch_viewers.viewer = ANY (ARRAY(SELECT viewer FROM renamed))
          AND stretch_viewers.viewer = renamed.viewer
    ), viewers_of_popups_before AS (
        UPDATE popup_viewers
        SET viewer = erased_name(salt, viewer)
        FROM erasure
        WHERE shop_id = :shop_id AND viewer = ANY (ARRAY(SELECT viewer FROM done))
    ), viewers_of_shop_before AS (
        UPDATE shop_viewers
        SET viewer = erased_name(salt, viewer)
        FROM erasure
        WHERE shop_id = :shop_id AND viewer = ANY (ARRAY(SELECT viewer FROM done))
    ), claims AS (
        UPDATE single_use_codes AS claim
        SET claimed_by = 'erased:' || erased_name(salt, claimed_by)
        FROM erasure CROSS JOIN done CROSS JOIN discount_codes AS pool
        WHERE pool.shop_id = :shop_id AND pool.single_use
          AND claim.shop_id = :shop_id AND claim.discount_code_id = pool.id
          AND claim.claimed_by = 'viewer:' || done.viewer
    )
    DELETE FROM erased_viewers
    WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id AND viewer = ANY (ARRAY(SELECT viewer FROM done))
"""

END_ERASURE = """
    DELETE FROM erasures
    WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id
      AND (SELECT 1 FROM erased_viewers WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id LIMIT 1) IS NULL
      AND (SELECT 1 FROM popup_conversions WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id LIMIT 1) IS NULL
      AND (SELECT 1 FROM email_consents WHERE shop_id = :shop_id AND subscriber_id = :subscriber_id LIMIT 1) IS NULL
    RETURNING subscriber_id
"""


def erase_person(connection: postgres.Connection, shop_id: str, subscriber_id: uuid.UUID) -> bool:
    """Delete a subscriber and queue the renaming of their events. Return whether there was one."""
    return connection.fetch_one(ERASE_SUBSCRIBER, shop_id=shop_id, id=subscriber_id) is not None


def rename_for_a_while(connection: postgres.Connection, shop_id: str, subscriber_id: uuid.UUID) -> None:
    """Rename an erased person's events for about RENAMING_SECONDS at most; `popups retain` goes on with the rest."""
    deadline = time.monotonic() + RENAMING_SECONDS
    while not rename_batch(connection, shop_id, subscriber_id) and time.monotonic() < deadline:
        pass


def rename_batch(connection: postgres.Connection, shop_id: str, subscriber_id: uuid.UUID) -> bool:
    """Rename one batch of an erased person's events, in at most two round trips. Return whether none are left.

    Safe to repeat and to run concurrently. Raises DatabaseUnavailable.
    """
    erasure = {"shop_id": shop_id, "subscriber_id": subscriber_id}
    some = {**erasure, "batch_rows": BATCH_ROWS, "batch_viewers": BATCH_VIEWERS}
    connection.queue(USE_INDEXES)
    connection.queue(COLLECT_VIEWERS, **some)
    renamed = connection.fetch_one(RENAME_EVENTS, **some)
    if renamed and renamed["found"] >= BATCH_ROWS:
        return False
    connection.queue(USE_INDEXES)
    connection.queue(LOCK_VIEWERS, shop_id=shop_id)
    connection.queue(RENAME_EVENTS, **some)
    connection.queue(RENAME_VIEWERS, **some)
    return connection.fetch_one(END_ERASURE, **erasure) is not None
