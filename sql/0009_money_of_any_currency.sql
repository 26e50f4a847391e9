-- Amounts have the decimals of the shop's currency, none to four: a column must not fix them. Nothing is rewritten.

ALTER TABLE discount_codes
    ALTER COLUMN value TYPE numeric,
    ALTER COLUMN minimum_purchase TYPE numeric,
    ALTER COLUMN maximum_discount TYPE numeric;
