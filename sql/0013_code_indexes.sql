-- no transaction
-- A code is compared in its compatibility form: full-width letters are letters, an accent is one however it is written.
CREATE INDEX CONCURRENTLY IF NOT EXISTS discount_codes_shop_id_code_form_idx
    ON discount_codes (shop_id, upper(normalize(code, NFKC)));
CREATE INDEX CONCURRENTLY IF NOT EXISTS single_use_codes_shop_id_code_form_idx
    ON single_use_codes (shop_id, upper(normalize(code, NFKC)));
-- What the view codes_left reads; the index of what is unclaimed, which has used ones among them, goes a release later.
CREATE INDEX CONCURRENTLY IF NOT EXISTS single_use_codes_left_idx ON single_use_codes (shop_id, discount_code_id, code)
    WHERE claimed_by IS NULL AND used_at IS NULL;
