-- Where a popup was seen, by day: pages, referrers and campaigns with their views. `popups retain` adds up the days that
-- are over; of those that it has not, stats reads the views themselves. Nothing is written while a shopper waits.

-- What a view tells. A page is a path without its query, as the browser sent it; an empty name is told, but not named:
-- what has an @ may be somebody's address.
CREATE FUNCTION sources_of_view(page_url text, referrer text) RETURNS TABLE (kind text, name text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT told.kind, CASE WHEN told.name ~* '@|%40' THEN '' ELSE left(told.name, 200) END
    FROM (VALUES
        ('pages', CASE WHEN page_url IS NOT NULL
            THEN coalesce(nullif(substring(page_url FROM '^(?:[a-z]+://[^/?#]*)?([^?#]*)'), ''), '/') END),
        ('referrers', substring(referrer FROM '^[a-z]+://([^/?#]+)')),
        ('utm_sources', substring(page_url FROM '[?&]utm_source=([^&#]*)')),
        ('utm_mediums', substring(page_url FROM '[?&]utm_medium=([^&#]*)')),
        ('utm_campaigns', substring(page_url FROM '[?&]utm_campaign=([^&#]*)'))
    ) AS told (kind, name)
    WHERE told.name <> '';
END;

CREATE TABLE daily_sources (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    -- In the shop's time zone as it was when the day was added up.
    day date NOT NULL,
    -- Those of sources_of_view, and 'views': all views of the day, under the empty name.
    kind text NOT NULL,
    -- The empty string for what is not among the day's most frequent.
    name text NOT NULL,
    views bigint NOT NULL,
    CONSTRAINT daily_sources_pkey PRIMARY KEY (shop_id, popup_id, day, kind, name)
);

-- The views of a popup before `until` are in daily_sources.
CREATE TABLE sources_added_up (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    until timestamptz NOT NULL,
    CONSTRAINT sources_added_up_pkey PRIMARY KEY (shop_id, popup_id)
);
