-- Shops and the keys that speak for them.

CREATE TABLE shops (
    id text NOT NULL,
    name text NOT NULL,
    time_zone text NOT NULL DEFAULT 'UTC',
    currency text NOT NULL DEFAULT 'USD',
    -- Empty: tracking requests are accepted from every origin.
    allowed_origins text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT shops_pkey PRIMARY KEY (id),
    CONSTRAINT shops_id_format CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    CONSTRAINT shops_currency_format CHECK (currency ~ '^[A-Z]{3}$')
);

-- Only the SHA-256 of a key is kept. The unique key cannot start with shop_id: the key is all a request brings.
CREATE TABLE api_keys (
    id uuid NOT NULL,
    shop_id text NOT NULL,
    name text NOT NULL DEFAULT '',
    -- The first characters of the key, so that a person can tell keys apart.
    prefix text NOT NULL,
    key_sha256 bytea NOT NULL,
    rights text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (shop_id, id),
    CONSTRAINT api_keys_shop_fkey FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE CASCADE,
    CONSTRAINT api_keys_key_sha256_key UNIQUE (key_sha256),
    CONSTRAINT api_keys_rights_known CHECK (rights IN ('read', 'write'))
);

-- The answer to a POST that carried an Idempotency-Key, replayed for 24 hours.
CREATE TABLE idempotency_keys (
    shop_id text NOT NULL,
    key text NOT NULL,
    request_sha256 bytea NOT NULL,
    status smallint,
    headers jsonb,
    body text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (shop_id, key),
    CONSTRAINT idempotency_keys_shop_fkey FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE CASCADE
);

CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
