"""The SQL of `popups recount`: what the stored events say, day by day, and the difference to what the tallies say.

A tally is changed by the difference, in one statement that reads events and tally in one snapshot. Functions change
both together, so the difference is the same whenever it is added, and live traffic need not wait.

A day is one in the shop's present time zone. An hour that comes twice may begin a day, so the bounds that an index can
use are two hours wider than the day.
"""

SELECT_SHOPS = """
    SELECT id AS shop_id, time_zone, viewer_salt AS salt
    FROM shops
    WHERE :shop_id::text IS NULL OR id = :shop_id
    ORDER BY id
"""

SELECT_POPUPS = "SELECT id AS popup_id FROM popups WHERE shop_id = :shop_id ORDER BY id"

# On which days a popup has events or tallies, and how many views. From event to event of another day, by the index.
SELECT_DAYS = """
    WITH RECURSIVE seen (day) AS (
        SELECT (min(viewed_at) AT TIME ZONE :time_zone)::date
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id
          AND viewed_at >= (:since::date)::timestamp AT TIME ZONE :time_zone
        UNION ALL
        SELECT (
            SELECT (min(viewed_at) AT TIME ZONE :time_zone)::date
            FROM popup_views
            WHERE shop_id = :shop_id AND popup_id = :popup_id
              AND viewed_at >= (day + 1)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
              AND (viewed_at AT TIME ZONE :time_zone)::date > day
        )
        FROM seen
        WHERE day IS NOT NULL
    )
    SELECT day, (
        SELECT count(*)
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id
          AND viewed_at >= day::timestamp AT TIME ZONE :time_zone
          AND viewed_at < (day + 1)::timestamp AT TIME ZONE :time_zone
    ) AS views
    FROM (
        SELECT day FROM seen
        UNION
        SELECT (converted_at AT TIME ZONE :time_zone)::date
        FROM popup_conversions
        WHERE shop_id = :shop_id AND popup_id = :popup_id
        UNION
        SELECT day FROM daily_views WHERE shop_id = :shop_id AND popup_id = :popup_id
        UNION
        SELECT day FROM daily_conversions WHERE shop_id = :shop_id AND popup_id = :popup_id
    ) AS known
    WHERE day >= :since
    ORDER BY day
"""

SELECT_DAYS_OF_SHOP = """
    SELECT day FROM daily_shop_viewers WHERE shop_id = :shop_id AND day >= :since
    UNION
    SELECT day
    FROM daily_returns
    WHERE shop_id = :shop_id AND popup_id = '00000000-0000-0000-0000-000000000000' AND day >= :since
    UNION
    SELECT day
    FROM daily_converters
    WHERE shop_id = :shop_id AND popup_id = '00000000-0000-0000-0000-000000000000' AND day >= :since
"""

