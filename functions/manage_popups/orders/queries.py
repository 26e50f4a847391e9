"""The queries of orders; common/shop/orders stores them."""

from __future__ import annotations

SELECT_ORDERS = """
    SELECT order_id, source, confirmed, revenue, currency, refunded, ordered_at, recognised_by, popup_id, variant_id,
        reason
    FROM listed_orders
    WHERE shop_id = :shop_id AND (ordered_at, order_id) < (:before_ordered_at::timestamptz, :before_order_id::text)
    ORDER BY ordered_at DESC, order_id DESC
    LIMIT :limit
"""

SELECT_ORDERS_OF_SOURCE = """
    SELECT order_id, source, confirmed, revenue, currency, refunded, ordered_at, recognised_by, popup_id, variant_id,
        reason
    FROM listed_orders
    WHERE shop_id = :shop_id AND source = :source
      AND (ordered_at, order_id) < (:before_ordered_at::timestamptz, :before_order_id::text)
    ORDER BY ordered_at DESC, order_id DESC
    LIMIT :limit
"""

SELECT_ORDERS_OF_POPUP = """
    SELECT order_id, source, confirmed, revenue, currency, refunded, ordered_at, recognised_by, popup_id, variant_id,
        reason
    FROM listed_orders
    WHERE shop_id = :shop_id AND popup_id = :popup_id AND (:source::text IS NULL OR source = :source)
      AND (ordered_at, order_id) < (:before_ordered_at::timestamptz, :before_order_id::text)
    ORDER BY ordered_at DESC, order_id DESC
    LIMIT :limit
"""

# An order by its id, or by another name of it.
SELECT_ORDER = """
    SELECT order_id, source, confirmed, revenue, currency, refunded, ordered_at, recognised_by, popup_id, variant_id,
        reason
    FROM listed_orders
    WHERE shop_id = :shop_id AND order_id = ANY (ARRAY[:order_id::text] || ARRAY(
        SELECT other.order_id
        FROM order_aliases AS other
        WHERE other.shop_id = :shop_id AND other.alias = :order_id))
    ORDER BY order_id <> :order_id
    LIMIT 1
"""
