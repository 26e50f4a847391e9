-- Persons who were erased and whose events still have to be renamed: worked off in batches.

CREATE TABLE erasures (
    shop_id text NOT NULL,
    subscriber_id uuid NOT NULL,
    -- What the person's events are called by is hashed with it into the names that they get. It goes with this row, and
    -- with it the last that ties them to the person.
    salt uuid NOT NULL DEFAULT gen_random_uuid(),
    requested_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT erasures_pkey PRIMARY KEY (shop_id, subscriber_id)
);

-- Under which names the person was a viewer: visitor ids, and sessions of events without one.
CREATE TABLE erased_viewers (
    shop_id text NOT NULL,
    subscriber_id uuid NOT NULL,
    viewer text NOT NULL,
    CONSTRAINT erased_viewers_pkey PRIMARY KEY (shop_id, subscriber_id, viewer)
);

-- The name that a visitor or a visit of an erased person gets.
CREATE FUNCTION erased_name(salt uuid, name text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN left(encode(sha256(convert_to(salt::text || name, 'UTF8')), 'hex'), 32)::uuid::text;