# Finds viewers whose row in `viewers` is not of the popup first seen by the day's events, or who have a second row for
# that popup (written by functions of an earlier release). All their popups get rows in viewers_by_popup, which the
# statements below correct like any others.
SEPARATE_FIRST_POPUPS = """
    WITH event AS MATERIALIZED (
        SELECT viewer_hash((:salt)::uuid, coalesce(visitor_id, session_id)) AS viewer, popup_id, event_id, viewed_at,
            coalesce(variant_id, '') AS variant_id, coalesce(device_type, '') AS device_type, 0 AS bits
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = ANY (:popup_ids::uuid[])
          AND viewed_at >= (:day::date)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
          AND viewed_at < (:day::date + 1)::timestamp AT TIME ZONE :time_zone + interval '2 hours'
          AND (viewed_at AT TIME ZONE :time_zone)::date = :day
          AND event_viewer(shop_id, visitor_id, session_id) & :mask::bigint = :part
          AND variant_id IS DISTINCT FROM 'holdout'
        UNION ALL
        SELECT viewer_hash((:salt)::uuid, coalesce(visitor_id, session_id)), popup_id, NULL, NULL, NULL, NULL,
            conversion_bit(type)
        FROM popup_conversions
        WHERE shop_id = :shop_id AND popup_id = ANY (:popup_ids::uuid[]) AND type <> 'purchase'
          AND converted_at >= (:day::date)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
          AND converted_at < (:day::date + 1)::timestamp AT TIME ZONE :time_zone + interval '2 hours'
          AND (converted_at AT TIME ZONE :time_zone)::date = :day
          AND event_viewer(shop_id, visitor_id, session_id) & :mask::bigint = :part
          AND variant_id IS DISTINCT FROM 'holdout'
    ), at_popup AS MATERIALIZED (
        SELECT DISTINCT ON (viewer, popup_id) *, bit_or(bits) OVER (PARTITION BY viewer, popup_id) AS did,
            first_value(popup_id) OVER (PARTITION BY viewer ORDER BY viewed_at, event_id) AS first_popup_id
        FROM event
        ORDER BY viewer, popup_id, viewed_at, event_id
    ), wrong AS MATERIALIZED (
        SELECT DISTINCT at_popup.viewer
        FROM at_popup
        CROSS JOIN LATERAL (
            SELECT * FROM viewers WHERE viewers.shop_id = :shop_id AND viewers.viewer = at_popup.viewer OFFSET 0
        ) AS known
        WHERE known.popup_id <> at_popup.first_popup_id AND :day <= known.first_day AND at_popup.viewed_at IS NOT NULL
            OR known.popup_id = at_popup.popup_id AND (
                at_popup.did & ~known.popup_did <> 0
                OR at_popup.viewed_at IS NOT NULL AND (
                    :day NOT BETWEEN known.first_day AND known.popup_last_day
                    OR :day = known.first_day AND (known.first_seen_at, known.variant_id, known.device_type)
                        IS DISTINCT FROM
                        (touched_at(at_popup.event_id, at_popup.viewed_at), at_popup.variant_id, at_popup.device_type))
                OR EXISTS (
                    SELECT
                    FROM viewers_by_popup AS own
                    WHERE own.shop_id = :shop_id AND own.viewer = known.viewer AND own.popup_id = known.popup_id
                      AND NOT own.is_holdout
                    OFFSET 0))
    ), locked AS MATERIALIZED (
        SELECT *
        FROM viewers
        WHERE shop_id = :shop_id AND viewer = ANY (ARRAY(SELECT viewer FROM wrong)) AND popup_id IS NOT NULL
        ORDER BY viewer
        FOR NO KEY UPDATE
    ), separated AS (
        UPDATE viewers
        SET popup_id = NULL
        WHERE shop_id = :shop_id AND viewer = ANY (ARRAY(SELECT viewer FROM locked))
    )
    INSERT INTO viewers_by_popup AS known (shop_id, viewer, popup_id, is_holdout, first_seen_at, first_day, variant_id,
        device_type, last_day, previous_day, did, newly)
    SELECT shop_id, viewer, popup_id, false, first_seen_at, first_day, variant_id, device_type, popup_last_day,
        popup_last_day, popup_did, 0
    FROM locked
    ORDER BY viewer
    ON CONFLICT (shop_id, viewer, popup_id, is_holdout) DO UPDATE
    SET first_seen_at = CASE WHEN known.first_day < excluded.first_day THEN known.first_seen_at
            ELSE excluded.first_seen_at END,
        variant_id = CASE WHEN known.first_day < excluded.first_day THEN known.variant_id ELSE excluded.variant_id END,
        device_type = CASE WHEN known.first_day < excluded.first_day THEN known.device_type
            ELSE excluded.device_type END,
        first_day = least(known.first_day, excluded.first_day),
        last_day = greatest(known.last_day, excluded.last_day), did = known.did | excluded.did
"""

