"""The statement that stores conversions and counts them, with the subscriber and the discount code."""

# Read from the top: what is given, what of it is known already, what is new; then a subscriber, a purchase and a code
# for what is new; then the events themselves; and from those really inserted the tallies, the consents that were given,
# and the tallies of the codes that were claimed or used. A race with another statement shows as an event without an
# answer, or as a violated unique key: the statement is then run again and finds the other's rows. Rows are written in
# the order of their keys, so that two statements never deadlock. A code that an order was paid with is used by the
# purchase, which counts once, and not by the discount_code_used that names the same order.
# Until `popups retain` has brought an address into its one form it may be stored in another: `known_as`.
# track_view tells why the popups are asked for as an array, and why an event's conflict names no key.
INSERT_CONVERSIONS = """
    WITH event AS MATERIALIZED (
        SELECT *
        FROM json_to_recordset(:events) AS event (
            position integer, event_id uuid, popup_id uuid, session_id text, visitor_id text, variant_id text,
            device_type text, origin integer, type text, email text, email_normalized text, name text, consent boolean,
            consent_text text, new_subscriber_id uuid, claimer text, other_emails text[], other_claimers text[],
            discount_code text, revenue numeric, currency text, order_id text, metadata jsonb)
    ), popup AS MATERIALIZED (
        SELECT popups.id, popups.shop_id, popups.version, popups.variants, popups.offer, shops.allowed_origins,
            (now() AT TIME ZONE shops.time_zone)::date AS day
        FROM popups
        JOIN shops ON shops.id = popups.shop_id
        WHERE popups.id = ANY (ARRAY(SELECT popup_id FROM event)) AND popups.deleted_at IS NULL
    ), given AS MATERIALIZED (
        SELECT event.*, popup.shop_id, popup.version AS popup_version,
            coalesce(variant.value ->> 'id', CASE WHEN event.variant_id = 'holdout' THEN 'holdout' END) AS variant,
            popup.offer || coalesce(variant.value -> 'offer', '{}') AS offer,
            CASE WHEN popup.id IS NULL THEN 'popup_not_found'
                WHEN popup.allowed_origins <> '{}' AND :origins::jsonb ->> event.origin <> ALL (popup.allowed_origins)
                THEN 'origin_not_allowed' END AS refusal
        FROM event
        LEFT JOIN popup ON popup.id = event.popup_id
        LEFT JOIN LATERAL jsonb_array_elements(popup.variants) AS variant ON variant.value ->> 'id' = event.variant_id
    ), known AS MATERIALIZED (
        SELECT given.position, stored.event_id,
            CASE WHEN stored.popup_id = given.popup_id THEN stored.issued_code END AS issued_code
        FROM given
        JOIN popup_conversions AS stored ON stored.event_id = given.event_id
        WHERE given.refusal IS NULL
        UNION ALL
        SELECT given.position, purchases.event_id, NULL
        FROM given
        JOIN purchases ON (purchases.shop_id, purchases.order_id) = (given.shop_id, given.order_id)
        WHERE given.refusal IS NULL AND given.type = 'purchase'
    ), new_event AS MATERIALIZED (
        SELECT DISTINCT ON (event_id) *, coalesce((
                SELECT stored.email_normalized
                FROM email_subscribers AS stored
                WHERE stored.shop_id = given.shop_id AND stored.email_normalized = ANY (given.other_emails)
                    AND NOT EXISTS (
                        SELECT
                        FROM email_subscribers AS newer
                        WHERE newer.shop_id = given.shop_id AND newer.email_normalized = given.email_normalized)
                ORDER BY stored.id
                LIMIT 1
            ), email_normalized) AS known_as
        FROM given
        WHERE refusal IS NULL AND position NOT IN (SELECT position FROM known)
        ORDER BY event_id, position
    ), bought AS (
        INSERT INTO purchases (shop_id, order_id, event_id)
        SELECT shop_id, order_id, event_id
        FROM new_event
        WHERE type = 'purchase'
        ORDER BY shop_id, order_id, event_id
        ON CONFLICT (shop_id, order_id) DO NOTHING
        RETURNING event_id
    ), subscribed AS (
        INSERT INTO email_subscribers AS subscriber
            (id, shop_id, email, email_normalized, claimer, name, popup_id, consent_text, consented_at)
        SELECT DISTINCT ON (shop_id, known_as) new_subscriber_id, shop_id, email, known_as, claimer, name, popup_id,
            consent_text, CASE WHEN consent THEN now() END
        FROM new_event
        WHERE type = 'email_capture'
        ORDER BY shop_id, known_as, event_id
        ON CONFLICT (shop_id, email_normalized) DO UPDATE
        SET name = coalesce(excluded.name, subscriber.name),
            is_active = subscriber.is_active OR excluded.consented_at IS NOT NULL,
            unsubscribed_at = CASE WHEN excluded.consented_at IS NULL THEN subscriber.unsubscribed_at END,
            consent_text = CASE WHEN excluded.consented_at IS NULL THEN subscriber.consent_text
                ELSE excluded.consent_text END,
            consented_at = coalesce(excluded.consented_at, subscriber.consented_at)
        RETURNING id, shop_id, email_normalized
    ), promised AS MATERIALIZED (
        SELECT new_event.event_id, new_event.claimer, new_event.other_claimers, code.shop_id, code.id, code.code,
            code.single_use, code.type, code.value, code.expires_at
        FROM new_event
        JOIN discount_codes AS code ON code.shop_id = new_event.shop_id
            AND code.id = (new_event.offer ->> 'discount_code_id')::uuid
        WHERE (new_event.type = 'email_capture'
                OR new_event.type = 'click' AND new_event.offer ->> 'type' IN ('discount', 'free_shipping'))
          AND code_is_valid(code.*)
    ), held AS MATERIALIZED (
        SELECT DISTINCT ON (promised.shop_id, promised.id, promised.claimer) promised.shop_id, promised.id,
            promised.claimer, single_use_codes.code
        FROM promised
        JOIN single_use_codes ON single_use_codes.shop_id = promised.shop_id
            AND single_use_codes.discount_code_id = promised.id
            AND single_use_codes.claimed_by = ANY (ARRAY[promised.claimer] || promised.other_claimers)
        ORDER BY promised.shop_id, promised.id, promised.claimer,
            single_use_codes.claimed_by <> promised.claimer, single_use_codes.code
    ), wanted AS MATERIALIZED (
        SELECT shop_id, id, claimer, row_number() OVER (PARTITION BY shop_id, id ORDER BY claimer) AS number
        FROM (SELECT shop_id, id, claimer FROM promised WHERE single_use
              EXCEPT SELECT shop_id, id, claimer FROM held) AS claim
    ), free AS MATERIALIZED (
        SELECT pool.shop_id, pool.id, unclaimed.code,
            row_number() OVER (PARTITION BY pool.shop_id, pool.id ORDER BY unclaimed.code) AS number
        FROM (SELECT shop_id, id, count(*) AS needed FROM wanted GROUP BY shop_id, id) AS pool
        CROSS JOIN LATERAL (
            SELECT code
            FROM single_use_codes
            WHERE (single_use_codes.shop_id, discount_code_id) = (pool.shop_id, pool.id)
              AND claimed_by IS NULL AND used_at IS NULL
            ORDER BY code
            LIMIT pool.needed
            FOR UPDATE SKIP LOCKED
        ) AS unclaimed
    ), claimed AS (
        UPDATE single_use_codes
        SET claimed_by = wanted.claimer, claimed_at = now()
        FROM wanted JOIN free USING (shop_id, id, number)
        WHERE (single_use_codes.shop_id, single_use_codes.discount_code_id, single_use_codes.code)
            = (free.shop_id, free.id, free.code)
        RETURNING wanted.shop_id, wanted.id, wanted.claimer, single_use_codes.code
    ), issued AS MATERIALIZED (
        SELECT DISTINCT ON (event_id) event_id, jsonb_build_object(
            'code', code,
            'type', type,
            'value', value::text,
            'expires_at', to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        ) AS code
        FROM (
            SELECT promised.event_id, 1, CASE WHEN promised.single_use THEN own.code ELSE promised.code END,
                promised.type, promised.value, promised.expires_at
            FROM promised
            LEFT JOIN (SELECT * FROM held UNION ALL SELECT * FROM claimed) AS own
                ON (own.shop_id, own.id, own.claimer) = (promised.shop_id, promised.id, promised.claimer)
            WHERE NOT promised.single_use OR own.code IS NOT NULL
            UNION ALL
            SELECT new_event.event_id, 2, code.code, code.type, code.value, code.expires_at
            FROM new_event
            JOIN discount_codes AS code ON code.shop_id = new_event.shop_id
                AND code.id = (new_event.offer ->> 'fallback_discount_code_id')::uuid
            WHERE new_event.offer ->> 'when_empty' = 'fallback'
              AND new_event.offer ->> 'discount_code_id' IS NOT NULL
              AND (new_event.type = 'email_capture'
                    OR new_event.type = 'click' AND new_event.offer ->> 'type' IN ('discount', 'free_shipping'))
              AND NOT code.single_use AND code_is_valid(code.*)
        ) AS possible (event_id, choice, code, type, value, expires_at)
        ORDER BY event_id, choice
    ), inserted AS (
        INSERT INTO popup_conversions (event_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type,
            type, subscriber_id, discount_code, revenue, currency, order_id, metadata, issued_code)
        SELECT new_event.event_id, new_event.shop_id, popup_id, session_id, visitor_id, variant, device_type, type,
            subscribed.id, discount_code, revenue, currency, order_id, metadata, issued.code
        FROM new_event
        LEFT JOIN subscribed ON new_event.type = 'email_capture' AND subscribed.shop_id = new_event.shop_id
            AND subscribed.email_normalized = new_event.known_as
        LEFT JOIN issued ON issued.event_id = new_event.event_id
        WHERE new_event.type <> 'purchase' OR new_event.event_id IN (SELECT event_id FROM bought)
        ORDER BY new_event.event_id
        ON CONFLICT DO NOTHING
        RETURNING event_id, shop_id, popup_id, subscriber_id, coalesce(variant_id, '') AS variant_id,
            coalesce(device_type, '') AS device_type, type, coalesce(currency, '') AS currency,
            coalesce(revenue, 0) AS revenue, issued_code,
            CASE WHEN type = 'purchase' OR order_id IS NULL THEN upper(discount_code) END AS used_code
    ), tallied AS (
        INSERT INTO daily_conversions AS tally
            (shop_id, popup_id, day, variant_id, device_type, type, currency, conversions, revenue)
        SELECT inserted.shop_id, popup_id, popup.day, variant_id, device_type, type, currency, count(*), sum(revenue)
        FROM inserted
        JOIN popup ON popup.id = inserted.popup_id
        GROUP BY inserted.shop_id, popup_id, popup.day, variant_id, device_type, type, currency
        ORDER BY inserted.shop_id, popup_id, popup.day, variant_id, device_type, type, currency
        ON CONFLICT (shop_id, popup_id, day, variant_id, device_type, type, currency) DO UPDATE
        SET conversions = tally.conversions + excluded.conversions, revenue = tally.revenue + excluded.revenue
    ), consented AS (
        INSERT INTO email_consents (shop_id, subscriber_id, id, type, consent_text, popup_id, popup_version)
        SELECT inserted.shop_id, inserted.subscriber_id, event_id, 'given', consent_text, inserted.popup_id,
            popup_version
        FROM inserted
        JOIN new_event USING (event_id)
        WHERE inserted.subscriber_id IS NOT NULL AND new_event.consent
        ON CONFLICT DO NOTHING  -- it outlives its event, which may be sent again after retention
    ), used_of_pool AS (
        UPDATE single_use_codes
        SET used_at = now()
        FROM (SELECT DISTINCT shop_id, used_code FROM inserted WHERE used_code IS NOT NULL) AS used
        WHERE single_use_codes.shop_id = used.shop_id AND upper(single_use_codes.code) = used.used_code
          AND used_at IS NULL
        RETURNING single_use_codes.shop_id, single_use_codes.discount_code_id AS id
    ), tallied_of_codes AS (
        INSERT INTO discount_code_tallies AS tally (shop_id, discount_code_id, uses, claimed)
        SELECT shop_id, id, sum(uses), sum(claimed)
        FROM (
            SELECT code.shop_id, code.id, 1 AS uses, 0 AS claimed
            FROM inserted
            JOIN discount_codes AS code ON code.shop_id = inserted.shop_id AND upper(code.code) = inserted.used_code
            WHERE NOT code.single_use
            UNION ALL
            SELECT shop_id, id, 1, 0 FROM used_of_pool
            UNION ALL
            SELECT shop_id, id, 0, 1 FROM claimed
        ) AS step
        GROUP BY shop_id, id
        ORDER BY shop_id, id
        ON CONFLICT (shop_id, discount_code_id) DO UPDATE
        SET uses = tally.uses + excluded.uses, claimed = tally.claimed + excluded.claimed
    )
    SELECT given.position, given.shop_id, given.popup_id, given.refusal,
        coalesce(inserted.event_id, known.event_id) AS conversion_id,
        coalesce(inserted.issued_code, known.issued_code) AS issued_code,
        inserted.event_id IS NOT NULL AND new_event.position IS NOT NULL AS is_new,
        coalesce(given.offer ->> 'when_empty' = 'stop', false) AS may_stop
    FROM given
    LEFT JOIN new_event ON new_event.position = given.position
    LEFT JOIN inserted ON inserted.event_id = given.event_id
    LEFT JOIN LATERAL (SELECT * FROM known WHERE known.position = given.position LIMIT 1) AS known ON true
    ORDER BY given.position
"""
