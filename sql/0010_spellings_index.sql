-- no transaction
-- The few addresses that have more than one spelling, for `popups retain` to bring into the one form.
CREATE INDEX CONCURRENTLY IF NOT EXISTS email_subscribers_spellings_idx ON email_subscribers (shop_id, id)
    WHERE octet_length(email_normalized) <> length(email_normalized) OR email_normalized LIKE '%xn--%';
