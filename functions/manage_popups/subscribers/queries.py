"""The SQL of subscribers. Each list is in the order of an index, with bounds on it."""

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

# Changes nothing for a subscriber who is unsubscribed already.
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
    WHERE email_subscribers.shop_id = :shop_id AND email_subscribers.id = found.id
    RETURNING email_subscribers.id, email_subscribers.is_active, email_subscribers.unsubscribed_at
"""
