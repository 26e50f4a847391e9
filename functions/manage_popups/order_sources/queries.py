"""The SQL of order sources."""

from __future__ import annotations

# Nothing is inserted beyond the limit. A shop's sources are counted under its row's lock, so that two calls cannot both
# be the last.
INSERT_SOURCE = """
    WITH shop AS MATERIALIZED (
        SELECT id FROM shops WHERE id = :shop_id FOR NO KEY UPDATE
    )
    INSERT INTO order_sources (id, shop_id, platform, secrets, api)
    SELECT :id, shop.id, :platform, :secrets, :api
    FROM shop
    WHERE (SELECT count(*) FROM order_sources WHERE shop_id = :shop_id) < :most
    RETURNING id, platform, last_order_at, reconciled_at, reconcile_error, created_at, updated_at
"""

SELECT_SOURCES = """
    SELECT id, platform, secrets, api, last_order_at, reconciled_at, reconcile_error, created_at, updated_at
    FROM order_sources
    WHERE shop_id = :shop_id
    ORDER BY created_at DESC, id DESC
"""

SELECT_SOURCE = """
    SELECT id, platform, secrets, api, last_order_at, reconciled_at, reconcile_error, created_at, updated_at
    FROM order_sources
    WHERE shop_id = :shop_id AND id = :id
"""

# What was wrong may be mended by the change.
UPDATE_SOURCE = """
    UPDATE order_sources
    SET secrets = :secrets, api = :api, reconcile_error = NULL, updated_at = clock_timestamp()
    WHERE shop_id = :shop_id AND id = :id AND updated_at = :read_updated_at
    RETURNING id, platform, last_order_at, reconciled_at, reconcile_error, created_at, updated_at
"""

# Orders that came through it stay; customers' requests leave with it.
DELETE_SOURCE = """
    DELETE FROM order_sources
    WHERE shop_id = :shop_id AND id = :id
    RETURNING id
"""

SELECT_REQUESTS = """
    SELECT order_sources.id AS source_id, request_id, email, customer_id, order_ids, requested_at
    FROM order_sources
    LEFT JOIN order_source_requests AS request
        ON request.shop_id = :shop_id AND request.source_id = order_sources.id
    WHERE order_sources.shop_id = :shop_id AND order_sources.id = :id
    ORDER BY requested_at, request_id
"""

DELETE_REQUEST = """
    DELETE FROM order_source_requests
    WHERE shop_id = :shop_id AND source_id = :id AND request_id = :request_id
    RETURNING request_id
"""
