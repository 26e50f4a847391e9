"""The SQL of popups. Counters are sums of daily tallies, without the holdout, which is shown nothing."""

from __future__ import annotations

# No row if the shop lacks a discount code that the popup offers. The others are locked until the commit, against
# deletion.
INSERT_POPUP = """
    WITH offered AS MATERIALIZED (
        SELECT id
        FROM discount_codes
        WHERE shop_id = :shop_id AND id = ANY (:discount_code_ids::uuid[])
          AND NOT (single_use AND id = ANY (:fallback_ids::uuid[]))
        FOR KEY SHARE
    ), written AS (
        INSERT INTO popups (id, shop_id, name, description, status, trigger, design, targeting, frequency, offer,
            variants, holdout_percent, experiment, starts_at, ends_at, priority, view_limit)
        SELECT :id, :shop_id, :name, :description, :status, :trigger, :design, :targeting, :frequency, :offer,
            :variants, :holdout_percent, :experiment, :starts_at, :ends_at, :priority, :view_limit
        WHERE (SELECT count(*) FROM offered) = cardinality(:discount_code_ids::uuid[])
        RETURNING *
    ), kept AS (
        INSERT INTO popup_versions (shop_id, popup_id, version, action, api_key_id, popup)
        SELECT shop_id, id, version, 'created', :api_key_id, :document
        FROM written
    )
    SELECT * FROM written
"""

# A column of this release is named beside the others: a database that lacks it says so, with a 503.
SELECT_POPUP = """
    SELECT popups.*, popups.experiment, counted.view_count, counted.conversion_count
    FROM popups
    CROSS JOIN LATERAL (
        SELECT
            (SELECT coalesce(sum(views), 0)::bigint FROM daily_views AS tally
             WHERE tally.shop_id = :shop_id AND tally.popup_id = popups.id AND variant_id <> 'holdout'
            ) AS view_count,
            (SELECT coalesce(sum(conversions), 0)::bigint FROM daily_conversions AS tally
             WHERE tally.shop_id = :shop_id AND tally.popup_id = popups.id AND variant_id <> 'holdout'
            ) AS conversion_count
    ) AS counted
    WHERE shop_id = :shop_id AND id = :id AND deleted_at IS NULL
"""

# As many as fit into a page's bytes, and one more if there is another page. A search compares texts, not patterns.
SELECT_POPUPS = """
    SELECT popups.*, popups.experiment, counted.view_count, counted.conversion_count
    FROM (
        SELECT popups.*, sum(octet_length(popups::text)) OVER (
            ORDER BY created_at DESC, id DESC ROWS UNBOUNDED PRECEDING) AS bytes_so_far,
            octet_length(popups::text) AS bytes
        FROM popups
        WHERE shop_id = :shop_id AND deleted_at IS NULL
          AND (:status::text IS NULL OR status = :status)
          AND (:search::text IS NULL OR strpos(
            upper(lower(normalize(name, NFKC))), upper(lower(normalize(:search, NFKC)))) > 0)
          AND (created_at, id) < (:before_created_at::timestamptz, :before_id::uuid)
        ORDER BY created_at DESC, id DESC
        LIMIT :limit
    ) AS popups
    CROSS JOIN LATERAL (
        SELECT
            (SELECT coalesce(sum(views), 0)::bigint FROM daily_views AS tally
             WHERE tally.shop_id = :shop_id AND tally.popup_id = popups.id AND variant_id <> 'holdout'
            ) AS view_count,
            (SELECT coalesce(sum(conversions), 0)::bigint FROM daily_conversions AS tally
             WHERE tally.shop_id = :shop_id AND tally.popup_id = popups.id AND variant_id <> 'holdout'
            ) AS conversion_count
    ) AS counted
    WHERE bytes_so_far - bytes <= :most_bytes
    ORDER BY created_at DESC, id DESC
"""

