-- Experiments and holdouts: who met which variant at the same moment, in which stretch, and what they did.
--
-- A comparison is one of a popup's variants and holdout, or the shop-wide holdout's, whose popup_id is nil. It goes in
-- stretches: a change of what is compared raises the number, and what comes from then on is counted under that.

ALTER TABLE popups
    -- What the merchant plans: {"planned_viewers": …}.
    ADD COLUMN experiment jsonb NOT NULL DEFAULT '{"planned_viewers": null}',
    ADD COLUMN stretch integer NOT NULL DEFAULT 1;

ALTER TABLE shops ADD COLUMN shop_holdout_stretch integer NOT NULL DEFAULT 1;

-- What the storefront tells beside views: exposures (the decision at the trigger, for shown and held-out visitors alike)
-- and closes. They name nobody: who was exposed is in stretch_viewers only. Partitioned as the other events are.
CREATE TABLE popup_signals (
    event_id uuid NOT NULL,
    popup_id uuid NOT NULL,
    signalled_at timestamptz NOT NULL DEFAULT now(),
    shop_id text NOT NULL,
    kind text NOT NULL,
    variant_id text,
    device_type text,
    CONSTRAINT popup_signals_pkey PRIMARY KEY (event_id, kind),
    CONSTRAINT popup_signals_kind_known CHECK (kind IN ('exposure', 'close'))
) PARTITION BY RANGE (event_id);

CREATE TABLE popup_signals_default PARTITION OF popup_signals DEFAULT;

CREATE OR REPLACE FUNCTION create_event_partitions(first_day date, months integer) RETURNS void
LANGUAGE sql AS $$
    SELECT create_month_partition(event_table, (first_day + make_interval(months => ahead))::date)
    FROM unnest(ARRAY['popup_views', 'popup_conversions', 'popup_signals']) AS event_table,
        generate_series(0, months - 1) AS ahead
$$;

SELECT create_month_partition('popup_signals', (date_trunc('month', now() AT TIME ZONE 'UTC')
    + make_interval(months => ahead))::date)
FROM generate_series(-1, 3) AS ahead;

CREATE TABLE daily_signals (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    day date NOT NULL,
    variant_id text NOT NULL,
    device_type text NOT NULL,
    kind text NOT NULL,
    signals bigint NOT NULL,
    CONSTRAINT daily_signals_pkey PRIMARY KEY (shop_id, popup_id, day, variant_id, device_type, kind)
) WITH (fillfactor = 70);

-- Made by the first event of a stretch, with what is compared as it was then, and as it stays.
CREATE TABLE experiment_stretches (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    stretch integer NOT NULL,
    -- Of each variant its id, name and weight.
    variants jsonb NOT NULL,
    holdout_percent integer NOT NULL,
    experiment jsonb NOT NULL,
    currency text NOT NULL,
    -- When the first visitor was shown the popup, by a view and by an exposure.
    viewed_at timestamptz,
    exposed_at timestamptz,
    ended_at timestamptz,
    -- Amounts above it count as it; NULL: none do. Fixed with the first order.
    most_paid numeric,
    is_cap_fixed boolean NOT NULL DEFAULT false,
    -- What was changed meanwhile for all variants alike.
    changed text[] NOT NULL DEFAULT '{}',
    CONSTRAINT experiment_stretches_pkey PRIMARY KEY (shop_id, popup_id, stretch)
);

CREATE TABLE stretch_viewers (
    viewer bigint NOT NULL,
    -- By the browser's clock where that can be (touched_at); of who was not met yet, when the first conversion came.
    met_at timestamptz NOT NULL DEFAULT now(),
    popup_id uuid NOT NULL,
    stretch integer NOT NULL,
    -- Orders known by the visitor, and those known by an address or a code only, which are left out: a visitor who was
    -- shown nothing leaves no address.
    orders integer NOT NULL DEFAULT 0,
    left_out integer NOT NULL DEFAULT 0,
    -- Types of conversions as bits (conversion_bit), and those that the last change has added.
    did smallint NOT NULL DEFAULT 0,
    newly smallint NOT NULL DEFAULT 0,
    -- 0: not met; 1: met by a view; 2: met by an exposure. What it was before the last change of it.
    met_by smallint NOT NULL DEFAULT 0,
    met_by_before smallint NOT NULL DEFAULT 0,
    is_in_two boolean NOT NULL DEFAULT false,
    was_in_two boolean NOT NULL DEFAULT false,
    shop_id text NOT NULL,
    -- The one first met.
    variant_id text NOT NULL DEFAULT '',
    paid numeric NOT NULL DEFAULT 0,
    -- The same, of orders cut at the stretch's most_paid.
    capped numeric NOT NULL DEFAULT 0,
    CONSTRAINT stretch_viewers_pkey PRIMARY KEY (shop_id, viewer, popup_id, stretch)
) WITH (fillfactor = 90);

-- Sums over stretch_viewers.
CREATE TABLE stretch_tallies (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    stretch integer NOT NULL,
    variant_id text NOT NULL,
    met_by smallint NOT NULL,
    viewers bigint NOT NULL,
    in_two bigint NOT NULL DEFAULT 0,
    clicked bigint NOT NULL DEFAULT 0,
    captured bigint NOT NULL DEFAULT 0,
    used_code bigint NOT NULL DEFAULT 0,
    bought bigint NOT NULL DEFAULT 0,
    left_out bigint NOT NULL DEFAULT 0,
    -- Of each viewer's paid and capped, and of their squares and cubes.
    paid numeric NOT NULL DEFAULT 0,
    paid_squares numeric NOT NULL DEFAULT 0,
    capped numeric NOT NULL DEFAULT 0,
    capped_squares numeric NOT NULL DEFAULT 0,
    capped_cubes numeric NOT NULL DEFAULT 0,
    CONSTRAINT stretch_tallies_pkey PRIMARY KEY (shop_id, popup_id, stretch, variant_id, met_by)
) WITH (fillfactor = 70);
