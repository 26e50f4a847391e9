-- Events whose ids are not of about now (of another month, or of another version than 7) are kept under an id of the
-- moment when they came, so that they lie where the others of that day do. Here is which, for as long as the event.

CREATE TABLE foreign_event_ids (
    shop_id text NOT NULL,
    -- 'view' or 'conversion': an id may be one of each.
    kind text NOT NULL,
    -- As the client sent it. Whoever inserts it first has the event.
    sent_id uuid NOT NULL,
    -- The event's row. The same as sent_id where that was stored as it was.
    event_id uuid NOT NULL,
    CONSTRAINT foreign_event_ids_pkey PRIMARY KEY (shop_id, kind, sent_id)
);

-- They leave with their events.
CREATE INDEX foreign_event_ids_event_id_idx ON foreign_event_ids (event_id);

-- Whatever still comes into a DEFAULT partition enters its id as well: what functions of the release before store,
-- which know nothing of this table, and what comes when nobody has made the month. One that is known is left out.
CREATE FUNCTION enter_foreign_event_id() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO foreign_event_ids (shop_id, kind, sent_id, event_id)
    VALUES (NEW.shop_id, TG_ARGV[0], NEW.event_id, NEW.event_id)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER popup_views_default_foreign_id BEFORE INSERT ON popup_views_default
FOR EACH ROW EXECUTE FUNCTION enter_foreign_event_id('view');

CREATE TRIGGER popup_conversions_default_foreign_id BEFORE INSERT ON popup_conversions_default
FOR EACH ROW EXECUTE FUNCTION enter_foreign_event_id('conversion');

-- A new version-7 UUID of that instant, for an event that came then.
CREATE FUNCTION new_event_id(instant timestamptz) RETURNS uuid
LANGUAGE sql VOLATILE STRICT
RETURN (
    left(replace(first_event_id(instant)::text, '-', ''), 12)
    || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14)
)::uuid;
