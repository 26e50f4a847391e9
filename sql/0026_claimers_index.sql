-- no transaction
-- Which subscribers hold a single-use code that an order was paid with.
CREATE INDEX CONCURRENTLY IF NOT EXISTS email_subscribers_shop_id_claimer_idx ON email_subscribers (shop_id, claimer)
    WHERE claimer IS NOT NULL;
