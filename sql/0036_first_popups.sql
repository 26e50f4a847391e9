-- Most viewers never see a second popup. So the row in `viewers` is also that of the popup with which the viewer was
-- first seen, and viewers_by_popup has a row for each other one, and for the holdout's. Both were first seen at once: of
-- first_day and device_type there is one.

ALTER TABLE viewers
    ADD COLUMN first_seen_at timestamptz,
    -- As last_day and so on, of the popup; those are of the whole shop.
    ADD COLUMN popup_last_day date,
    ADD COLUMN popup_previous_day date,
    ADD COLUMN popup_did smallint NOT NULL DEFAULT 0,
    ADD COLUMN popup_newly smallint NOT NULL DEFAULT 0,
    -- Given by the view that inserts the row. NULL: all of the viewer's popups are in viewers_by_popup, as in rows of
    -- before, in those of functions of before, and where a conversion came before any view.
    ADD COLUMN popup_id uuid,
    ADD COLUMN variant_id text NOT NULL DEFAULT '';

-- Each popup's viewers, whichever table their row is in.
CREATE VIEW viewers_of_popups AS
SELECT shop_id, viewer, popup_id, is_holdout, false AS is_first, first_seen_at, first_day, variant_id, device_type,
    last_day, did
FROM viewers_by_popup
UNION ALL
SELECT shop_id, viewer, popup_id, false, true, first_seen_at, first_day, variant_id, device_type, popup_last_day,
    popup_did
FROM viewers
WHERE popup_id IS NOT NULL;
