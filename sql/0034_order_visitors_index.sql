-- no transaction
-- The orders of a visitor of an experiment, beside those by the viewer.
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_shop_id_visitor_idx ON orders (shop_id, visitor)
    WHERE visitor IS NOT NULL;
