"""Records what a webhook says. Each act is one round trip, and changes nothing when it is repeated."""

from __future__ import annotations

from collections.abc import Sequence

from common import logs, postgres
from common.shop import orders
from common.shop.orders import Recorded, Refund, TrustedOrder
from functions.receive_orders.erasing import forget_customer, forget_shop
from functions.receive_orders.news import CustomerErasure, DataRequest, News, ShopErasure, Withdrawal

# Each row of a request is somebody's personal data, which a merchant that never looks would gather.
MAX_REQUESTS = 1000

# Sent with the news, in its transaction; a busy shop's row is not written with each order.
NOTE_DELIVERY = """
    UPDATE order_sources
    SET last_order_at = now()
    WHERE shop_id = :shop_id AND id = :id AND coalesce(last_order_at < now() - interval '10 seconds', true)
"""

INSERT_REQUEST = """
    INSERT INTO order_source_requests (shop_id, source_id, request_id, email, customer_id, order_ids)
    SELECT :shop_id, :source_id, :request_id, :email, :customer_id, :order_ids
    WHERE (
        SELECT count(*) FROM order_source_requests WHERE shop_id = :shop_id AND source_id = :source_id
    ) < :most
    ON CONFLICT DO NOTHING
    RETURNING request_id
"""


def act(source: postgres.Row, news: Sequence[News]) -> int:
    """Commit the news of a verified webhook. Return how much of it was new.

    Raises DatabaseUnavailable; a retry is safe.
    """
    with postgres.connection() as connection:
        return record(source, news, connection)


def record(source: postgres.Row, news: Sequence[News], connection: postgres.Connection) -> int:
    """Commit news of a source, each by itself. Return how much of it was new."""
    new = 0
    for each in news:
        recorded = _record(each, source, connection)
        if recorded.leaves_more:
            orders.credit_for_a_while(connection, source["shop_id"])
        orders.forget_figures(source["shop_id"], recorded)
        new += recorded.is_new
    return new


def _record(news: News, source: postgres.Row, connection: postgres.Connection) -> Recorded:
    shop_id = source["shop_id"]
    match news:
        case TrustedOrder():
            connection.queue(NOTE_DELIVERY, shop_id=shop_id, id=source["id"])
            return orders.record_order(connection, shop_id, news)
        case Refund():
            connection.queue(NOTE_DELIVERY, shop_id=shop_id, id=source["id"])
            return _record_refund(news, shop_id, connection)
        case Withdrawal(order_id, state):
            return orders.withdraw_order(connection, shop_id, order_id, state=state, source=source["platform"])
        case DataRequest():
            return _insert_request(news, source, connection)
        case CustomerErasure():
            return forget_customer(news, source, connection)
        case ShopErasure():
            return forget_shop(source, connection)


def _record_refund(refund: Refund, shop_id: str, connection: postgres.Connection) -> Recorded:
    recorded = orders.record_refund(connection, shop_id, refund)
    if recorded.currency or recorded.is_full:
        reason = "its order is in another currency" if recorded.currency else "its order has too many"
        logs.write("WARNING", f"A refund is left out: {reason}", shop_id=shop_id)
    return recorded


def _insert_request(asked: DataRequest, source: postgres.Row, connection: postgres.Connection) -> Recorded:
    row = connection.fetch_one(
        INSERT_REQUEST,
        shop_id=source["shop_id"],
        source_id=source["id"],
        request_id=asked.request_id,
        email=asked.email,
        customer_id=asked.customer_id,
        order_ids=list(asked.order_ids),
        most=MAX_REQUESTS,
    )
    return Recorded(is_new=row is not None)
