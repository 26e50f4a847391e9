"""The SQL of discount codes and their pools. Uses and claims are tallied by the statements that make them."""

from __future__ import annotations

# Nothing is written if the shop has the code already, in a pool too (it would be both single-use and public), or if an
# amount has more decimals than the shop's currency: `decimals` has the currencies with other than two.
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
            SELECT
            FROM single_use_codes AS own
            WHERE own.shop_id = :shop_id AND upper(normalize(own.code, NFKC)) = upper(normalize(:code, NFKC))
            UNION ALL
            SELECT
            FROM discount_codes AS other
            WHERE other.shop_id = :shop_id AND upper(normalize(other.code, NFKC)) = upper(normalize(:code, NFKC)))
        RETURNING *
    )
    SELECT written.*, shop.currency, 0::bigint AS usage_count, 0::bigint AS pool_codes, 0::bigint AS pool_claimed,
        0::bigint AS pool_left, left_to_give(single_use, 0, usage_limit, 0) AS left_to_give,
        CASE WHEN single_use THEN 0 ELSE usage_limit END AS left_of, '[]'::jsonb AS budgets_met
    FROM shop
    LEFT JOIN written ON true
"""

SELECT_DISCOUNT_CODE = """
    SELECT code.*, shops.currency, coalesce(tally.uses, 0) AS usage_count, coalesce(tally.codes, 0) AS pool_codes,
        coalesce(tally.claimed, 0) AS pool_claimed, coalesce(tally.left_in_pool, 0) AS pool_left, stock.left_to_give,
        stock.left_of, (
            SELECT coalesce(jsonb_agg(to_jsonb(met) ORDER BY budget), '[]')
            FROM (
                SELECT budget, refused,
                    to_char(last_refused_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS last_met_at
                FROM code_refusals
                WHERE code_refusals.shop_id = :shop_id AND discount_code_id = code.id
            ) AS met
        ) AS budgets_met
    FROM discount_codes AS code
    JOIN shops ON shops.id = :shop_id
    JOIN discount_code_stock AS stock ON stock.shop_id = :shop_id AND stock.discount_code_id = code.id
    LEFT JOIN discount_code_tallies AS tally ON tally.shop_id = :shop_id AND tally.discount_code_id = code.id
    WHERE code.shop_id = :shop_id AND code.id = :id
"""

SELECT_DISCOUNT_CODES = """
    SELECT code.*, shops.currency, coalesce(tally.uses, 0) AS usage_count, coalesce(tally.codes, 0) AS pool_codes,
        coalesce(tally.claimed, 0) AS pool_claimed, coalesce(tally.left_in_pool, 0) AS pool_left, stock.left_to_give,
        stock.left_of, (
            SELECT coalesce(jsonb_agg(to_jsonb(met) ORDER BY budget), '[]')
            FROM (
                SELECT budget, refused,
                    to_char(last_refused_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS last_met_at
                FROM code_refusals
                WHERE code_refusals.shop_id = :shop_id AND discount_code_id = code.id
            ) AS met
        ) AS budgets_met
    FROM discount_codes AS code
    JOIN shops ON shops.id = :shop_id
    JOIN discount_code_stock AS stock ON stock.shop_id = :shop_id AND stock.discount_code_id = code.id
    LEFT JOIN discount_code_tallies AS tally ON tally.shop_id = :shop_id AND tally.discount_code_id = code.id
    WHERE code.shop_id = :shop_id AND (:is_active::boolean IS NULL OR code.is_active = :is_active)
      AND (code.created_at, code.id) < (:before_created_at::timestamptz, :before_id::uuid)
    ORDER BY code.created_at DESC, code.id DESC
    LIMIT :limit
"""

# A code that is changed must be new to the shop; what is stored already may have a twin of before in other letters.
UPDATE_DISCOUNT_CODE = """
    WITH new_code AS MATERIALIZED (
        SELECT code <> :code AND EXISTS (
            SELECT
            FROM discount_codes AS other
            WHERE other.shop_id = :shop_id AND other.id <> :id
              AND upper(normalize(other.code, NFKC)) = upper(normalize(:code, NFKC))
            UNION ALL
            SELECT
            FROM single_use_codes AS own
            WHERE own.shop_id = :shop_id AND upper(normalize(own.code, NFKC)) = upper(normalize(:code, NFKC))
        ) AS is_taken
        FROM discount_codes
        WHERE shop_id = :shop_id AND id = :id
    ), written AS (
        UPDATE discount_codes
        SET code = :code, type = :type, value = :value, minimum_purchase = :minimum_purchase,
            maximum_discount = :maximum_discount, starts_at = :starts_at, expires_at = :expires_at,
            usage_limit = :usage_limit, is_active = :is_active, updated_at = clock_timestamp()
        WHERE shop_id = :shop_id AND id = :id AND updated_at = :read_updated_at
          AND NOT (SELECT is_taken FROM new_code)
        RETURNING *
    )
    SELECT new_code.is_taken, written.*,
        left_to_give(written.single_use, tally.left_in_pool, written.usage_limit, tally.uses) AS left_to_give,
        CASE WHEN written.single_use THEN coalesce(tally.codes, 0) ELSE written.usage_limit END AS left_of
    FROM new_code
    LEFT JOIN written ON true
    LEFT JOIN discount_code_tallies AS tally ON tally.shop_id = :shop_id AND tally.discount_code_id = written.id
"""

# Writing a popup takes FOR KEY SHARE on the codes it offers. Sent just before the deletion and in one transaction with
# it, so that the deletion sees the popups of earlier lock holders.
LOCK_DISCOUNT_CODE = """
    SELECT id, updated_at
    FROM discount_codes
    WHERE shop_id = :shop_id AND id = :id
    FOR UPDATE
"""

# No row is deleted while a popup offers the code or falls back to it.
DELETE_DISCOUNT_CODE = """
    WITH deleted AS (
        DELETE FROM discount_codes
        WHERE shop_id = :shop_id AND id = :id AND NOT EXISTS (
            SELECT
            FROM popups
            WHERE popups.shop_id = :shop_id AND deleted_at IS NULL AND jsonb_path_exists(
                jsonb_build_array(offer, jsonb_path_query_array(variants, '$[*].offer')),
                '$[*] ? (@.discount_code_id == $id || @.fallback_discount_code_id == $id)',
                jsonb_build_object('id', (:id)::uuid)
            )
        )
        RETURNING id
    ), of_tallies AS (
        DELETE FROM discount_code_tallies
        WHERE shop_id = :shop_id AND discount_code_id IN (SELECT id FROM deleted)
    ), of_refusals AS (
        DELETE FROM code_refusals
        WHERE shop_id = :shop_id AND discount_code_id IN (SELECT id FROM deleted)
    )
    SELECT EXISTS (SELECT FROM discount_codes WHERE shop_id = :shop_id AND id = :id) AS was_there,
        EXISTS (SELECT FROM deleted) AS is_deleted
"""

# No row if the shop has no such discount code. A code is a duplicate if it is given twice, or if the shop has it
# already, in a pool or as a public code.
INSERT_POOL_CODES = """
    WITH pool AS MATERIALIZED (
        SELECT shop_id, id, single_use
        FROM discount_codes
        WHERE shop_id = :shop_id AND id = :id
        FOR KEY SHARE
    ), given AS MATERIALIZED (
        SELECT code, position, upper(normalize(code, NFKC)) AS form,
            row_number() OVER (PARTITION BY upper(normalize(code, NFKC)) ORDER BY position) AS number
        FROM json_array_elements_text(:codes::json) WITH ORDINALITY AS listed (code, position)
    ), added AS (
        INSERT INTO single_use_codes (shop_id, discount_code_id, code)
        SELECT pool.shop_id, pool.id, given.code
        FROM pool
        CROSS JOIN given
        WHERE pool.single_use AND given.number = 1
          AND NOT EXISTS (
            SELECT
            FROM discount_codes AS shared
            WHERE shared.shop_id = :shop_id AND upper(normalize(shared.code, NFKC)) = given.form
              AND NOT shared.single_use)
          AND NOT EXISTS (
            SELECT
            FROM single_use_codes AS own
            WHERE own.shop_id = :shop_id AND upper(normalize(own.code, NFKC)) = given.form)
        ORDER BY upper(given.code)
        ON CONFLICT DO NOTHING
        RETURNING code
    ), tallied AS (
        INSERT INTO discount_code_tallies AS tally (shop_id, discount_code_id, codes)
        SELECT pool.shop_id, pool.id, (SELECT count(*) FROM added)
        FROM pool
        WHERE pool.single_use
        ON CONFLICT (shop_id, discount_code_id) DO UPDATE SET codes = tally.codes + excluded.codes
        RETURNING codes, claimed, left_in_pool
    )
    SELECT pool.single_use, tallied.codes AS pool_codes, tallied.claimed AS pool_claimed,
        tallied.left_in_pool AS pool_left,
        (SELECT count(*) FROM added) AS added,
        (SELECT coalesce(json_agg(given.code ORDER BY given.position), '[]')
         FROM given
         LEFT JOIN added ON added.code = given.code AND given.number = 1
         WHERE added.code IS NULL) AS duplicates
    FROM pool
    LEFT JOIN tallied ON true
"""

# Codes that were issued and not used. No row if the shop has no such discount code.
SELECT_UNUSED = """
    SELECT single_use, (
        SELECT count(*)
        FROM (
            SELECT
            FROM single_use_codes
            WHERE shop_id = :shop_id AND discount_code_id = :id
              AND claimed_by IS NOT NULL AND used_at IS NULL AND withdrawn_at IS NULL
            LIMIT :limit
        ) AS unused
    ) AS unused
    FROM discount_codes
    WHERE shop_id = :shop_id AND id = :id
"""

# As many are withdrawn as there are fresh ones in `codes`, and as many of those are added. A withdrawn code's row
# stays, so that it is never issued again, but without a holder, who may then get another code.
RELEASE_CODES = """
    WITH fresh AS MATERIALIZED (
        SELECT code, position
        FROM json_array_elements_text(:codes::json) WITH ORDINALITY AS listed (code, position)
        WHERE NOT EXISTS (
            SELECT
            FROM discount_codes AS shared
            WHERE shared.shop_id = :shop_id AND upper(normalize(shared.code, NFKC)) = upper(listed.code))
    ), unused AS MATERIALIZED (
        SELECT code
        FROM single_use_codes
        WHERE shop_id = :shop_id AND discount_code_id = :id
          AND claimed_by IS NOT NULL AND used_at IS NULL AND withdrawn_at IS NULL
        ORDER BY code
        LIMIT (SELECT count(*) FROM fresh)
        FOR UPDATE
    ), withdrawn AS (
        UPDATE single_use_codes
        SET claimed_by = 'withdrawn:' || gen_random_uuid(), withdrawn_at = now()
        FROM unused
        WHERE shop_id = :shop_id AND discount_code_id = :id AND single_use_codes.code = unused.code
        RETURNING single_use_codes.code
    ), added AS (
        INSERT INTO single_use_codes (shop_id, discount_code_id, code)
        SELECT :shop_id, :id, code
        FROM fresh
        ORDER BY position
        LIMIT (SELECT count(*) FROM withdrawn)
        ON CONFLICT DO NOTHING
        RETURNING code
    ), tallied AS (
        UPDATE discount_code_tallies
        SET codes = codes + (SELECT count(*) FROM added)
        WHERE shop_id = :shop_id AND discount_code_id = :id
        RETURNING codes, claimed, left_in_pool
    )
    SELECT (SELECT coalesce(json_agg(code ORDER BY code), '[]') FROM withdrawn) AS withdrawn,
        (SELECT coalesce(json_agg(code ORDER BY code), '[]') FROM added) AS added,
        tallied.codes AS pool_codes, tallied.claimed AS pool_claimed, tallied.left_in_pool AS pool_left
    FROM (SELECT 1) AS one
    LEFT JOIN tallied ON true
"""
