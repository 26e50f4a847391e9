-- What a merchant designs: popups, the discount codes they offer, and the subscribers they win.

CREATE TABLE popups (
    id uuid NOT NULL,
    shop_id text NOT NULL,
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'draft',
    trigger jsonb NOT NULL,
    design jsonb NOT NULL,
    targeting jsonb NOT NULL,
    frequency jsonb NOT NULL,
    offer jsonb NOT NULL,
    variants jsonb NOT NULL DEFAULT '[]',
    holdout_percent integer NOT NULL DEFAULT 0,
    starts_at timestamptz,
    ends_at timestamptz,
    priority integer NOT NULL DEFAULT 0,
    view_limit bigint,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Deleted popups are gone for everyone; the row stays until its events are dropped by retention.
    deleted_at timestamptz,
    is_active boolean NOT NULL GENERATED ALWAYS AS (status = 'active' AND deleted_at IS NULL) STORED,
    CONSTRAINT popups_pkey PRIMARY KEY (shop_id, id),
    CONSTRAINT popups_shop_fkey FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE CASCADE,
    CONSTRAINT popups_status_known CHECK (status IN ('draft', 'active', 'paused', 'archived')),
    CONSTRAINT popups_schedule_ordered CHECK (ends_at > starts_at),
    CONSTRAINT popups_holdout_percent_range CHECK (holdout_percent BETWEEN 0 AND 100)
);

-- An event names its popup and not its shop.
CREATE INDEX popups_id_idx ON popups (id);
CREATE INDEX popups_shop_id_created_at_idx ON popups (shop_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX popups_shop_id_status_created_at_idx ON popups (shop_id, status, created_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX popups_shop_id_is_active_priority_idx ON popups (shop_id, is_active, priority DESC) WHERE is_active;

CREATE TABLE discount_codes (
    id uuid NOT NULL,
    shop_id text NOT NULL,
    code text NOT NULL,
    type text NOT NULL,
    value numeric(12, 2) NOT NULL,
    minimum_purchase numeric(12, 2),
    maximum_discount numeric(12, 2),
    starts_at timestamptz,
    expires_at timestamptz,
    usage_limit integer,
    -- True: every visitor gets a code of his own out of single_use_codes.
    single_use boolean NOT NULL DEFAULT false,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT discount_codes_pkey PRIMARY KEY (shop_id, id),
    CONSTRAINT discount_codes_shop_fkey FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE CASCADE,
    CONSTRAINT discount_codes_shop_code_key UNIQUE (shop_id, code),
    CONSTRAINT discount_codes_type_known CHECK (type IN ('percentage', 'fixed')),
    CONSTRAINT discount_codes_value_range CHECK (value > 0 AND (type <> 'percentage' OR value <= 100)),
    CONSTRAINT discount_codes_schedule_ordered CHECK (expires_at > starts_at)
);

CREATE INDEX discount_codes_shop_id_is_active_idx ON discount_codes (shop_id, is_active, created_at DESC);

-- claimed_by names who holds the code: a person gets one code of a pool, however often he asks.
CREATE TABLE single_use_codes (
    shop_id text NOT NULL,
    discount_code_id uuid NOT NULL,
    code text NOT NULL,
    claimed_by text,
    claimed_at timestamptz,
    CONSTRAINT single_use_codes_pkey PRIMARY KEY (shop_id, discount_code_id, code),
    CONSTRAINT single_use_codes_discount_code_fkey FOREIGN KEY (shop_id, discount_code_id)
        REFERENCES discount_codes (shop_id, id) ON DELETE CASCADE,
    CONSTRAINT single_use_codes_claimed_by_key UNIQUE (shop_id, discount_code_id, claimed_by)
);

CREATE INDEX single_use_codes_unclaimed_idx ON single_use_codes (shop_id, discount_code_id, code)
    WHERE claimed_by IS NULL;

CREATE TABLE email_subscribers (
    id uuid NOT NULL,
    shop_id text NOT NULL,
    -- As typed, and as compared: lower case, surrounding space gone.
    email text NOT NULL,
    email_normalized text NOT NULL,
    name text,
    popup_id uuid NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    consent_text text,
    consented_at timestamptz,
    unsubscribed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT email_subscribers_pkey PRIMARY KEY (shop_id, id),
    CONSTRAINT email_subscribers_shop_fkey FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE CASCADE,
    CONSTRAINT email_subscribers_shop_email_key UNIQUE (shop_id, email_normalized)
);

CREATE INDEX email_subscribers_shop_id_created_at_idx ON email_subscribers (shop_id, created_at DESC, id DESC);
CREATE INDEX email_subscribers_shop_id_popup_id_idx ON email_subscribers (shop_id, popup_id, created_at DESC, id DESC);
CREATE INDEX email_subscribers_shop_id_is_active_idx ON email_subscribers (shop_id, is_active, created_at DESC, id DESC);
