-- no transaction
-- An erasure finds a person's events by the shop and the visitor, and those without a visitor by the session: however many
-- others a session has, and whatever another shop was sent under the same name. The indexes by session and of conversions
-- by visitor alone serve the release before; they can go with the next.
CREATE INDEX CONCURRENTLY IF NOT EXISTS popup_views_shop_id_visitor_id_idx ON popup_views (shop_id, visitor_id)
    WHERE visitor_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS popup_views_without_visitor_idx ON popup_views (shop_id, session_id)
    WHERE visitor_id IS NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS popup_conversions_shop_id_visitor_id_idx
    ON popup_conversions (shop_id, visitor_id) WHERE visitor_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS popup_conversions_without_visitor_idx
    ON popup_conversions (shop_id, session_id) WHERE visitor_id IS NULL;
-- Who looks up a visitor's views names the shop as well.
DROP INDEX IF EXISTS popup_views_visitor_id_idx;