# Day after day: a row's first day is the first on which there is a view. Of the viewers, one in :mask + 1 at a time, so
# that few rows are locked at once. Popups in `viewers` are right by then (SEPARATE_FIRST_POPUPS).
UPDATE_VIEWERS_OF_POPUP = """
    INSERT INTO viewers_by_popup AS known (shop_id, viewer, popup_id, is_holdout, first_seen_at, first_day, variant_id,
        device_type, last_day, previous_day, did, newly)
    SELECT DISTINCT ON (viewer, is_holdout) :shop_id, viewer, (:popup_id)::uuid, is_holdout,
        touched_at(event_id, viewed_at), :day::date, variant_id, device_type, :day::date, :day::date, 0, 0
    FROM (
        SELECT viewer_hash((:salt)::uuid, coalesce(visitor_id, session_id)) AS viewer, event_id, viewed_at,
            coalesce(variant_id, '') = 'holdout' AS is_holdout, coalesce(variant_id, '') AS variant_id,
            coalesce(device_type, '') AS device_type
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id
          AND viewed_at >= (:day::date)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
          AND viewed_at < (:day::date + 1)::timestamp AT TIME ZONE :time_zone + interval '2 hours'
          AND (viewed_at AT TIME ZONE :time_zone)::date = :day
          AND event_viewer(shop_id, visitor_id, session_id) & :mask::bigint = :part
    ) AS event
    WHERE is_holdout OR (
        SELECT popup_id FROM viewers WHERE viewers.shop_id = :shop_id AND viewers.viewer = event.viewer
    ) IS DISTINCT FROM (:popup_id)::uuid
    ORDER BY viewer, is_holdout, viewed_at, event_id
    ON CONFLICT (shop_id, viewer, popup_id, is_holdout) DO UPDATE
    SET first_seen_at = CASE WHEN known.first_day < :day THEN known.first_seen_at ELSE excluded.first_seen_at END,
        variant_id = CASE WHEN known.first_day < :day THEN known.variant_id ELSE excluded.variant_id END,
        device_type = CASE WHEN known.first_day < :day THEN known.device_type ELSE excluded.device_type END,
        first_day = least(known.first_day, excluded.first_day),
        last_day = greatest(known.last_day, excluded.last_day)
    WHERE known.first_day IS NULL OR known.first_day > :day OR known.last_day < :day
        OR known.first_day = :day AND (known.first_seen_at, known.variant_id, known.device_type)
            IS DISTINCT FROM (excluded.first_seen_at, excluded.variant_id, excluded.device_type)
"""

UPDATE_VIEWERS_OF_SHOP = """
    INSERT INTO viewers AS known (shop_id, viewer, first_day, device_type, last_day, previous_day, did, newly)
    SELECT DISTINCT ON (viewer) :shop_id, viewer, :day::date, device_type, :day::date, :day::date, 0, 0
    FROM (
        SELECT viewer_hash((:salt)::uuid, coalesce(visitor_id, session_id)) AS viewer, event_id, viewed_at,
            coalesce(device_type, '') AS device_type
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = ANY (:popup_ids::uuid[])
          AND viewed_at >= (:day::date)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
          AND viewed_at < (:day::date + 1)::timestamp AT TIME ZONE :time_zone + interval '2 hours'
          AND (viewed_at AT TIME ZONE :time_zone)::date = :day
          AND event_viewer(shop_id, visitor_id, session_id) & :mask::bigint = :part
          AND variant_id IS DISTINCT FROM 'holdout'
    ) AS event
    ORDER BY viewer, viewed_at, event_id
    ON CONFLICT (shop_id, viewer) DO UPDATE
    SET device_type = CASE WHEN known.first_day < :day THEN known.device_type ELSE excluded.device_type END,
        first_day = least(known.first_day, excluded.first_day),
        last_day = greatest(known.last_day, excluded.last_day)
    WHERE known.first_day IS NULL OR known.first_day > :day OR known.last_day < :day
        OR known.first_day = :day AND known.device_type <> excluded.device_type
"""

# Sets the bits of conversions, whether or not there is a view yet. Orders set the bit of purchases themselves.
UPDATE_CONVERTERS_OF_POPUP = """
    INSERT INTO viewers_by_popup AS known (shop_id, viewer, popup_id, is_holdout, variant_id, device_type, last_day,
        previous_day, did, newly)
    SELECT :shop_id, viewer, (:popup_id)::uuid, is_holdout, '', '', :day::date, :day::date, bit_or(bits), 0
    FROM (
        SELECT viewer_hash((:salt)::uuid, coalesce(visitor_id, session_id)) AS viewer,
            coalesce(variant_id, '') = 'holdout' AS is_holdout, conversion_bit(type) AS bits
        FROM popup_conversions
        WHERE shop_id = :shop_id AND popup_id = :popup_id AND type <> 'purchase'
          AND converted_at >= (:day::date)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
          AND converted_at < (:day::date + 1)::timestamp AT TIME ZONE :time_zone + interval '2 hours'
          AND (converted_at AT TIME ZONE :time_zone)::date = :day
          AND event_viewer(shop_id, visitor_id, session_id) & :mask::bigint = :part
    ) AS event
    WHERE is_holdout OR (
        SELECT popup_id FROM viewers WHERE viewers.shop_id = :shop_id AND viewers.viewer = event.viewer
    ) IS DISTINCT FROM (:popup_id)::uuid
    GROUP BY viewer, is_holdout
    ORDER BY viewer, is_holdout
    ON CONFLICT (shop_id, viewer, popup_id, is_holdout) DO UPDATE SET did = known.did | excluded.did
    WHERE excluded.did & ~known.did <> 0
"""

