-- What the events add up to, changed only by the statements that insert them. A day is a day in the shop's time zone,
-- an unknown variant or device is the empty string.

CREATE TABLE daily_views (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    day date NOT NULL,
    variant_id text NOT NULL,
    device_type text NOT NULL,
    views bigint NOT NULL,
    -- Viewers whose first view of this popup it was.
    viewers bigint NOT NULL,
    CONSTRAINT daily_views_pkey PRIMARY KEY (shop_id, popup_id, day, variant_id, device_type)
) WITH (fillfactor = 70);

CREATE TABLE daily_conversions (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    day date NOT NULL,
    variant_id text NOT NULL,
    device_type text NOT NULL,
    type text NOT NULL,
    -- The empty string where there is no revenue: amounts in different currencies never meet.
    currency text NOT NULL,
    conversions bigint NOT NULL,
    revenue numeric NOT NULL,
    CONSTRAINT daily_conversions_pkey
        PRIMARY KEY (shop_id, popup_id, day, variant_id, device_type, type, currency)
) WITH (fillfactor = 70);

-- A viewer is a visitor_id, or a session_id where there is none. The first insert wins, which makes the counts exact.
-- Who was in the holdout and is shown the popup later is a viewer of both.
CREATE TABLE popup_viewers (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    viewer text NOT NULL,
    day date NOT NULL,
    variant_id text NOT NULL,
    device_type text NOT NULL,
    is_holdout boolean NOT NULL GENERATED ALWAYS AS (variant_id = 'holdout') STORED,
    CONSTRAINT popup_viewers_pkey PRIMARY KEY (shop_id, popup_id, viewer, is_holdout)
);

CREATE TABLE shop_viewers (
    shop_id text NOT NULL,
    viewer text NOT NULL,
    day date NOT NULL,
    device_type text NOT NULL,
    CONSTRAINT shop_viewers_pkey PRIMARY KEY (shop_id, viewer)
);

CREATE TABLE daily_shop_viewers (
    shop_id text NOT NULL,
    day date NOT NULL,
    device_type text NOT NULL,
    viewers bigint NOT NULL,
    CONSTRAINT daily_shop_viewers_pkey PRIMARY KEY (shop_id, day, device_type)
) WITH (fillfactor = 70);
