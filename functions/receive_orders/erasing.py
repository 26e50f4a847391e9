"""What the law asks of a platform's app: customers and shops are forgotten."""

from __future__ import annotations

import time

from common import postgres
from common.shop import orders
from common.shop.emails import normalized, other_spellings
from common.shop.erasures import erase_person, rename_for_a_while
from common.shop.orders import Recorded
from functions.receive_orders.news import CustomerErasure

# Shopify waits five seconds for an answer; `popups retain` goes on with the rest.
ERASING_SECONDS = 3.0
BATCH_ORDERS = 100

SELECT_PERSONS = """
    SELECT id
    FROM email_subscribers
    WHERE shop_id = :shop_id AND email_normalized = ANY (:emails)
"""

DELETE_REQUESTS = "DELETE FROM order_source_requests WHERE shop_id = :shop_id AND email = ANY (:emails)"

# The orders stay without their buyers: the amounts are the shop's bookkeeping.
FORGET_BUYERS = """
    UPDATE orders
    SET viewer_name = NULL, reported_viewer = NULL
    WHERE shop_id = :shop_id AND order_id = ANY (:order_ids)
"""

MARK_SOURCE = """
    UPDATE order_sources
    SET redacted_at = coalesce(redacted_at, now()), api = NULL
    WHERE shop_id = :shop_id AND id = :id
"""

# Leaves out orders that a browser has reported, too; and all of them if the shop has another source of the platform,
# because an order does not say from which source it came.
SELECT_ORDERS_OF_PLATFORM = """
    SELECT order_id
    FROM orders
    WHERE shop_id = :shop_id AND source = :platform AND state <> 'deleted' AND conversion_id IS NULL
      AND NOT EXISTS (
        SELECT
        FROM order_sources AS other
        WHERE other.shop_id = :shop_id AND other.platform = :platform AND other.id <> :id AND other.redacted_at IS NULL
      )
    ORDER BY order_id
    LIMIT :batch_orders
"""

DELETE_SOURCE = "DELETE FROM order_sources WHERE shop_id = :shop_id AND id = :id"


def forget_customer(asked: CustomerErasure, source: postgres.Row, connection: postgres.Connection) -> Recorded:
    """Erase the subscriber of that address, and whose the named orders were. Safe to repeat."""
    shop_id = source["shop_id"]
    connection.execute(FORGET_BUYERS, shop_id=shop_id, order_ids=list(asked.order_ids))
    form = normalized(asked.email or "")
    if form is None:
        return Recorded(is_new=False)
    emails = [form, *other_spellings(form)]
    connection.queue(DELETE_REQUESTS, shop_id=shop_id, emails=[*emails, asked.email])
    persons = connection.fetch_all(SELECT_PERSONS, shop_id=shop_id, emails=emails)
    for person in persons:
        erase_person(connection, shop_id, person["id"])
        rename_for_a_while(connection, shop_id, person["id"])
    return Recorded(is_new=bool(persons))


def forget_shop(source: postgres.Row, connection: postgres.Connection, seconds: float = ERASING_SECONDS) -> Recorded:
    """Delete the source, and the orders that are known through its platform alone; in that time, as many as it takes.

    `is_new` is False if some are left: call it again. Raises DatabaseUnavailable; a retry is safe.
    """
    shop_id, deadline = source["shop_id"], time.monotonic() + seconds
    own = {"shop_id": shop_id, "id": source["id"], "platform": source["platform"], "batch_orders": BATCH_ORDERS}
    connection.execute(MARK_SOURCE, shop_id=shop_id, id=source["id"])
    while rows := connection.fetch_all(SELECT_ORDERS_OF_PLATFORM, **own):
        for row in rows:
            orders.forget_figures(shop_id, orders.delete_order(connection, shop_id, row["order_id"]))
        if time.monotonic() > deadline:
            return Recorded(is_new=False)
    connection.execute(DELETE_SOURCE, shop_id=shop_id, id=source["id"])
    return Recorded(is_new=True)
