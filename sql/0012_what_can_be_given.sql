-- What can be given of a discount code, said once, for those who serve popups, give codes and tell merchants of both.

ALTER TABLE discount_code_tallies
    -- Codes of a pool that were used without having been given to anybody: nobody else can have them.
    ADD COLUMN used_unclaimed bigint NOT NULL DEFAULT 0,
    -- When one was last given or used. NULL: before this column was there, or never.
    ADD COLUMN taken_at timestamptz;
ALTER TABLE discount_code_tallies
    ADD COLUMN left_in_pool bigint NOT NULL GENERATED ALWAYS AS (codes - claimed - used_unclaimed) STORED;

UPDATE discount_code_tallies AS tally
SET used_unclaimed = counted.used
FROM (
    SELECT shop_id, discount_code_id, count(*) AS used
    FROM single_use_codes
    WHERE claimed_by IS NULL AND used_at IS NOT NULL
    GROUP BY shop_id, discount_code_id
) AS counted
WHERE (tally.shop_id, tally.discount_code_id) = (counted.shop_id, counted.discount_code_id);

-- NULL for a code that everybody may use for ever.
CREATE FUNCTION left_to_give(single_use boolean, left_in_pool bigint, usage_limit integer, uses bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN single_use THEN greatest(0, least(coalesce(left_in_pool, 0), usage_limit - coalesce(uses, 0)))
    WHEN usage_limit IS NOT NULL THEN greatest(0, usage_limit - coalesce(uses, 0)) END;

-- The codes of a pool that are nobody's yet.
CREATE VIEW codes_left AS
SELECT shop_id, discount_code_id, code
FROM single_use_codes
WHERE claimed_by IS NULL AND used_at IS NULL;

CREATE VIEW discount_code_stock AS
SELECT shop_id, discount_code_id, is_valid, left_to_give, left_of, ended_at,
    is_valid AND (NOT single_use OR EXISTS (
        SELECT
        FROM codes_left
        WHERE codes_left.shop_id = stock.shop_id AND codes_left.discount_code_id = stock.discount_code_id
    )) AS can_be_given
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

-- What a popup offers to those it is shown to: in each of its variants, or as it is where it has none.
CREATE VIEW shown_offers AS
SELECT popups.shop_id, popups.id AS popup_id, popups.offer || coalesce(variant -> 'offer', '{}') AS offer
FROM popups
LEFT JOIN LATERAL jsonb_array_elements(popups.variants) AS variant ON variant -> 'weight' IS DISTINCT FROM '0'
WHERE popups.variants = '[]' OR variant IS NOT NULL;

-- The offers for which a popup stops: there is no code left to give.
CREATE VIEW stopping_offers AS
SELECT offered.shop_id, offered.popup_id, stock.ended_at AS stopped_at
FROM shown_offers AS offered
LEFT JOIN discount_code_stock AS stock ON stock.shop_id = offered.shop_id
    AND stock.discount_code_id = (offered.offer ->> 'discount_code_id')::uuid
WHERE offered.offer ->> 'when_empty' = 'stop' AND offered.offer ->> 'discount_code_id' IS NOT NULL
  AND stock.can_be_given IS NOT TRUE;

-- When an edit took an active popup out of what storefronts are served. Its codes are given for a while longer.
ALTER TABLE popups ADD COLUMN stopped_at timestamptz;

-- The codes that orders were paid with, as they are compared. Each counts as used once an order.
CREATE TABLE order_codes (
    shop_id text NOT NULL,
    order_id text NOT NULL,
    code text NOT NULL,
    -- False: reported by a browser of which too many reports came. A trusted report makes it true.
    is_counted boolean NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT order_codes_pkey PRIMARY KEY (shop_id, order_id, code)
);