# The same, and no row if the popup is no longer in the version that was read. Its last 1000 versions are kept. Fields
# of a newer release, unknown to this code, stay in the popup and in its history. A deleted popup (`was_deleted`) is one
# no more; its last version with content is the one before its deletion.
UPDATE_POPUP = """
    WITH offered AS MATERIALIZED (
        SELECT id
        FROM discount_codes
        WHERE shop_id = :shop_id AND id = ANY (:discount_code_ids::uuid[])
          AND NOT (single_use AND id = ANY (:fallback_ids::uuid[]))
        FOR KEY SHARE
    ), written AS (
        UPDATE popups
        SET name = :name, description = :description, status = :status, trigger = :trigger, design = :design,
            targeting = :targeting, frequency = :frequency, offer = :offer, variants = :variants,
            holdout_percent = :holdout_percent, experiment = :experiment, starts_at = :starts_at, ends_at = :ends_at,
            priority = :priority, view_limit = :view_limit, stretch = stretch + (:begins_stretch)::boolean::integer,
            version = version + 1, updated_at = now(), deleted_at = NULL,
            stopped_at = CASE
                WHEN status = 'active' AND coalesce(starts_at <= coalesce(deleted_at, now()), true)
                    AND NOT (:status = 'active' AND coalesce((:starts_at)::timestamptz <= now(), true)
                        AND coalesce((:ends_at)::timestamptz > now(), true))
                THEN least(coalesce(deleted_at, now()), ends_at)
                ELSE stopped_at END
        WHERE shop_id = :shop_id AND id = :id AND version = :read_version
          AND (deleted_at IS NOT NULL) = :was_deleted::boolean
          AND (SELECT count(*) FROM offered) = cardinality(:discount_code_ids::uuid[])
        RETURNING *
    ), kept AS (
        INSERT INTO popup_versions (shop_id, popup_id, version, action, restored_version, api_key_id, popup)
        SELECT shop_id, id, version, CASE WHEN :restored_version::integer IS NULL THEN 'changed' ELSE 'restored' END,
            :restored_version, :api_key_id, coalesce((
                SELECT newest.popup - :known_fields::text[]
                FROM popup_versions AS newest
                WHERE newest.shop_id = :shop_id AND newest.popup_id = :id AND newest.version = :newest_version
            ), '{}') || :document::jsonb
        FROM written
    ), outlived AS (
        DELETE FROM popup_versions
        USING written
        WHERE popup_versions.shop_id = :shop_id AND popup_versions.popup_id = :id
          AND popup_versions.version = written.version - 1000
    ), ended AS (
        UPDATE experiment_stretches AS known
        SET ended_at = now()
        FROM written
        WHERE known.shop_id = :shop_id AND known.popup_id = :id AND known.stretch < written.stretch
          AND known.ended_at IS NULL
    ), noted AS (
        UPDATE experiment_stretches AS known
        SET changed = ARRAY(SELECT DISTINCT unnest(known.changed || (:changed_midway)::text[]) AS name ORDER BY name)
        FROM written
        WHERE known.shop_id = :shop_id AND known.popup_id = :id AND known.stretch = written.stretch
          AND NOT known.changed @> (:changed_midway)::text[]
    )
    SELECT * FROM written
"""

DELETE_POPUP = """
    WITH written AS (
        UPDATE popups
        SET deleted_at = now(), updated_at = now(), version = version + 1
        WHERE shop_id = :shop_id AND id = :id AND version = :read_version AND deleted_at IS NULL
        RETURNING shop_id, id, version
    ), kept AS (
        INSERT INTO popup_versions (shop_id, popup_id, version, action, api_key_id)
        SELECT shop_id, id, version, 'deleted', :api_key_id
        FROM written
    )
    SELECT id FROM written
"""

SELECT_OFFERED_CODES = """
    SELECT id, single_use
    FROM discount_codes
    WHERE shop_id = :shop_id AND id = ANY (:ids)
"""
