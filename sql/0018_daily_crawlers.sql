-- What crawlers did, by popup and day: events that were left out of everything else, so that stats can say how many.

CREATE TABLE daily_crawlers (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    -- A day in the shop's time zone, as in the other tallies.
    day date NOT NULL,
    events bigint NOT NULL,
    CONSTRAINT daily_crawlers_pkey PRIMARY KEY (shop_id, popup_id, day),
    CONSTRAINT daily_crawlers_popup_fkey FOREIGN KEY (shop_id, popup_id) REFERENCES popups (shop_id, id)
        ON DELETE CASCADE
) WITH (fillfactor = 70);
