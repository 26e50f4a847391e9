-- Read from the top: given events, those already known, new ones; then the subscriber, purchase and code of each new
-- one; then the events themselves; and for those actually inserted the tallies, the consents, and the tallies of the
-- codes that were claimed or used. A race with another statement shows as an event without an answer, or as a violated
-- unique key: the statement is then run again and finds the other's rows. Rows are written in key order, so that two
-- statements never deadlock.
--
-- A code is issued until 30 minutes after the popup was last shown: that is when an edit stopped it (stopped_at), its
-- schedule ended, a view reached its limit, or a code ran out without which it stops. Each event without an order uses
-- a code once; an order uses a code that it names once, in whichever of its events. Older releases knew the code of a
-- purchase only, so a stored purchase counts too.
--
-- Budgets (code_budgets) protect what any client could drain: codes of a pool, by network and shop, and uses that count
-- towards a limit. They are spent by available codes and counted uses only, in the step that decides. A network's
-- budget is checked before the shop's, so that a network that has spent its own takes nothing from the others.
--
-- A purchase of an order that the shop or its platform has reported changes nothing if a browser has reported it before,
-- also under another name of the order, or if the order is withdrawn: it is then one of a known order. An event that
-- names no popup has the nil one, in a statement of one shop only. Orders before which a click or a capture comes late
-- are credited again (common/shop/orders/). What the whole shop's held-out visitors do is stored as the popup's holdout's,
-- which is in no total, and no popup has the credit for it.
--
-- Clients may send any address: a consent is valid only if its text is that of a version of the popup in the last 30
-- days (of at most 1000 versions), in any variant; only then is it proof, and only then does it resubscribe anybody.
-- Until `popups retain` has normalized a stored address, it may be in another form: `known_as`.
--
-- What a viewer did is kept in `viewers`, for the shop and for the popup first seen, and in viewers_by_popup for others.
-- If the lookup before (did) found no row and a concurrent view has inserted one by then, only that row says which popup
-- is the first (previous_day is 'infinity' in what is written there).
--
-- functions/track_view/insert_views.sql explains the array of popups, ON CONFLICT without a key, and foreign events.
-- sent_id is an event's id as sent, to which orders, consents and answers refer; event_id is its row's.
--
-- is_taken is a column because Postgres expects it to be true for half of the rows, but a condition for one in 200, and
-- would then compare each event with each. A view's id is of about now (common/shop/event_ids.py), so bounds on it prune
-- the other months' partitions.
WITH event AS MATERIALIZED (
    SELECT *, coalesce(foreign_id, event_id) AS sent_id
    FROM json_to_recordset(:events) AS event (
        position integer, event_id uuid, foreign_id uuid, popup_id uuid, named_shop text, session_id text,
        visitor_id text, variant_id text, device_type text, origin integer, type text, email text,
        email_normalized text, name text,
        consent boolean, consent_text text, new_subscriber_id uuid, claimer text, other_emails text[],
        other_claimers text[], network text, discount_code text, trimmed_code text, revenue numeric, currency text,
        order_id text, metadata jsonb)
), popup AS MATERIALIZED (
    SELECT popups.id, popups.shop_id, popups.version, popups.variants, popups.offer, popups.view_limit,
        shops.codes_per_hour, shops.codes_per_network_per_hour, shops.code_uses_per_network_per_hour,
        concat(shops.network_salt, floor(extract(epoch FROM now()) / 3600)) AS salt,
        shops.allowed_origins, shops.time_zone, (now() AT TIME ZONE shops.time_zone)::date AS day,
        popups.stretch, popups.holdout_percent > 0 OR jsonb_array_length(popups.variants) > 1 AS is_compared,
        shops.viewer_salt,
        coalesce(popups.offer ->> 'discount_code_id', popups.variants -> 0 -> 'offer' ->> 'discount_code_id') IS NOT NULL
            AS gives_code,
        coalesce(
            popups.stopped_at > now() - interval '30 minutes'
            OR popups.is_active AND coalesce(popups.starts_at <= now(), true)
                AND coalesce(popups.ends_at > now() - interval '30 minutes', true),
            false) AS is_or_was_shown
    FROM popups
    JOIN shops ON shops.id = popups.shop_id
    WHERE popups.id = ANY (ARRAY(SELECT popup_id FROM event)) AND popups.deleted_at IS NULL
    -- if full
    UNION ALL
    SELECT '00000000-0000-0000-0000-000000000000', shops.id, NULL, '[]', '{}', NULL,
        shops.codes_per_hour, shops.codes_per_network_per_hour, shops.code_uses_per_network_per_hour,
        concat(shops.network_salt, floor(extract(epoch FROM now()) / 3600)),
        shops.allowed_origins, shops.time_zone, (now() AT TIME ZONE shops.time_zone)::date, 0, false,
        shops.viewer_salt, false, false
    FROM shops
    WHERE shops.id = ANY (ARRAY(
        SELECT named_shop FROM event WHERE popup_id = '00000000-0000-0000-0000-000000000000'))
    -- end
), given AS MATERIALIZED (
    SELECT event.*, popup.shop_id, popup.version AS popup_version, judged.refusal,
        judged.refusal IS NULL AS is_taken,
        coalesce(variant.value ->> 'id', CASE WHEN event.variant_id IN ('holdout', 'shop_holdout') THEN 'holdout' END)
            AS variant,
        popup.offer || coalesce(variant.value -> 'offer', '{}') AS offer,
        event.variant_id IN ('holdout', 'shop_holdout') OR variant.value -> 'weight' = '0' AS is_hidden,
        (SELECT known.event_id
         FROM foreign_event_ids AS known
         WHERE known.shop_id = popup.shop_id AND known.kind = 'conversion' AND known.sent_id = event.sent_id
        ) AS known_id
    FROM event
    LEFT JOIN popup ON popup.id = event.popup_id
    LEFT JOIN LATERAL jsonb_array_elements(popup.variants) AS variant ON variant.value ->> 'id' = event.variant_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN popup.id IS NULL
            THEN CASE WHEN event.named_shop IS NULL THEN 'popup_not_found' ELSE 'shop_not_found' END
            WHEN popup.allowed_origins <> '{}' AND :origins::jsonb ->> event.origin <> ALL (popup.allowed_origins)
            THEN 'origin_not_allowed'
            -- if plain
            WHEN popup.is_compared OR popup.gives_code OR event.type NOT IN ('click', 'email_capture')
                OR event.trimmed_code IS NOT NULL OR event.order_id IS NOT NULL OR event.foreign_id IS NOT NULL
            THEN 'not_plain'
            -- end
            END AS refusal
    ) AS judged
), known AS MATERIALIZED (
    SELECT given.position, 1 AS choice, false AS is_order, given.sent_id AS conversion_id,
        CASE WHEN stored.popup_id = given.popup_id THEN stored.issued_code END AS issued_code
    FROM given
    -- Only the key can answer this: a join reads the whole table as long as that has not been analyzed.
    CROSS JOIN LATERAL (
        SELECT popup_id, issued_code
        FROM popup_conversions
        WHERE event_id = coalesce(given.known_id, given.event_id)
        OFFSET 0
    ) AS stored
    WHERE given.is_taken
    -- if full
    UNION ALL
    SELECT given.position, 2, true, purchases.event_id, NULL
    FROM given
    JOIN purchases ON (purchases.shop_id, purchases.order_id) = (given.shop_id, given.order_id)
    WHERE given.is_taken AND given.type = 'purchase'
    UNION ALL
    SELECT given.position, 2, bought.state = 'counted', coalesce(bought.conversion_id, given.sent_id), NULL
    FROM given
    CROSS JOIN LATERAL (
        SELECT orders.state, orders.conversion_id
        FROM orders
        WHERE orders.shop_id = given.shop_id AND orders.order_id = ANY (ARRAY[given.order_id] || ARRAY(
            SELECT other.order_id
            FROM order_aliases AS other
            WHERE other.shop_id = given.shop_id AND other.alias = given.order_id))
        ORDER BY orders.order_id <> given.order_id
        LIMIT 1
    ) AS bought
    WHERE given.is_taken AND given.type = 'purchase'
      AND (bought.conversion_id IS NOT NULL OR bought.state <> 'counted')
    -- end
    UNION ALL
    SELECT position, 3, false, sent_id, NULL
    FROM given
    WHERE is_taken AND known_id IS NOT NULL
), unknown AS MATERIALIZED (
    SELECT DISTINCT ON (sent_id, CASE WHEN foreign_id IS NOT NULL THEN shop_id END) *
    FROM given
    WHERE is_taken AND position NOT IN (SELECT position FROM known)
    ORDER BY sent_id, CASE WHEN foreign_id IS NOT NULL THEN shop_id END, position
-- if full
), bought AS (
    INSERT INTO purchases (shop_id, order_id, event_id)
    SELECT shop_id, order_id, sent_id
    FROM unknown
    WHERE type = 'purchase'
    ORDER BY shop_id, order_id, sent_id
    ON CONFLICT (shop_id, order_id) DO NOTHING
    RETURNING shop_id, event_id AS sent_id
), entered AS (
    INSERT INTO foreign_event_ids (shop_id, kind, sent_id, event_id)
    SELECT shop_id, 'conversion', sent_id, event_id
    FROM unknown
    WHERE foreign_id IS NOT NULL
      AND (type <> 'purchase' OR (shop_id, sent_id) IN (SELECT shop_id, sent_id FROM bought))
    ORDER BY shop_id, sent_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
-- end
), new_event AS MATERIALIZED (
    SELECT *, CASE WHEN other_emails IS NULL THEN email_normalized ELSE coalesce((
            SELECT stored.email_normalized
            FROM email_subscribers AS stored
            WHERE stored.shop_id = unknown.shop_id
              AND stored.email_normalized = ANY (unknown.email_normalized || unknown.other_emails)
            ORDER BY stored.email_normalized <> unknown.email_normalized, stored.id
            LIMIT 1
        ), email_normalized) END AS known_as
    FROM unknown
    -- if full
    WHERE foreign_id IS NULL OR event_id IN (SELECT event_id FROM entered)
    -- end
), consent AS MATERIALIZED (
    SELECT new_event.event_id, new_event.shop_id, new_event.popup_id, new_event.popup_version,
        consent_form(new_event.consent_text) AS form, EXISTS (
            SELECT
            FROM jsonb_path_query(jsonb_build_array(popup.offer, popup.variants), '$.**.consent_text') AS text
            WHERE consent_form(text #>> '{}') = consent_form(new_event.consent_text)
        ) AS is_of_now
    FROM new_event
    JOIN popup ON popup.id = new_event.popup_id
    WHERE new_event.type = 'email_capture' AND new_event.consent
), earlier_text AS MATERIALIZED (
    SELECT asked.popup_id, consent_form(text #>> '{}') AS form, max(kept.version) AS version
    FROM (SELECT DISTINCT shop_id, popup_id FROM consent WHERE NOT is_of_now) AS asked
    CROSS JOIN LATERAL (
        SELECT version, popup
        FROM popup_versions AS kept
        WHERE kept.shop_id = asked.shop_id AND kept.popup_id = asked.popup_id AND kept.version >= coalesce((
            SELECT max(first.version)
            FROM popup_versions AS first
            WHERE first.shop_id = asked.shop_id AND first.popup_id = asked.popup_id
              AND first.changed_at <= now() - interval '30 days'
        ), 0)
        ORDER BY version DESC
        LIMIT 1000
    ) AS kept
    CROSS JOIN LATERAL jsonb_path_query(kept.popup, '$.**.consent_text') AS text
    GROUP BY asked.popup_id, consent_form(text #>> '{}')
), real_consent AS MATERIALIZED (
    SELECT consent.event_id, consent.popup_version
    FROM consent
    WHERE is_of_now
    UNION ALL
    SELECT consent.event_id, earlier_text.version
    FROM consent
    JOIN earlier_text USING (popup_id, form)
    WHERE NOT is_of_now
), subscribed AS (
    INSERT INTO email_subscribers AS subscriber
        (id, shop_id, email, email_normalized, claimer, name, popup_id, consent_text, consented_at)
    SELECT DISTINCT ON (shop_id, known_as) new_subscriber_id, shop_id, email, known_as, claimer, name, popup_id,
        CASE WHEN real_consent.event_id IS NOT NULL THEN consent_text END,
        CASE WHEN real_consent.event_id IS NOT NULL THEN now() END
    FROM new_event
    LEFT JOIN real_consent USING (event_id)
    WHERE type = 'email_capture'
    ORDER BY shop_id, known_as, real_consent.event_id IS NULL, event_id
    ON CONFLICT (shop_id, email_normalized) DO UPDATE
    SET name = coalesce(subscriber.name, excluded.name),
        is_active = subscriber.is_active OR excluded.consented_at IS NOT NULL,
        unsubscribed_at = CASE WHEN excluded.consented_at IS NULL THEN subscriber.unsubscribed_at END,
        consent_text = coalesce(excluded.consent_text, subscriber.consent_text),
        consented_at = coalesce(excluded.consented_at, subscriber.consented_at)
    RETURNING id, shop_id, email_normalized
-- if full
), receiving AS MATERIALIZED (
    SELECT new_event.event_id, new_event.shop_id, new_event.offer, new_event.claimer, new_event.other_claimers,
        sha256(convert_to(concat(popup.salt, new_event.network), 'UTF8')) AS subject, popup.codes_per_hour,
        popup.codes_per_network_per_hour, popup.time_zone
    FROM new_event
    JOIN popup ON popup.id = new_event.popup_id
    WHERE new_event.offer ->> 'discount_code_id' IS NOT NULL
      AND (new_event.type = 'email_capture'
            OR new_event.type = 'click' AND new_event.offer ->> 'type' IN ('discount', 'free_shipping'))
      AND new_event.is_hidden IS NOT TRUE AND popup.is_or_was_shown
      AND CASE WHEN popup.view_limit IS NULL THEN true ELSE (
            SELECT popup.view_limit > counted.views OR EXISTS (
                SELECT
                FROM popup_views AS late
                WHERE late.shop_id = popup.shop_id AND late.popup_id = popup.id
                  AND late.viewed_at > now() - interval '30 minutes' AND late.variant_id IS DISTINCT FROM 'holdout'
                  AND late.event_id >= first_event_id(now() - interval '8 days')
                  AND late.event_id < first_event_id(now() + interval '2 days')
                OFFSET greatest(0, counted.views - popup.view_limit)
                LIMIT 1)
            FROM (
                SELECT coalesce(sum(views), 0)::bigint AS views
                FROM daily_views AS tally
                WHERE tally.shop_id = popup.shop_id AND tally.popup_id = popup.id AND variant_id <> 'holdout'
            ) AS counted
        ) END
      AND (
        SELECT count(*)
        FROM stopping_offers AS stopping
        WHERE stopping.shop_id = popup.shop_id AND stopping.popup_id = popup.id
          AND coalesce(stopping.stopped_at <= now() - interval '30 minutes', true)
      ) = 0
), promised AS MATERIALIZED (
    SELECT receiving.*, code.id, code.code, code.single_use, code.type, code.value, code.expires_at
    FROM receiving
    JOIN discount_codes AS code ON code.shop_id = receiving.shop_id
        AND code.id = (receiving.offer ->> 'discount_code_id')::uuid
    JOIN discount_code_stock AS stock ON stock.shop_id = code.shop_id AND stock.discount_code_id = code.id
    WHERE stock.is_valid
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
    SELECT claim.*, row_number() OVER (PARTITION BY shop_id, id ORDER BY turn, claimer) AS number
    FROM (
        SELECT DISTINCT ON (shop_id, id, claimer) shop_id, id, claimer, subject, codes_per_hour,
            codes_per_network_per_hour, dense_rank() OVER (PARTITION BY shop_id, subject ORDER BY claimer) AS turn
        FROM promised
        WHERE single_use AND (shop_id, id, claimer) NOT IN (SELECT shop_id, id, claimer FROM held)
        ORDER BY shop_id, id, claimer, subject
    ) AS claim
), possible_claim AS MATERIALIZED (
    SELECT wanted.*, row_number() OVER (PARTITION BY wanted.shop_id, subject ORDER BY number, wanted.id)
        AS number_of_network
    FROM wanted
    JOIN (
        SELECT pool.shop_id, pool.id, count(*) AS codes
        FROM (SELECT shop_id, id, count(*) AS needed FROM wanted GROUP BY shop_id, id) AS pool
        CROSS JOIN LATERAL (
            SELECT
            FROM codes_left
            WHERE codes_left.shop_id = pool.shop_id AND codes_left.discount_code_id = pool.id
            ORDER BY codes_left.code
            LIMIT pool.needed
        ) AS left_now
        GROUP BY pool.shop_id, pool.id
    ) AS stock ON stock.shop_id = wanted.shop_id AND stock.id = wanted.id AND number <= stock.codes
), spent_by_network AS (
    INSERT INTO code_budgets AS budget (shop_id, budget, subject, hour, most, spent, granted)
    SELECT shop_id, 'codes_per_network_per_hour', subject, date_trunc('hour', now(), 'UTC'),
        codes_per_network_per_hour, least(count(*), codes_per_network_per_hour),
        least(count(*), codes_per_network_per_hour)
    FROM possible_claim
    WHERE codes_per_network_per_hour > 0
    GROUP BY shop_id, subject, codes_per_network_per_hour
    ORDER BY shop_id, subject
    ON CONFLICT (shop_id, budget, subject, hour) DO UPDATE
    SET most = excluded.most,
        granted = greatest(0, least(excluded.granted, excluded.most - budget.spent)),
        spent = budget.spent + greatest(0, least(excluded.granted, excluded.most - budget.spent))
    RETURNING shop_id, subject, granted
), claim_of_network AS MATERIALIZED (
    SELECT possible_claim.*, row_number() OVER (PARTITION BY shop_id ORDER BY number, id) AS number_of_shop
    FROM possible_claim
    LEFT JOIN spent_by_network USING (shop_id, subject)
    WHERE codes_per_network_per_hour = 0 OR number_of_network <= granted
), spent_by_shop AS (
    INSERT INTO code_budgets AS budget (shop_id, budget, subject, hour, most, spent, granted)
    SELECT shop_id, 'codes_per_hour', '', date_trunc('hour', now(), 'UTC'), codes_per_hour,
        least(count(*), codes_per_hour), least(count(*), codes_per_hour)
    FROM claim_of_network
    WHERE codes_per_hour > 0
    GROUP BY shop_id, codes_per_hour
    ORDER BY shop_id
    ON CONFLICT (shop_id, budget, subject, hour) DO UPDATE
    SET most = excluded.most,
        granted = greatest(0, least(excluded.granted, excluded.most - budget.spent)),
        spent = budget.spent + greatest(0, least(excluded.granted, excluded.most - budget.spent))
    RETURNING shop_id, granted
), claim AS MATERIALIZED (
    SELECT shop_id, id, claimer, row_number() OVER (PARTITION BY shop_id, id ORDER BY number) AS number
    FROM claim_of_network
    LEFT JOIN spent_by_shop USING (shop_id)
    WHERE codes_per_hour = 0 OR number_of_shop <= granted
), refused_claim AS MATERIALIZED (
    SELECT shop_id, id, claimer, CASE WHEN of_network.number IS NULL THEN 'codes_per_network_per_hour'
        ELSE 'codes_per_hour' END AS budget
    FROM possible_claim
    LEFT JOIN claim_of_network AS of_network USING (shop_id, id, claimer)
    LEFT JOIN claim USING (shop_id, id, claimer)
    WHERE claim.number IS NULL
), free AS MATERIALIZED (
    SELECT pool.shop_id, pool.id, unclaimed.code,
        row_number() OVER (PARTITION BY pool.shop_id, pool.id ORDER BY unclaimed.code) AS number
    FROM (SELECT shop_id, id, count(*) AS needed FROM claim GROUP BY shop_id, id) AS pool
    CROSS JOIN LATERAL (
        SELECT code
        FROM codes_left
        WHERE codes_left.shop_id = pool.shop_id AND codes_left.discount_code_id = pool.id
        ORDER BY code
        LIMIT pool.needed
        FOR UPDATE SKIP LOCKED
    ) AS unclaimed
), claimed AS (
    UPDATE single_use_codes
    SET claimed_by = claim.claimer, claimed_at = now()
    FROM claim JOIN free USING (shop_id, id, number)
    WHERE (single_use_codes.shop_id, single_use_codes.discount_code_id, single_use_codes.code)
        = (free.shop_id, free.id, free.code)
    RETURNING claim.shop_id, claim.id, claim.claimer, single_use_codes.code
), issued AS MATERIALIZED (
    SELECT DISTINCT ON (event_id) event_id, jsonb_build_object(
        'code', code,
        'type', type,
        'value', CASE WHEN type = 'percentage' THEN round(value, 2) ELSE value END::text,
        'expires_at', to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'valid_until_day', to_char((expires_at - interval '1 microsecond') AT TIME ZONE time_zone, 'YYYY-MM-DD')
    ) AS code
    FROM (
        SELECT promised.event_id, 1, CASE WHEN promised.single_use THEN own.code ELSE promised.code END,
            promised.type, promised.value, promised.expires_at, promised.time_zone
        FROM promised
        LEFT JOIN (SELECT * FROM held UNION ALL SELECT * FROM claimed) AS own
            ON (own.shop_id, own.id, own.claimer) = (promised.shop_id, promised.id, promised.claimer)
        WHERE NOT promised.single_use OR own.code IS NOT NULL
        UNION ALL
        SELECT receiving.event_id, 2, code.code, code.type, code.value, code.expires_at, receiving.time_zone
        FROM receiving
        JOIN discount_codes AS code ON code.shop_id = receiving.shop_id
            AND code.id = (receiving.offer ->> 'fallback_discount_code_id')::uuid
        JOIN discount_code_stock AS stock ON stock.shop_id = code.shop_id AND stock.discount_code_id = code.id
        WHERE receiving.offer ->> 'when_empty' = 'fallback' AND NOT code.single_use AND stock.is_valid
          AND (receiving.shop_id, receiving.claimer, receiving.offer ->> 'discount_code_id')
            NOT IN (SELECT shop_id, claimer, id::text FROM refused_claim)
    ) AS possible (event_id, choice, code, type, value, expires_at, time_zone)
    ORDER BY event_id, choice
-- end
), inserted AS (
    INSERT INTO popup_conversions (event_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type,
        type, subscriber_id, discount_code, revenue, currency, order_id, metadata
        -- if full
        , issued_code
        -- end
    )
    SELECT new_event.event_id, new_event.shop_id, popup_id, session_id, visitor_id, variant, device_type, type,
        subscribed.id, discount_code, revenue, currency, order_id, metadata
        -- if full
        , issued.code
        -- end
    FROM new_event
    LEFT JOIN subscribed ON new_event.type = 'email_capture' AND subscribed.shop_id = new_event.shop_id
        AND subscribed.email_normalized = new_event.known_as
    -- if full
    LEFT JOIN issued ON issued.event_id = new_event.event_id
    WHERE new_event.type <> 'purchase'
        OR (new_event.shop_id, new_event.sent_id) IN (SELECT shop_id, sent_id FROM bought)
    -- end
    ORDER BY new_event.event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id, shop_id, popup_id, subscriber_id, coalesce(variant_id, '') AS variant_id,
        coalesce(device_type, '') AS device_type, type, coalesce(currency, '') AS currency,
        coalesce(revenue, 0) AS revenue, issued_code, coalesce(visitor_id, session_id) AS name
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
), did AS MATERIALIZED (
    SELECT own.*, known.did IS NULL AS is_new, known.popup_id AS first_popup_id, own.is_holdout OR coalesce(
        own.bits & ~known.did = 0
        AND (known.popup_id IS DISTINCT FROM own.popup_id OR own.bits & ~known.popup_did = 0), false) AS is_known
    FROM (
        SELECT inserted.shop_id, viewer_hash(popup.viewer_salt, name) AS viewer, popup_id,
            variant_id = 'holdout' AS is_holdout, popup.day, bit_or(conversion_bit(type)) AS bits
        FROM inserted
        JOIN popup ON popup.id = inserted.popup_id
        WHERE type <> 'purchase' AND popup.id <> '00000000-0000-0000-0000-000000000000'
        GROUP BY 1, 2, 3, 4, 5
    ) AS own
    LEFT JOIN LATERAL (
        SELECT popup_id, did, popup_did
        FROM viewers
        WHERE viewers.shop_id = own.shop_id AND viewers.viewer = own.viewer
        OFFSET 0
    ) AS known ON true
), did_in_shop AS (
    INSERT INTO viewers AS known (shop_id, viewer, device_type, last_day, previous_day, did, newly, popup_newly)
    SELECT shop_id, viewer, '', day, CASE WHEN is_new THEN 'infinity' ELSE day END, bit_or(bits), bit_or(bits),
        coalesce(bit_or(bits) FILTER (WHERE popup_id = first_popup_id), 0)
    FROM did
    WHERE NOT is_known
    GROUP BY shop_id, viewer, day, is_new
    ORDER BY shop_id, viewer
    ON CONFLICT (shop_id, viewer) DO UPDATE
    SET did = known.did | excluded.did, newly = excluded.did & ~known.did,
        (popup_did, popup_newly) = (
            SELECT known.popup_did | at_popup.bits, at_popup.bits & ~known.popup_did
            FROM (
                SELECT CASE WHEN excluded.previous_day < 'infinity' THEN excluded.popup_newly ELSE (
                    SELECT coalesce(bit_or(bits), 0)::smallint
                    FROM did
                    WHERE did.shop_id = known.shop_id AND did.viewer = known.viewer
                      AND did.popup_id = known.popup_id AND NOT did.is_holdout
                ) END AS bits
            ) AS at_popup)
    RETURNING shop_id, viewer, popup_id, first_day, variant_id, device_type, newly, popup_newly
), did_at_popup AS (
    INSERT INTO viewers_by_popup AS known (shop_id, viewer, popup_id, is_holdout, variant_id, device_type, last_day,
        previous_day, did, newly)
    SELECT shop_id, viewer, popup_id, is_holdout, '', '', day, day, bits, bits
    FROM did
    WHERE is_holdout OR CASE WHEN is_known THEN popup_id IS DISTINCT FROM first_popup_id ELSE
        (shop_id, viewer, popup_id) NOT IN (
            SELECT shop_id, viewer, popup_id FROM did_in_shop WHERE popup_id IS NOT NULL) END
    ORDER BY shop_id, viewer, popup_id, is_holdout
    ON CONFLICT (shop_id, viewer, popup_id, is_holdout) DO UPDATE
    SET did = known.did | excluded.did, newly = excluded.did & ~known.did
    WHERE excluded.did & ~known.did <> 0
    RETURNING shop_id, popup_id, first_day, variant_id, device_type, newly
), tallied_converters AS (
    INSERT INTO daily_converters AS tally (shop_id, popup_id, day, variant_id, device_type, type, converters)
    SELECT shop_id, popup_id, first_day, variant_id, device_type, type, count(*)
    FROM (
        SELECT * FROM did_at_popup
        UNION ALL
        SELECT shop_id, popup_id, first_day, variant_id, device_type, popup_newly
        FROM did_in_shop
        WHERE popup_id IS NOT NULL
        UNION ALL
        SELECT shop_id, '00000000-0000-0000-0000-000000000000', first_day, '', device_type, newly FROM did_in_shop
    ) AS converter
    JOIN (VALUES ('click', 1), ('email_capture', 2), ('discount_code_used', 4)) AS kind (type, bit)
        ON newly & bit <> 0
    WHERE first_day IS NOT NULL
    GROUP BY shop_id, popup_id, first_day, variant_id, device_type, type
    ORDER BY shop_id, popup_id, first_day, variant_id, device_type, type
    ON CONFLICT (shop_id, popup_id, day, variant_id, device_type, type) DO UPDATE
    SET converters = tally.converters + excluded.converters
), newest_order AS MATERIALIZED (
    SELECT shop.shop_id, (
        SELECT max(orders.ordered_at)
        FROM orders
        WHERE orders.shop_id = shop.shop_id AND orders.state = 'counted'
    ) AS ordered_at
    FROM (SELECT DISTINCT shop_id FROM popup) AS shop
), late AS MATERIALIZED (
    SELECT DISTINCT bought.shop_id, bought.order_id
    FROM (
        SELECT inserted.shop_id, viewer_hash(popup.viewer_salt, inserted.name) AS viewer,
            touched_at(inserted.event_id, now()) AS at
        FROM inserted
        JOIN popup ON popup.id = inserted.popup_id
        WHERE inserted.type IN ('click', 'email_capture')
    ) AS touch
    JOIN newest_order ON newest_order.shop_id = touch.shop_id AND newest_order.ordered_at >= touch.at
    CROSS JOIN LATERAL (
        SELECT orders.shop_id, orders.order_id
        FROM orders
        WHERE orders.shop_id = touch.shop_id AND orders.viewer = touch.viewer
          AND orders.ordered_at >= touch.at AND orders.ordered_at > now() - interval '7 days'
          AND orders.state = 'counted'
        OFFSET 0
    ) AS bought
), waiting AS (
    INSERT INTO orders_to_credit (shop_id, order_id)
    SELECT shop_id, order_id FROM late ORDER BY shop_id, order_id
    ON CONFLICT DO NOTHING
-- if full
), did_in_stretch AS (
    INSERT INTO stretch_viewers AS known (shop_id, viewer, popup_id, stretch, did, newly)
    SELECT did.shop_id, did.viewer, did.popup_id, popup.stretch, bit_or(bits), bit_or(bits)
    FROM did
    JOIN popup ON popup.id = did.popup_id
    WHERE popup.is_compared AND bits <> 0
    GROUP BY did.shop_id, did.viewer, did.popup_id, popup.stretch
    ORDER BY did.shop_id, did.viewer, did.popup_id, popup.stretch
    ON CONFLICT (shop_id, viewer, popup_id, stretch) DO UPDATE
    SET did = known.did | excluded.did, newly = excluded.did & ~known.did
    WHERE excluded.did & ~known.did <> 0
    RETURNING shop_id, popup_id, stretch, variant_id, met_by, newly
), tallied_stretches AS (
    INSERT INTO stretch_tallies AS tally (shop_id, popup_id, stretch, variant_id, met_by, viewers, clicked,
        captured, used_code)
    SELECT shop_id, popup_id, stretch, variant_id, met_by, 0, sum(newly & 1), sum(newly >> 1 & 1),
        sum(newly >> 2 & 1)
    FROM did_in_stretch
    WHERE met_by > 0
    GROUP BY shop_id, popup_id, stretch, variant_id, met_by
    ORDER BY shop_id, popup_id, stretch, variant_id, met_by
    ON CONFLICT (shop_id, popup_id, stretch, variant_id, met_by) DO UPDATE
    SET clicked = tally.clicked + excluded.clicked, captured = tally.captured + excluded.captured,
        used_code = tally.used_code + excluded.used_code
-- end
), consented AS (
    INSERT INTO email_consents (shop_id, subscriber_id, id, type, consent_text, popup_id, popup_version)
    SELECT inserted.shop_id, inserted.subscriber_id, new_event.sent_id, 'given', new_event.consent_text,
        inserted.popup_id, real_consent.popup_version
    FROM inserted
    JOIN new_event USING (event_id)
    JOIN real_consent USING (event_id)
    WHERE inserted.subscriber_id IS NOT NULL
    ON CONFLICT DO NOTHING  -- it outlives its event, which may be sent again after retention
-- if full
), named AS MATERIALIZED (
    SELECT new_event.shop_id, new_event.popup_id, new_event.order_id, new_event.network,
        upper(normalize(new_event.trimmed_code, NFKC)) AS code
    FROM inserted
    JOIN new_event USING (event_id)
    WHERE new_event.trimmed_code IS NOT NULL AND new_event.order_id IS NULL
    UNION ALL
    SELECT *
    FROM (
        SELECT DISTINCT ON (shop_id, order_id, upper(normalize(trimmed_code, NFKC))) shop_id, popup_id, order_id,
            network, upper(normalize(trimmed_code, NFKC)) AS code
        FROM given
        WHERE is_taken AND trimmed_code IS NOT NULL AND order_id IS NOT NULL
          AND position NOT IN (SELECT position FROM known WHERE NOT is_order)
        ORDER BY shop_id, order_id, upper(normalize(trimmed_code, NFKC)), position
    ) AS of_order
    WHERE (
        SELECT count(*)
        FROM order_codes
        WHERE order_codes.shop_id = of_order.shop_id AND order_codes.order_id = of_order.order_id
          AND order_codes.code = of_order.code
    ) + (
        SELECT count(*)
        FROM purchases
        JOIN popup_conversions AS stored ON stored.event_id = coalesce((
            SELECT entered.event_id
            FROM foreign_event_ids AS entered
            WHERE entered.shop_id = purchases.shop_id AND entered.kind = 'conversion'
              AND entered.sent_id = purchases.event_id
        ), purchases.event_id)
        WHERE purchases.shop_id = of_order.shop_id AND purchases.order_id = of_order.order_id
          AND upper(normalize(stored.discount_code, NFKC)) = of_order.code
    ) = 0
), possible_use AS MATERIALIZED (
    SELECT named.*, shared.id, NULL AS pool_code, shared.usage_limit IS NOT NULL AS is_limited
    FROM named
    JOIN discount_codes AS shared ON shared.shop_id = named.shop_id
        AND upper(normalize(shared.code, NFKC)) = named.code
    WHERE NOT shared.single_use
    UNION ALL
    SELECT named.*, pool.discount_code_id, pool.code, pool.claimed_by IS NULL
    FROM named
    JOIN single_use_codes AS pool ON pool.shop_id = named.shop_id
        AND upper(normalize(pool.code, NFKC)) = named.code
    WHERE pool.used_at IS NULL
), limited_use AS MATERIALIZED (
    SELECT possible_use.*, row_number() OVER (PARTITION BY shop_id, subject ORDER BY order_id, code) AS number
    FROM (
        SELECT possible_use.*, popup.code_uses_per_network_per_hour,
            sha256(convert_to(concat(popup.salt, possible_use.network, possible_use.id), 'UTF8')) AS subject
        FROM possible_use
        JOIN popup ON popup.id = possible_use.popup_id
    ) AS possible_use
    WHERE is_limited AND code_uses_per_network_per_hour > 0
), spent_by_uses AS (
    INSERT INTO code_budgets AS budget (shop_id, budget, subject, hour, most, spent, granted)
    SELECT shop_id, 'code_uses_per_network_per_hour', subject, date_trunc('hour', now(), 'UTC'),
        code_uses_per_network_per_hour, least(count(*), code_uses_per_network_per_hour),
        least(count(*), code_uses_per_network_per_hour)
    FROM limited_use
    GROUP BY shop_id, subject, code_uses_per_network_per_hour
    ORDER BY shop_id, subject
    ON CONFLICT (shop_id, budget, subject, hour) DO UPDATE
    SET most = excluded.most,
        granted = greatest(0, least(excluded.granted, excluded.most - budget.spent)),
        spent = budget.spent + greatest(0, least(excluded.granted, excluded.most - budget.spent))
    RETURNING shop_id, subject, granted
), used AS MATERIALIZED (
    SELECT possible_use.*, true AS is_counted
    FROM possible_use
    JOIN popup ON popup.id = possible_use.popup_id
    WHERE NOT (is_limited AND popup.code_uses_per_network_per_hour > 0)
    UNION ALL
    SELECT shop_id, popup_id, order_id, network, code, id, pool_code, is_limited, number <= granted
    FROM limited_use
    JOIN spent_by_uses USING (shop_id, subject)
), used_by_order AS (
    INSERT INTO order_codes (shop_id, order_id, code, is_counted)
    SELECT DISTINCT ON (shop_id, order_id, code) shop_id, order_id, code, is_counted
    FROM used
    WHERE order_id IS NOT NULL
    ORDER BY shop_id, order_id, code, is_counted DESC
    ON CONFLICT (shop_id, order_id, code) DO NOTHING
    RETURNING shop_id, order_id, code
), counted AS MATERIALIZED (
    SELECT used.*
    FROM used
    LEFT JOIN used_by_order USING (shop_id, order_id, code)
    WHERE used.is_counted AND (used.order_id IS NULL OR used_by_order.code IS NOT NULL)
), used_of_pool AS (
    UPDATE single_use_codes
    SET used_at = now()
    FROM (SELECT DISTINCT shop_id, id, pool_code FROM counted WHERE pool_code IS NOT NULL) AS own
    WHERE single_use_codes.shop_id = own.shop_id AND single_use_codes.discount_code_id = own.id
      AND single_use_codes.code = own.pool_code AND used_at IS NULL
    RETURNING own.shop_id, own.id, (claimed_by IS NULL)::integer AS is_unclaimed
), tallied_of_codes AS (
    INSERT INTO discount_code_tallies AS tally
        (shop_id, discount_code_id, uses, claimed, used_unclaimed, taken_at)
    SELECT shop_id, id, sum(uses), sum(claimed), sum(used_unclaimed), now()
    FROM (
        SELECT shop_id, id, 1, 0, 0 FROM counted WHERE pool_code IS NULL
        UNION ALL
        SELECT shop_id, id, 1, 0, is_unclaimed FROM used_of_pool
        UNION ALL
        SELECT shop_id, id, 0, 1, 0 FROM claimed
    ) AS step (shop_id, id, uses, claimed, used_unclaimed)
    GROUP BY shop_id, id
    ORDER BY shop_id, id
    ON CONFLICT (shop_id, discount_code_id) DO UPDATE
    SET uses = tally.uses + excluded.uses, claimed = tally.claimed + excluded.claimed,
        used_unclaimed = tally.used_unclaimed + excluded.used_unclaimed, taken_at = excluded.taken_at
), refused AS MATERIALIZED (
    SELECT shop_id, id, budget FROM refused_claim
    UNION ALL
    SELECT shop_id, id, 'code_uses_per_network_per_hour' FROM used WHERE NOT is_counted
), told AS (
    INSERT INTO code_refusals AS refusal (shop_id, discount_code_id, budget, refused, last_refused_at)
    SELECT shop_id, id, budget, count(*), now()
    FROM refused
    GROUP BY shop_id, id, budget
    ORDER BY shop_id, id, budget
    ON CONFLICT (shop_id, discount_code_id, budget) DO UPDATE
    SET refused = refusal.refused + excluded.refused, last_refused_at = excluded.last_refused_at
-- end
)
SELECT given.position, given.shop_id, given.popup_id, given.refusal,
    CASE WHEN inserted.event_id IS NULL THEN known.conversion_id ELSE given.sent_id END AS conversion_id,
    coalesce(inserted.issued_code, known.issued_code) AS issued_code,
    inserted.event_id IS NOT NULL AND new_event.position = given.position AS is_new,
    (SELECT count(*) FROM late WHERE late.shop_id = given.shop_id) > 0 AS has_late,
    coalesce(given.offer ->> 'when_empty' = 'stop', false) AS may_stop,
    -- if full
    (SELECT max(budget) FROM refused WHERE refused.shop_id = given.shop_id) AS met_budget
    -- end
    -- if plain
    NULL AS met_budget
    -- end
FROM given
LEFT JOIN new_event ON new_event.sent_id = given.sent_id
    AND (new_event.foreign_id IS NULL OR new_event.shop_id = given.shop_id)
LEFT JOIN inserted ON inserted.event_id = new_event.event_id
LEFT JOIN LATERAL (
    SELECT * FROM known WHERE known.position = given.position ORDER BY choice LIMIT 1
) AS known ON true
ORDER BY given.position
