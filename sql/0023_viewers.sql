-- What each viewer saw and did: one row in the shop, and one for each popup. They take the place of popup_viewers and
-- shop_viewers, which stay for the release before and are dropped with the next.
--
-- A viewer is a visitor_id, or a session_id where there is none: here a hash of it, salted by the shop. A row leaves 400
-- days after the viewer was last seen (`popups retain`).

ALTER TABLE shops ADD COLUMN viewer_salt uuid NOT NULL DEFAULT gen_random_uuid();

-- 64 bits: of ten million viewers, two share theirs in one of 370 000 shops.
CREATE FUNCTION viewer_hash(salt uuid, name text) RETURNS bigint
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN ('x' || left(encode(sha256(convert_to(salt::text || name, 'UTF8')), 'hex'), 16))::bit(64)::bigint;

-- By what an event's viewer is looked up in the index. It is not salted, since an index knows its own row only.
CREATE FUNCTION event_viewer(shop_id text, visitor_id text, session_id text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended(shop_id || ' ' || coalesce(visitor_id, session_id), 0);

-- When something happened in the browser: by the time in a version-7 id, unless it is after the server's or more than 7
-- days before it.
CREATE FUNCTION touched_at(event_id uuid, stored_at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN substr(event_id::text, 15, 1) = '7'
        AND event_id BETWEEN first_event_id(stored_at - interval '7 days') AND first_event_id(stored_at)
    THEN to_timestamp(('x' || left(replace(event_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
    ELSE stored_at END;

-- A type of conversion as a bit of `did`. A type that is not known here has none.
CREATE FUNCTION conversion_bit(type text) RETURNS smallint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE type WHEN 'click' THEN 1 WHEN 'email_capture' THEN 2 WHEN 'discount_code_used' THEN 4 WHEN 'purchase' THEN 8
    ELSE 0 END::smallint;

-- Changed by the statements that store events; orders set and unset the bit of purchases.
-- The widest columns come first, which saves the bytes that would align them.
CREATE TABLE viewers_by_popup (
    viewer bigint NOT NULL,
    -- By the browser's clock where that can be (touched_at). NULL: converted, and the view has not come yet.
    first_seen_at timestamptz,
    -- Where the viewer is counted, with whatever the viewer does later.
    first_day date,
    last_day date NOT NULL,
    -- When seen before last_day; the same as that if not.
    previous_day date NOT NULL,
    -- Types of conversions, as bits.
    did smallint NOT NULL,
    -- Those that the last change has added.
    newly smallint NOT NULL,
    popup_id uuid NOT NULL,
    -- Who was in the holdout and is shown the popup later is a viewer of both.
    is_holdout boolean NOT NULL,
    shop_id text NOT NULL,
    variant_id text NOT NULL,
    device_type text NOT NULL,
    CONSTRAINT viewers_by_popup_pkey PRIMARY KEY (shop_id, viewer, popup_id, is_holdout)
);

-- Who saw any popup of the shop; the holdout saw none.
CREATE TABLE viewers (
    viewer bigint NOT NULL,
    first_day date,
    last_day date NOT NULL,
    previous_day date NOT NULL,
    did smallint NOT NULL,
    newly smallint NOT NULL,
    shop_id text NOT NULL,
    device_type text NOT NULL,
    CONSTRAINT viewers_pkey PRIMARY KEY (shop_id, viewer)
);

-- Viewers who did it at least once, where they were first seen. popup_id is nil for viewers of the whole shop.
CREATE TABLE daily_converters (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    day date NOT NULL,
    variant_id text NOT NULL,
    device_type text NOT NULL,
    type text NOT NULL,
    converters bigint NOT NULL,
    CONSTRAINT daily_converters_pkey PRIMARY KEY (shop_id, popup_id, day, variant_id, device_type, type)
) WITH (fillfactor = 70);

-- Viewers who came back on a day, by the day on which they were seen before that. Whoever was active in a period is first
-- seen in it, or came back in it from before it just once: so the sum is exact. popup_id is nil for the whole shop.
CREATE TABLE daily_returns (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    day date NOT NULL,
    previous_day date NOT NULL,
    variant_id text NOT NULL,
    device_type text NOT NULL,
    viewers bigint NOT NULL,
    CONSTRAINT daily_returns_pkey PRIMARY KEY (shop_id, popup_id, day, previous_day, variant_id, device_type)
) WITH (fillfactor = 70);
