-- How discount codes are used: what is left of a pool, how often a code was used, and which one a popup still offers.

-- A code is one code however it is typed, and one shop gives it out once, from whichever pool.
ALTER TABLE single_use_codes ADD COLUMN used_at timestamptz;
CREATE UNIQUE INDEX discount_codes_shop_id_upper_code_key ON discount_codes (shop_id, upper(code));
CREATE UNIQUE INDEX single_use_codes_shop_id_upper_code_key ON single_use_codes (shop_id, upper(code));

-- Changed only by the statements that add, claim and use codes, so that no list has to count them.
CREATE TABLE discount_code_tallies (
    shop_id text NOT NULL,
    discount_code_id uuid NOT NULL,
    -- Conversions that named the code; of a pool, codes that were named at least once.
    uses bigint NOT NULL DEFAULT 0,
    -- Codes of a pool: ever added, and given to somebody.
    codes bigint NOT NULL DEFAULT 0,
    claimed bigint NOT NULL DEFAULT 0,
    CONSTRAINT discount_code_tallies_pkey PRIMARY KEY (shop_id, discount_code_id)
) WITH (fillfactor = 70);

-- Lists are in this order, all of them or those that are (not) active.
CREATE INDEX discount_codes_shop_id_created_at_idx ON discount_codes (shop_id, created_at DESC, id DESC);
DROP INDEX discount_codes_shop_id_is_active_idx;
CREATE INDEX discount_codes_shop_id_is_active_idx ON discount_codes (shop_id, is_active, created_at DESC, id DESC);

-- Deletes a discount code unless a popup of the shop offers it. Returns NULL where there is no such code, else whether
-- it was deleted. Two statements, so that the second sees the popups of those who held the lock: whoever writes a
-- popup takes FOR KEY SHARE on the codes it offers.
CREATE FUNCTION delete_discount_code(shop text, code_id uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM discount_codes WHERE shop_id = shop AND id = code_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    DELETE FROM discount_codes
    WHERE shop_id = shop AND id = code_id AND NOT EXISTS (
        SELECT FROM popups
        WHERE popups.shop_id = shop AND deleted_at IS NULL AND jsonb_path_exists(
            jsonb_build_array(offer, jsonb_path_query_array(variants, '$[*].offer')),
            '$[*].discount_code_id ? (@ == $id)', jsonb_build_object('id', code_id)
        )
    );
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM discount_code_tallies WHERE shop_id = shop AND discount_code_id = code_id;
    RETURN true;
END
$$;
