-- How many codes anybody may take from a shop in an hour, and how many uses browsers of one network may report.

-- 0 switches a budget off. The salt keeps the networks of two shops, and of two hours, from being recognised as one.
ALTER TABLE shops
    ADD COLUMN codes_per_hour integer NOT NULL DEFAULT 10000,
    ADD COLUMN codes_per_network_per_hour integer NOT NULL DEFAULT 500,
    ADD COLUMN code_uses_per_network_per_hour integer NOT NULL DEFAULT 20,
    ADD COLUMN network_salt uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD CONSTRAINT shops_codes_per_hour_range CHECK (codes_per_hour BETWEEN 0 AND 1000000),
    ADD CONSTRAINT shops_codes_per_network_per_hour_range CHECK (codes_per_network_per_hour BETWEEN 0 AND 1000000),
    ADD CONSTRAINT shops_code_uses_per_network_per_hour_range
        CHECK (code_uses_per_network_per_hour BETWEEN 0 AND 1000000);

-- Changed only by the statements that give codes and count uses, in one step that decides and spends. `popups retain`
-- removes those of past days.
CREATE TABLE code_budgets (
    shop_id text NOT NULL,
    -- The setting of the shop that says how much it is.
    budget text NOT NULL,
    -- Whose it is: empty for the shop, else a salted hash of the network, and of the code for uses.
    subject bytea NOT NULL,
    hour timestamptz NOT NULL,
    most integer NOT NULL,
    spent integer NOT NULL,
    -- What the statement that spent last has got: it may be less than it asked for.
    granted integer NOT NULL,
    CONSTRAINT code_budgets_pkey PRIMARY KEY (shop_id, budget, subject, hour)
) WITH (fillfactor = 70);

CREATE INDEX code_budgets_hour_idx ON code_budgets (hour);

-- What merchants are told: how often a budget was met, and when last.
CREATE TABLE code_refusals (
    shop_id text NOT NULL,
    discount_code_id uuid NOT NULL,
    budget text NOT NULL,
    refused bigint NOT NULL,
    last_refused_at timestamptz NOT NULL,
    CONSTRAINT code_refusals_pkey PRIMARY KEY (shop_id, discount_code_id, budget)
) WITH (fillfactor = 70);

-- A code that was taken back from who had claimed it: it stays, so that it is never given again.
ALTER TABLE single_use_codes ADD COLUMN withdrawn_at timestamptz;
