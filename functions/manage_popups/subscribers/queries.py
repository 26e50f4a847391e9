"""The SQL of subscribers. Each list has the order of an index, and bounds that lead into it."""

from __future__ import annotations

SELECT_SUBSCRIBERS = """
    SELECT id, email, name, popup_id, is_active, consent_text, consented_at, unsubscribed_at, created_at
    FROM email_subscribers
    WHERE shop_id = :shop_id
      AND (created_at, id) < (:before_created_at::timestamptz, :before_id::uuid)
    ORDER BY created_at DESC, id DESC
    LIMIT :limit
"""

SELECT_SUBSCRIBERS_BY_ACTIVITY = """
    SELECT id, email, name, popup_id, is_active, consent_text, consented_at, unsubscribed_at, created_at
    FROM email_subscribers
    WHERE shop_id = :shop_id AND is_active = :active
      AND (created_at, id) < (:before_created_at::timestamptz, :before_id::uuid)
    ORDER BY created_at DESC, id DESC
    LIMIT :limit
"""

SELECT_SUBSCRIBERS_OF_POPUP = """
    SELECT id, email, name, popup_id, is_active, consent_text, consented_at, unsubscribed_at, created_at
    FROM email_subscribers
    WHERE shop_id = :shop_id AND popup_id = :popup_id AND (:active::boolean IS NULL OR is_active = :active)
      AND (created_at, id) < (:before_created_at::timestamptz, :before_id::uuid)
    ORDER BY created_at DESC, id DESC
    LIMIT :limit
"""

SELECT_SUBSCRIBERS_BY_EMAIL = """
    SELECT id, email, email_normalized, name, popup_id, is_active, consent_text, consented_at, unsubscribed_at,
        created_at
    FROM email_subscribers
    WHERE shop_id = :shop_id
      AND email_normalized COLLATE "C" >= :email_from AND email_normalized COLLATE "C" < :email_below
      AND email_normalized COLLATE "C" > :email_after
      AND (:popup_id::uuid IS NULL OR popup_id = :popup_id)
      AND (:active::boolean IS NULL OR is_active = :active)
    ORDER BY email_normalized COLLATE "C"
    LIMIT :limit
"""

SELECT_SUBSCRIBER = """
    SELECT id, email, name, popup_id, is_active, consent_text, consented_at, unsubscribed_at, created_at
    FROM email_subscribers
    WHERE shop_id = :shop_id AND id = :id
"""

SELECT_CONSENTS = """
    SELECT id, type, consent_text, popup_id, popup_version, recorded_at
    FROM email_consents
    WHERE shop_id = :shop_id AND subscriber_id = :id
      AND (recorded_at, id) > (:after_recorded_at::timestamptz, :after_id::uuid)
    ORDER BY recorded_at, id
    LIMIT :limit
"""

# Of a subscriber who has left already, nothing changes.
UNSUBSCRIBE = """
    WITH found AS MATERIALIZED (
        SELECT shop_id, id, is_active, consented_at
        FROM email_subscribers
        WHERE shop_id = :shop_id AND id = :id
        FOR UPDATE
    ), withdrawn AS (
        INSERT INTO email_consents (shop_id, subscriber_id, id, type)
        SELECT shop_id, id, :withdrawal_id, 'withdrawn'
        FROM found
        WHERE is_active AND consented_at IS NOT NULL
    )
    UPDATE email_subscribers
    SET is_active = false,
        unsubscribed_at = CASE WHEN found.is_active THEN now() ELSE email_subscribers.unsubscribed_at END
    FROM found
    WHERE (email_subscribers.shop_id, email_subscribers.id) = (found.shop_id, found.id)
    RETURNING email_subscribers.id, email_subscribers.is_active, email_subscribers.unsubscribed_at
"""

