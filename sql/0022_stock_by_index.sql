-- As before; but whether a pool has a code left is read off the index, in its order: with few left in a big pool Postgres
-- would rather look through the table, where they may be the last.
CREATE OR REPLACE VIEW discount_code_stock AS
SELECT shop_id, discount_code_id, is_valid, left_to_give, left_of, ended_at,
    is_valid AND (NOT single_use OR (
        SELECT codes_left.code
        FROM codes_left
        WHERE codes_left.shop_id = stock.shop_id AND codes_left.discount_code_id = stock.discount_code_id
        ORDER BY codes_left.code
        LIMIT 1
    ) IS NOT NULL) AS can_be_given
FROM (
    SELECT code.shop_id, code.id AS discount_code_id, code.single_use,
        -- Whoever holds a code of a pool may be told it again as long as this is true.
        code.is_active
            AND (code.starts_at IS NULL OR code.starts_at <= now())
            AND (code.expires_at IS NULL OR code.expires_at > now())
            AND (code.usage_limit IS NULL OR code.usage_limit > coalesce(tally.uses, 0)) AS is_valid,
        left_to_give(code.single_use, tally.left_in_pool, code.usage_limit, tally.uses) AS left_to_give,
        -- Of how many.
        CASE WHEN code.single_use THEN coalesce(tally.codes, 0) ELSE code.usage_limit END AS left_of,
        -- Of one that can no longer be given, since when; NULL where that is long ago, or not known.
        CASE WHEN NOT code.is_active THEN code.updated_at
            WHEN code.expires_at <= now() THEN code.expires_at
            ELSE tally.taken_at END AS ended_at
    FROM discount_codes AS code
    LEFT JOIN discount_code_tallies AS tally
        ON (tally.shop_id, tally.discount_code_id) = (code.shop_id, code.id)
) AS stock;