UPDATE_CONVERTERS_OF_SHOP = """
    INSERT INTO viewers AS known (shop_id, viewer, device_type, last_day, previous_day, did, newly)
    SELECT :shop_id, viewer, '', :day::date, :day::date, bit_or(bits), 0
    FROM (
        SELECT viewer_hash((:salt)::uuid, coalesce(visitor_id, session_id)) AS viewer, conversion_bit(type) AS bits
        FROM popup_conversions
        WHERE shop_id = :shop_id AND popup_id = ANY (:popup_ids::uuid[]) AND type <> 'purchase'
          AND converted_at >= (:day::date)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
          AND converted_at < (:day::date + 1)::timestamp AT TIME ZONE :time_zone + interval '2 hours'
          AND (converted_at AT TIME ZONE :time_zone)::date = :day
          AND event_viewer(shop_id, visitor_id, session_id) & :mask::bigint = :part
          AND variant_id IS DISTINCT FROM 'holdout'
    ) AS event
    GROUP BY viewer
    ORDER BY viewer
    ON CONFLICT (shop_id, viewer) DO UPDATE SET did = known.did | excluded.did
    WHERE excluded.did & ~known.did <> 0
"""

# Viewers who came back are looked up first, which takes the longest; the other tallies are changed just before the
# commit. Days before :since on which a viewer was seen are no longer known and stay as they were tallied.
TALLY_VIEWS_OF_POPUP = """
    WITH event AS MATERIALIZED (
        SELECT coalesce(visitor_id, session_id) AS name, coalesce(variant_id, '') AS variant_id,
            coalesce(device_type, '') AS device_type
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = :popup_id
          AND viewed_at >= (:day::date)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
          AND viewed_at < (:day::date + 1)::timestamp AT TIME ZONE :time_zone + interval '2 hours'
          AND (viewed_at AT TIME ZONE :time_zone)::date = :day
    ), viewer AS MATERIALIZED (
        SELECT seen.name, known.is_holdout, known.first_day, known.variant_id, known.device_type, known.did
        FROM (SELECT DISTINCT name, variant_id = 'holdout' AS is_holdout FROM event) AS seen
        CROSS JOIN LATERAL (
            -- OFFSET 0 has each looked up by key: joined plainly, the viewers of all days would be read for each day.
            SELECT *
            FROM viewers_of_popups AS one
            WHERE one.shop_id = :shop_id AND one.popup_id = :popup_id
              AND one.viewer = viewer_hash((:salt)::uuid, seen.name) AND one.is_holdout = seen.is_holdout
            OFFSET 0
        ) AS known
    ), views AS (
        INSERT INTO daily_views AS tally (shop_id, popup_id, day, variant_id, device_type, views, viewers)
        SELECT :shop_id, (:popup_id)::uuid, :day::date, variant_id, device_type, sum(views), sum(viewers)
        FROM (
            SELECT variant_id, device_type, 1 AS views, 0 AS viewers FROM event
            UNION ALL
            SELECT variant_id, device_type, 0, 1 FROM viewer WHERE first_day = :day
            UNION ALL
            SELECT variant_id, device_type, -views, -viewers
            FROM daily_views
            WHERE shop_id = :shop_id AND popup_id = :popup_id AND day = :day
        ) AS step
        GROUP BY variant_id, device_type
        HAVING sum(views) <> 0 OR sum(viewers) <> 0
        ORDER BY variant_id, device_type
        ON CONFLICT (shop_id, popup_id, day, variant_id, device_type) DO UPDATE
        SET views = tally.views + excluded.views, viewers = tally.viewers + excluded.viewers
        RETURNING 1
    ), converters AS (
        INSERT INTO daily_converters AS tally (shop_id, popup_id, day, variant_id, device_type, type, converters)
        SELECT :shop_id, (:popup_id)::uuid, :day::date, variant_id, device_type, type, sum(step)
        FROM (
            SELECT variant_id, device_type, type, 1 AS step
            FROM viewer
            JOIN (VALUES ('click'), ('email_capture'), ('discount_code_used'), ('purchase')) AS kind (type)
                ON did & conversion_bit(type) <> 0
            WHERE first_day = :day
            UNION ALL
            SELECT variant_id, device_type, type, -converters
            FROM daily_converters
            WHERE shop_id = :shop_id AND popup_id = :popup_id AND day = :day
        ) AS step
        GROUP BY variant_id, device_type, type
        HAVING sum(step) <> 0
        ORDER BY variant_id, device_type, type
        ON CONFLICT (shop_id, popup_id, day, variant_id, device_type, type) DO UPDATE
        SET converters = tally.converters + excluded.converters
        RETURNING 1
    ), returned AS (
        INSERT INTO daily_returns AS tally (shop_id, popup_id, day, previous_day, variant_id, device_type, viewers)
        SELECT :shop_id, (:popup_id)::uuid, :day::date, previous_day, variant_id, device_type, sum(step)
        FROM (
            SELECT variant_id, device_type, 1 AS step, (
                SELECT (max(viewed_at) AT TIME ZONE :time_zone)::date
                FROM popup_views AS earlier
                WHERE earlier.shop_id = :shop_id AND earlier.popup_id = :popup_id
                  AND coalesce(visitor_id, session_id) = viewer.name
                  AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, viewer.name)
                  AND (coalesce(earlier.variant_id, '') = 'holdout') = viewer.is_holdout
                  AND (viewed_at AT TIME ZONE :time_zone)::date < :day
            ) AS previous_day
            FROM viewer
            WHERE first_day < :day
            UNION ALL
            SELECT variant_id, device_type, -viewers, previous_day
            FROM daily_returns
            WHERE shop_id = :shop_id AND popup_id = :popup_id AND day = :day
        ) AS step
        WHERE previous_day >= :since
        GROUP BY previous_day, variant_id, device_type
        HAVING sum(step) <> 0
        ORDER BY previous_day, variant_id, device_type
        ON CONFLICT (shop_id, popup_id, day, previous_day, variant_id, device_type) DO UPDATE
        SET viewers = tally.viewers + excluded.viewers
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM returned) + (SELECT count(*) FROM views) + (SELECT count(*) FROM converters) AS changed
"""

