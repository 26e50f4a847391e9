-- The peer's own tables, in a database of its own: one counter a popup, an event a row.

CREATE TABLE shops (
    id text PRIMARY KEY,
    settings jsonb NOT NULL
);

CREATE TABLE popups (
    id uuid PRIMARY KEY,
    shop_id text NOT NULL REFERENCES shops (id),
    status text NOT NULL,
    priority integer NOT NULL,
    starts_at timestamptz,
    ends_at timestamptz,
    view_limit bigint,
    definition jsonb NOT NULL,
    view_count bigint NOT NULL DEFAULT 0,
    conversion_count bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

CREATE INDEX ON popups (shop_id, priority DESC) WHERE status = 'active';

CREATE TABLE views (
    event_id uuid PRIMARY KEY,
    popup_id uuid NOT NULL,
    session_id text NOT NULL,
    visitor_id text,
    variant_id text,
    device_type text,
    page_url text,
    referrer text,
    viewed_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX ON views (popup_id, viewed_at);

CREATE TABLE subscribers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shop_id text NOT NULL,
    email text NOT NULL,
    name text,
    consent_text text,
    UNIQUE (shop_id, email)
);

CREATE TABLE conversions (
    event_id uuid PRIMARY KEY,
    popup_id uuid NOT NULL,
    session_id text NOT NULL,
    visitor_id text,
    variant_id text,
    device_type text,
    type text NOT NULL,
    subscriber_id bigint REFERENCES subscribers (id),
    revenue numeric,
    currency text,
    order_id text,
    converted_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX ON conversions (popup_id, type, converted_at);