# The person's events stay and count as before, but under names made up here, one for each visitor and visit, which
# nothing ties to the person any more. An order keeps its id: it is the shop's own, and must not be counted again.
ERASE_SUBSCRIBER = """
    WITH person AS (
        DELETE FROM email_subscribers
        WHERE shop_id = :shop_id AND id = :id
        RETURNING shop_id, id, claimer
    ), consents AS (
        DELETE FROM email_consents
        USING person
        WHERE (email_consents.shop_id, subscriber_id) = (person.shop_id, person.id)
    ), own AS MATERIALIZED (
        SELECT visitor_id, session_id
        FROM person
        JOIN popup_conversions AS conversion ON conversion.subscriber_id = person.id
    ), visitor AS MATERIALIZED (
        SELECT DISTINCT visitor_id FROM own WHERE visitor_id IS NOT NULL
    ), visit AS MATERIALIZED (
        SELECT DISTINCT session_id FROM own
    ), viewed AS MATERIALIZED (
        SELECT view.event_id, view.visitor_id, view.session_id
        FROM visitor JOIN popup_views AS view USING (visitor_id)
        WHERE view.shop_id = :shop_id
        UNION
        SELECT view.event_id, view.visitor_id, view.session_id
        FROM visit JOIN popup_views AS view USING (session_id)
        WHERE view.shop_id = :shop_id
    ), converted AS MATERIALIZED (
        SELECT conversion.event_id, conversion.visitor_id, conversion.session_id
        FROM visitor JOIN popup_conversions AS conversion USING (visitor_id)
        WHERE conversion.shop_id = :shop_id
        UNION
        SELECT conversion.event_id, conversion.visitor_id, conversion.session_id
        FROM visit JOIN popup_conversions AS conversion USING (session_id)
        WHERE conversion.shop_id = :shop_id
    ), alias AS MATERIALIZED (
        SELECT known, gen_random_uuid()::text AS alias
        FROM (
            SELECT visitor_id AS known FROM viewed WHERE visitor_id IS NOT NULL
            UNION SELECT session_id FROM viewed
            UNION SELECT visitor_id FROM converted WHERE visitor_id IS NOT NULL
            UNION SELECT session_id FROM converted
        ) AS name
    ), views AS (
        UPDATE popup_views
        SET visitor_id = visitor.alias, session_id = visit.alias, page_url = NULL, referrer = NULL
        FROM viewed
        JOIN alias AS visit ON visit.known = viewed.session_id
        LEFT JOIN alias AS visitor ON visitor.known = viewed.visitor_id
        WHERE popup_views.event_id = viewed.event_id
    ), conversions AS (
        UPDATE popup_conversions
        SET visitor_id = visitor.alias, session_id = visit.alias, subscriber_id = nullif(subscriber_id, :id),
            metadata = NULL
        FROM converted
        JOIN alias AS visit ON visit.known = converted.session_id
        LEFT JOIN alias AS visitor ON visitor.known = converted.visitor_id
        WHERE popup_conversions.event_id = converted.event_id
    ), viewers AS (
        UPDATE popup_viewers
        SET viewer = alias.alias
        FROM alias
        CROSS JOIN popups
        WHERE popups.shop_id = :shop_id
          AND (popup_viewers.shop_id, popup_viewers.popup_id, viewer) = (popups.shop_id, popups.id, alias.known)
    ), viewers_of_shop AS (
        UPDATE shop_viewers
        SET viewer = alias.alias
        FROM alias
        WHERE (shop_viewers.shop_id, viewer) = (:shop_id, alias.known)
    ), claims AS (
        UPDATE single_use_codes
        SET claimed_by = 'erased:' || gen_random_uuid()
        FROM (SELECT claimer FROM person UNION SELECT 'viewer:' || known FROM alias) AS claim
        CROSS JOIN discount_codes AS pool
        WHERE pool.shop_id = :shop_id AND pool.single_use
          AND (single_use_codes.shop_id, discount_code_id, claimed_by) = (pool.shop_id, pool.id, claim.claimer)
    )
    SELECT id FROM person
"""