TALLY_VIEWS_OF_SHOP = """
    WITH event AS MATERIALIZED (
        SELECT DISTINCT coalesce(visitor_id, session_id) AS name
        FROM popup_views
        WHERE shop_id = :shop_id AND popup_id = ANY (:popup_ids::uuid[])
          AND viewed_at >= (:day::date)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
          AND viewed_at < (:day::date + 1)::timestamp AT TIME ZONE :time_zone + interval '2 hours'
          AND (viewed_at AT TIME ZONE :time_zone)::date = :day
          AND variant_id IS DISTINCT FROM 'holdout'
    ), viewer AS MATERIALIZED (
        SELECT event.name, known.first_day, known.device_type, known.did
        FROM event
        JOIN viewers AS known ON known.shop_id = :shop_id AND known.viewer = viewer_hash((:salt)::uuid, event.name)
    ), viewed AS (
        INSERT INTO daily_shop_viewers AS tally (shop_id, day, device_type, viewers)
        SELECT :shop_id, :day::date, device_type, sum(step)
        FROM (
            SELECT device_type, 1 AS step FROM viewer WHERE first_day = :day
            UNION ALL
            SELECT device_type, -viewers FROM daily_shop_viewers WHERE shop_id = :shop_id AND day = :day
        ) AS step
        GROUP BY device_type
        HAVING sum(step) <> 0
        ORDER BY device_type
        ON CONFLICT (shop_id, day, device_type) DO UPDATE SET viewers = tally.viewers + excluded.viewers
        RETURNING 1
    ), converters AS (
        INSERT INTO daily_converters AS tally (shop_id, popup_id, day, variant_id, device_type, type, converters)
        SELECT :shop_id, '00000000-0000-0000-0000-000000000000', :day::date, '', device_type, type, sum(step)
        FROM (
            SELECT device_type, type, 1 AS step
            FROM viewer
            JOIN (VALUES ('click'), ('email_capture'), ('discount_code_used'), ('purchase')) AS kind (type)
                ON did & conversion_bit(type) <> 0
            WHERE first_day = :day
            UNION ALL
            SELECT device_type, type, -converters
            FROM daily_converters
            WHERE shop_id = :shop_id AND popup_id = '00000000-0000-0000-0000-000000000000' AND day = :day
        ) AS step
        GROUP BY device_type, type
        HAVING sum(step) <> 0
        ORDER BY device_type, type
        ON CONFLICT (shop_id, popup_id, day, variant_id, device_type, type) DO UPDATE
        SET converters = tally.converters + excluded.converters
        RETURNING 1
    ), returned AS (
        INSERT INTO daily_returns AS tally (shop_id, popup_id, day, previous_day, variant_id, device_type, viewers)
        SELECT :shop_id, '00000000-0000-0000-0000-000000000000', :day::date, previous_day, '', device_type, sum(step)
        FROM (
            SELECT device_type, 1 AS step, (
                SELECT (max(viewed_at) AT TIME ZONE :time_zone)::date
                FROM popup_views AS earlier
                WHERE earlier.shop_id = :shop_id AND coalesce(visitor_id, session_id) = viewer.name
                  AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, viewer.name)
                  AND variant_id IS DISTINCT FROM 'holdout'
                  AND (viewed_at AT TIME ZONE :time_zone)::date < :day
            ) AS previous_day
            FROM viewer
            WHERE first_day < :day
            UNION ALL
            SELECT device_type, -viewers, previous_day
            FROM daily_returns
            WHERE shop_id = :shop_id AND popup_id = '00000000-0000-0000-0000-000000000000' AND day = :day
        ) AS step
        WHERE previous_day >= :since
        GROUP BY previous_day, device_type
        HAVING sum(step) <> 0
        ORDER BY previous_day, device_type
        ON CONFLICT (shop_id, popup_id, day, previous_day, variant_id, device_type) DO UPDATE
        SET viewers = tally.viewers + excluded.viewers
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM returned) + (SELECT count(*) FROM viewed)
        + (SELECT count(*) FROM converters) AS changed
"""

