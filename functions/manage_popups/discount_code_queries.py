"""The SQL of discount codes and their pools. What was used and claimed is tallied by those who use and claim."""

from __future__ import annotations

# Nothing is written where the code is in a pool (it would be its holder's alone, and everybody's), or where an amount
# has more decimals than the shop's currency: `decimals` has those of the currencies that have other than two.
INSERT_DISCOUNT_CODE = """
    WITH shop AS MATERIALIZED (
        SELECT id, currency, coalesce((:decimals::jsonb ->> currency)::integer, 2) AS decimals
        FROM shops
        WHERE id = :shop_id
    ), written AS (
        INSERT INTO discount_codes (id, shop_id, code, type, value, minimum_purchase, maximum_discount, starts_at,
            expires_at, usage_limit, single_use, is_active)
        SELECT :id, shop.id, :code, :type,
            CASE WHEN :type = 'fixed' THEN round(:value::numeric, shop.decimals) ELSE :value END,
            round(:minimum_purchase::numeric, shop.decimals), round(:maximum_discount::numeric, shop.decimals),
            :starts_at, :expires_at, :usage_limit, :single_use, :is_active
        FROM shop
        WHERE :money_decimals <= shop.decimals AND NOT EXISTS (
            SELECT FROM single_use_codes WHERE shop_id = :shop_id AND upper(single_use_codes.code) = upper(:code))
        RETURNING *
    )
    SELECT written.*, shop.currency, 0::bigint AS usage_count, 0::bigint AS pool_codes, 0::bigint AS pool_claimed
    FROM shop
    LEFT JOIN written ON true
"""

SELECT_DISCOUNT_CODE = """
    SELECT code.*, shops.currency, coalesce(tally.uses, 0) AS usage_count, coalesce(tally.codes, 0) AS pool_codes,
        coalesce(tally.claimed, 0) AS pool_claimed
    FROM discount_codes AS code
    JOIN shops ON shops.id = code.shop_id
    LEFT JOIN discount_code_tallies AS tally ON (tally.shop_id, tally.discount_code_id) = (code.shop_id, code.id)
    WHERE code.shop_id = :shop_id AND code.id = :id
"""

SELECT_DISCOUNT_CODES = """
    SELECT code.*, shops.currency, coalesce(tally.uses, 0) AS usage_count, coalesce(tally.codes, 0) AS pool_codes,
        coalesce(tally.claimed, 0) AS pool_claimed
    FROM discount_codes AS code
    JOIN shops ON shops.id = code.shop_id
    LEFT JOIN discount_code_tallies AS tally ON (tally.shop_id, tally.discount_code_id) = (code.shop_id, code.id)
    WHERE code.shop_id = :shop_id AND (:is_active::boolean IS NULL OR code.is_active = :is_active)
      AND (code.created_at, code.id) < (:before_created_at::timestamptz, :before_id::uuid)
    ORDER BY code.created_at DESC, code.id DESC
    LIMIT :limit
"""

UPDATE_DISCOUNT_CODE = """
    UPDATE discount_codes
    SET code = :code, type = :type, value = :value, minimum_purchase = :minimum_purchase,
        maximum_discount = :maximum_discount, starts_at = :starts_at, expires_at = :expires_at,
        usage_limit = :usage_limit, is_active = :is_active, updated_at = clock_timestamp()
    WHERE shop_id = :shop_id AND id = :id AND updated_at = :read_updated_at
    RETURNING *
"""

DELETE_DISCOUNT_CODE = "SELECT delete_discount_code(:shop_id, :id) AS is_deleted"

# No row where the shop has no such discount code. A code is a duplicate where it comes a second time, or where the
# shop has it already, in a pool or for everybody.
INSERT_POOL_CODES = """
    WITH pool AS MATERIALIZED (
        SELECT shop_id, id, single_use
        FROM discount_codes
        WHERE shop_id = :shop_id AND id = :id
        FOR KEY SHARE
    ), given AS MATERIALIZED (
        SELECT code, position, row_number() OVER (PARTITION BY upper(code) ORDER BY position) AS number
        FROM json_array_elements_text(:codes::json) WITH ORDINALITY AS listed (code, position)
    ), added AS (
        INSERT INTO single_use_codes (shop_id, discount_code_id, code)
        SELECT pool.shop_id, pool.id, given.code
        FROM pool
        CROSS JOIN given
        WHERE pool.single_use AND given.number = 1
          AND NOT EXISTS (
            SELECT FROM discount_codes AS shared
            WHERE shared.shop_id = pool.shop_id AND upper(shared.code) = upper(given.code) AND NOT shared.single_use)
        ORDER BY upper(given.code)
        ON CONFLICT DO NOTHING
        RETURNING code
    ), tallied AS (
        INSERT INTO discount_code_tallies AS tally (shop_id, discount_code_id, codes)
        SELECT pool.shop_id, pool.id, (SELECT count(*) FROM added)
        FROM pool
        WHERE pool.single_use
        ON CONFLICT (shop_id, discount_code_id) DO UPDATE SET codes = tally.codes + excluded.codes
        RETURNING codes, claimed
    )
    SELECT pool.single_use, tallied.codes AS pool_codes, tallied.claimed AS pool_claimed,
        (SELECT count(*) FROM added) AS added,
        (SELECT coalesce(json_agg(given.code ORDER BY given.position), '[]')
         FROM given
         LEFT JOIN added ON added.code = given.code AND given.number = 1
         WHERE added.code IS NULL) AS duplicates
    FROM pool
    LEFT JOIN tallied ON true
"""
