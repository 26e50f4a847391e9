-- no transaction
-- Orders that still have the name of a viewer: for `popups retain`, and for the erasure of a person whose browser reported
-- an order.
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_named_idx ON orders (received_at)
    WHERE viewer_name IS NOT NULL OR reported_viewer IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_reported_viewer_idx ON orders (shop_id, reported_viewer)
    WHERE reported_viewer IS NOT NULL;