TALLY_CONVERSIONS = """
    WITH tallied AS (
        INSERT INTO daily_conversions AS tally
            (shop_id, popup_id, day, variant_id, device_type, type, currency, conversions, revenue)
        SELECT :shop_id, (:popup_id)::uuid, :day::date, variant_id, device_type, type, currency, sum(conversions),
            sum(revenue)
        FROM (
            SELECT coalesce(variant_id, '') AS variant_id, coalesce(device_type, '') AS device_type, type,
                coalesce(currency, '') AS currency, 1 AS conversions, coalesce(revenue, 0) AS revenue
            FROM popup_conversions
            WHERE shop_id = :shop_id AND popup_id = :popup_id
              AND converted_at >= (:day::date)::timestamp AT TIME ZONE :time_zone - interval '2 hours'
              AND converted_at < (:day::date + 1)::timestamp AT TIME ZONE :time_zone + interval '2 hours'
              AND (converted_at AT TIME ZONE :time_zone)::date = :day
            UNION ALL
            SELECT variant_id, device_type, type, currency, -conversions, -revenue
            FROM daily_conversions
            WHERE shop_id = :shop_id AND popup_id = :popup_id AND day = :day
        ) AS step
        GROUP BY variant_id, device_type, type, currency
        HAVING sum(conversions) <> 0 OR sum(revenue) <> 0
        ORDER BY variant_id, device_type, type, currency
        ON CONFLICT (shop_id, popup_id, day, variant_id, device_type, type, currency) DO UPDATE
        SET conversions = tally.conversions + excluded.conversions, revenue = tally.revenue + excluded.revenue
        RETURNING 1
    )
    SELECT count(*) AS changed FROM tallied
"""

# Only for pools: the uses of a shared code cannot be counted from what is stored.
TALLY_CODES_OF_POOLS = """
    WITH counted AS MATERIALIZED (
        SELECT code.discount_code_id, count(*) AS codes, count(code.claimed_by) AS claimed,
            count(*) FILTER (WHERE code.used_at IS NOT NULL) AS uses,
            count(*) FILTER (WHERE code.used_at IS NOT NULL AND code.claimed_by IS NULL) AS used_unclaimed
        FROM single_use_codes AS code
        WHERE code.shop_id = :shop_id
        GROUP BY code.discount_code_id
    ), tallied AS (
        UPDATE discount_code_tallies AS tally
        SET codes = tally.codes + counted.codes - known.codes, uses = tally.uses + counted.uses - known.uses,
            claimed = tally.claimed + counted.claimed - known.claimed,
            used_unclaimed = tally.used_unclaimed + counted.used_unclaimed - known.used_unclaimed
        FROM counted
        JOIN discount_code_tallies AS known ON known.shop_id = :shop_id
            AND known.discount_code_id = counted.discount_code_id
        WHERE tally.shop_id = :shop_id AND tally.discount_code_id = counted.discount_code_id
          AND (known.codes, known.claimed, known.uses, known.used_unclaimed)
            IS DISTINCT FROM (counted.codes, counted.claimed, counted.uses, counted.used_unclaimed)
        RETURNING 1
    )
    SELECT count(*) AS changed FROM tallied
"""
