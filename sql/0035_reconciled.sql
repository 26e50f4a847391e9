-- What became of an order source's last reconciling, for its merchant to see.
ALTER TABLE order_sources
    -- When the platform's API was last asked for orders, and why in vain; NULL where it was not in vain.
    ADD COLUMN reconciled_at timestamptz,
    ADD COLUMN reconcile_error text;
