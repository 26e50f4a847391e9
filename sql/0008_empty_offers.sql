-- What becomes of an offer whose discount code can no longer be given: asked by those who serve popups and give codes.

CREATE FUNCTION code_is_valid(code discount_codes) RETURNS boolean
LANGUAGE sql STABLE
RETURN code.is_active
    AND (code.starts_at IS NULL OR code.starts_at <= now())
    AND (code.expires_at IS NULL OR code.expires_at > now())
    AND (code.usage_limit IS NULL OR code.usage_limit > (
        SELECT coalesce(sum(tally.uses), 0)
        FROM discount_code_tallies AS tally
        WHERE (tally.shop_id, tally.discount_code_id) = (code.shop_id, code.id)
    ));

-- Whether the popup is to stop: in one of its variants, or as it is where it has none, it offers a code of which
-- there is none left to give.
CREATE FUNCTION popup_stops(popup popups) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
    SELECT
    FROM jsonb_array_elements(CASE WHEN popup.variants = '[]' THEN '[{"offer": {}}]' ELSE popup.variants END) AS variant,
        LATERAL (SELECT popup.offer || (variant -> 'offer') AS offer) AS offered
    WHERE offer ->> 'when_empty' = 'stop' AND offer ->> 'discount_code_id' IS NOT NULL AND NOT EXISTS (
        SELECT
        FROM discount_codes AS code
        WHERE code.shop_id = popup.shop_id AND code.id = (offer ->> 'discount_code_id')::uuid
          AND code_is_valid(code.*)
          AND (NOT code.single_use OR EXISTS (
              SELECT
              FROM single_use_codes
              WHERE (single_use_codes.shop_id, discount_code_id) = (code.shop_id, code.id) AND claimed_by IS NULL
          ))
    )
);

-- As before, and no code that a popup falls back to.
CREATE OR REPLACE FUNCTION delete_discount_code(shop text, code_id uuid) RETURNS boolean
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
            '$[*] ? (@.discount_code_id == $id || @.fallback_discount_code_id == $id)',
            jsonb_build_object('id', code_id)
        )
    );
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM discount_code_tallies WHERE shop_id = shop AND discount_code_id = code_id;
    RETURN true;
END
$$;
