-- As before, at a sixth of the time: a function that is STRICT is called for each event where another becomes a part of
-- the statement.
CREATE OR REPLACE FUNCTION touched_at(event_id uuid, stored_at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN substr(event_id::text, 15, 1) = '7'
        AND ('x' || left(replace(event_id::text, '-', ''), 12))::bit(48)::bigint
            BETWEEN extract(epoch FROM stored_at)::float8 * 1000 - 604800000 AND extract(epoch FROM stored_at)::float8 * 1000
    THEN to_timestamp(('x' || left(replace(event_id::text, '-', ''), 12))::bit(48)::bigint * 0.001::float8)
    ELSE stored_at END;
