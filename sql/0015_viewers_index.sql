-- no transaction
-- In which other popups a viewer is known: asked for each viewer that `popups retain` forgets with a deleted popup, and
-- that is renamed with an erased subscriber.
CREATE INDEX CONCURRENTLY IF NOT EXISTS popup_viewers_shop_id_viewer_idx ON popup_viewers (shop_id, viewer);
