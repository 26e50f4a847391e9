-- What happened: views and conversions, insert-only.
--
-- Both tables are partitioned by the range of their event_id. Version 7 UUIDs sort by time (RFC 9562, section 5.7),
-- so a month is a range of ids: the primary key is the event_id alone, a duplicate is impossible across partitions,
-- old months are dropped whole. Ids outside every month fall into the DEFAULT partition and stay just as unique.

CREATE TABLE popup_views (
    event_id uuid NOT NULL,
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    session_id text NOT NULL,
    visitor_id text,
    variant_id text,
    device_type text,
    page_url text,
    referrer text,
    viewed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT popup_views_pkey PRIMARY KEY (event_id)
) PARTITION BY RANGE (event_id);

CREATE TABLE popup_views_default PARTITION OF popup_views DEFAULT;

CREATE INDEX popup_views_popup_id_viewed_at_idx ON popup_views (popup_id, viewed_at);
CREATE INDEX popup_views_session_id_idx ON popup_views (session_id);
-- Rows arrive in the order of this column, so a BRIN index of a few pages finds a day.
CREATE INDEX popup_views_viewed_at_idx ON popup_views USING brin (viewed_at);

CREATE TABLE popup_conversions (
    event_id uuid NOT NULL,
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    session_id text NOT NULL,
    visitor_id text,
    variant_id text,
    device_type text,
    type text NOT NULL,
    subscriber_id uuid,
    discount_code text,
    -- No fixed scale: currencies have from none to four decimals.
    revenue numeric,
    currency text,
    order_id text,
    metadata jsonb,
    -- The code that the answer gave out, as it was then: a retry gets the same answer.
    issued_code jsonb,
    converted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT popup_conversions_pkey PRIMARY KEY (event_id),
    CONSTRAINT popup_conversions_type_known
        CHECK (type IN ('click', 'email_capture', 'discount_code_used', 'purchase'))
) PARTITION BY RANGE (event_id);

CREATE TABLE popup_conversions_default PARTITION OF popup_conversions DEFAULT;

CREATE INDEX popup_conversions_popup_id_type_converted_at_idx ON popup_conversions (popup_id, type, converted_at);
CREATE INDEX popup_conversions_subscriber_id_idx ON popup_conversions (subscriber_id) WHERE subscriber_id IS NOT NULL;
CREATE INDEX popup_conversions_converted_at_idx ON popup_conversions USING brin (converted_at);

-- A purchase counts once per shop and order: a unique key that no partition of popup_conversions could hold.
CREATE TABLE purchases (
    shop_id text NOT NULL,
    order_id text NOT NULL,
    event_id uuid NOT NULL,
    CONSTRAINT purchases_pkey PRIMARY KEY (shop_id, order_id)
);

-- The smallest UUID whose first 48 bits are this instant in Unix milliseconds.
CREATE FUNCTION first_event_id(instant timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN rpad(lpad(to_hex((extract(epoch FROM instant) * 1000)::bigint), 12, '0'), 32, '0')::uuid;

-- Makes the month's partition of an event table unless it is there. Rows of that month which the DEFAULT partition
-- caught meanwhile move with it.
CREATE FUNCTION create_month_partition(event_table text, month date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    partition_name text := event_table || to_char(month, '"_"YYYY"_"MM');
    lowest uuid := first_event_id(date_trunc('month', month::timestamp) AT TIME ZONE 'UTC');
    above uuid := first_event_id((date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC');
BEGIN
    IF to_regclass(partition_name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', event_table);
    IF to_regclass(partition_name) IS NOT NULL THEN
        RETURN;  -- somebody else made it while we waited
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition_name, event_table);
    EXECUTE format(
        'WITH moved AS (DELETE FROM %I WHERE event_id >= %L AND event_id < %L RETURNING *) '
        'INSERT INTO %I SELECT * FROM moved',
        event_table || '_default', lowest, above, partition_name
    );
    EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', event_table, partition_name, lowest, above
    );
END
$$;

-- The partitions of both event tables, from the month of first_day on.
CREATE FUNCTION create_event_partitions(first_day date, months integer) RETURNS void
LANGUAGE sql AS $$
    SELECT create_month_partition(event_table, (first_day + make_interval(months => ahead))::date)
    FROM unnest(ARRAY['popup_views', 'popup_conversions']) AS event_table, generate_series(0, months - 1) AS ahead
$$;

SELECT create_event_partitions((date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month')::date, 5);
