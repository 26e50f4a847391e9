-- Under a name that no column of popups has: get_active_popups of the release before reads both tables and says
-- holdout_percent alone, which was ambiguous, and a 500 for every shop, as soon as 0016 was applied.

ALTER TABLE shops RENAME COLUMN holdout_percent TO shop_holdout_percent;
ALTER TABLE shops RENAME CONSTRAINT shops_holdout_percent_range TO shops_shop_holdout_percent_range;
