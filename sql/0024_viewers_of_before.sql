-- no transaction
-- The viewers of before; what they did is in the events, from which `popups recount` adds it.
INSERT INTO viewers_by_popup (shop_id, viewer, popup_id, is_holdout, first_seen_at, first_day, variant_id, device_type,
    last_day, previous_day, did, newly)
SELECT seen.shop_id, viewer_hash(shops.viewer_salt, seen.viewer), seen.popup_id, seen.is_holdout,
    seen.day::timestamp AT TIME ZONE shops.time_zone, seen.day, seen.variant_id, seen.device_type, seen.day, seen.day, 0, 0
FROM popup_viewers AS seen
JOIN shops ON shops.id = seen.shop_id
ON CONFLICT DO NOTHING;
INSERT INTO viewers (shop_id, viewer, first_day, device_type, last_day, previous_day, did, newly)
SELECT seen.shop_id, viewer_hash(shops.viewer_salt, seen.viewer), seen.day, seen.device_type, seen.day, seen.day, 0, 0
FROM shop_viewers AS seen
JOIN shops ON shops.id = seen.shop_id
ON CONFLICT DO NOTHING;
-- A viewer's events: for orders, erasures and `popups recount`. In place of the indexes by visitor and by session.
CREATE INDEX CONCURRENTLY IF NOT EXISTS popup_views_viewer_idx
    ON popup_views (event_viewer(shop_id, visitor_id, session_id));
CREATE INDEX CONCURRENTLY IF NOT EXISTS popup_conversions_viewer_idx
    ON popup_conversions (event_viewer(shop_id, visitor_id, session_id));
DROP INDEX IF EXISTS popup_views_session_id_idx;
DROP INDEX IF EXISTS popup_views_shop_id_visitor_id_idx;
DROP INDEX IF EXISTS popup_views_without_visitor_idx;
DROP INDEX IF EXISTS popup_conversions_visitor_id_idx;
DROP INDEX IF EXISTS popup_conversions_session_id_idx;
DROP INDEX IF EXISTS popup_conversions_shop_id_visitor_id_idx;
DROP INDEX IF EXISTS popup_conversions_without_visitor_idx;
