-- Where a shop's orders come from by themselves: its platform's webhooks, and its API for reconciling.

CREATE TABLE order_sources (
    id uuid NOT NULL,
    shop_id text NOT NULL,
    platform text NOT NULL,
    -- Encrypted (common/shop/sealed.py): a JSON list of the secrets that sign the platform's webhooks.
    secrets bytea NOT NULL,
    -- Encrypted: {"url", "token"} of the platform's API; NULL without one.
    api bytea,
    -- When an order or a refund of it was last heard of, to about ten seconds.
    last_order_at timestamptz,
    -- The shop has left the platform: what is known through it alone is being deleted, and then this row.
    redacted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT order_sources_pkey PRIMARY KEY (id),
    CONSTRAINT order_sources_shop_fkey FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE CASCADE,
    CONSTRAINT order_sources_platform_known CHECK (platform IN ('shopify', 'woocommerce'))
);

CREATE INDEX order_sources_shop_id_idx ON order_sources (shop_id);

-- Customers' requests for their data, which the platform passes on and the merchant answers.
CREATE TABLE order_source_requests (
    shop_id text NOT NULL,
    source_id uuid NOT NULL,
    request_id text NOT NULL,
    email text,
    customer_id text,
    order_ids text[] NOT NULL DEFAULT '{}',
    requested_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT order_source_requests_pkey PRIMARY KEY (shop_id, source_id, request_id),
    CONSTRAINT order_source_requests_source_fkey FOREIGN KEY (source_id) REFERENCES order_sources (id) ON DELETE CASCADE
);
