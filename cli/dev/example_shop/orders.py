"""The example shop's server: it has reported its orders for three weeks, with a few refunds. Before, browsers did."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cli.dev.example_shop.shop import SHOP_ID
from cli.progress import progress
from common.postgres.driver import Connection
from common.shop import orders

REPORTED_DAYS = 21
# One of so many is known from the browser alone, and stays unconfirmed. Many a buyer never saw a popup.
UNREPORTED = 15
WITHOUT_POPUP = 1 / 6
REFUNDED = 1 / 18
CENT = Decimal("0.01")

# What recounting has not made an order of: these wait for the server's report.
SELECT_PURCHASES = """
    SELECT order_id, revenue, visitor_id, converted_at, (
            SELECT min(used.discount_code)
            FROM popup_conversions AS used
            WHERE used.shop_id = :shop_id AND used.popup_id = bought.popup_id AND used.type = 'discount_code_used'
              AND used.session_id = bought.session_id
        ) AS code
    FROM popup_conversions AS bought
    WHERE shop_id = :shop_id AND type = 'purchase' AND converted_at >= :since AND NOT EXISTS (
        SELECT FROM orders WHERE orders.shop_id = :shop_id AND orders.order_id = bought.order_id)
    ORDER BY converted_at
"""

# Later uses are counted as the orders that name the codes are reported.
COUNT_EARLIER_USES = """
    INSERT INTO discount_code_tallies (shop_id, discount_code_id, uses, taken_at)
    SELECT :shop_id, code.id, count(*), max(used.converted_at)
    FROM popup_conversions AS used
    JOIN discount_codes AS code ON code.shop_id = :shop_id AND code.code = used.discount_code
    WHERE used.shop_id = :shop_id AND used.type = 'discount_code_used' AND used.converted_at < :since
    GROUP BY code.id
    ORDER BY code.id
    ON CONFLICT DO NOTHING
"""


def is_reported(number: int, at: datetime, now: datetime) -> bool:
    """Return whether the shop's server reports the order of that number, or the browser alone."""
    return at >= now - timedelta(days=REPORTED_DAYS) and number % UNREPORTED > 0


def report_orders(connection: Connection) -> None:
    """Store the orders of the last weeks as if the shop's server had reported them, unless that was done."""
    since = datetime.now(UTC) - timedelta(days=REPORTED_DAYS)
    connection.execute(COUNT_EARLIER_USES, shop_id=SHOP_ID, since=since)
    purchases = connection.fetch_all(SELECT_PURCHASES, shop_id=SHOP_ID, since=since)
    if not purchases:
        return
    chance = random.Random(REPORTED_DAYS)
    with progress(purchases, "Orders as its server reports them") as bar:
        for purchase in bar:
            for report in _reports(purchase, chance):
                _record(connection, report)
    while orders.credit_waiting(connection, SHOP_ID).leaves_more:
        pass


def _record(connection: Connection, report: orders.TrustedOrder | orders.Refund) -> None:
    if isinstance(report, orders.Refund):
        orders.record_refund(connection, SHOP_ID, report)
    else:
        orders.record_order(connection, SHOP_ID, report)


def _reports(purchase: dict[str, Any], chance: random.Random) -> Iterator[orders.TrustedOrder | orders.Refund]:
    """Yield what the server reports of a purchase, and now and then an order that no popup led to."""
    order_id, at, revenue = purchase["order_id"], purchase["converted_at"], purchase["revenue"]
    codes = [purchase["code"]] if purchase["code"] else []
    yield orders.TrustedOrder(order_id, "api", at, revenue, "EUR", codes, visitor_id=purchase["visitor_id"])
    if chance.random() < REFUNDED:
        amount = (revenue / chance.choice((1, 2, 3))).quantize(CENT)
        yield orders.Refund(order_id, "R-1", amount, "EUR", min(at + timedelta(days=2), datetime.now(UTC)))
    if chance.random() < WITHOUT_POPUP:
        earlier = at - timedelta(minutes=chance.uniform(5, 60))
        paid = Decimal(chance.uniform(15, 120)).quantize(CENT)
        yield orders.TrustedOrder(order_id.replace("F-", "W-"), "api", earlier, paid, "EUR")
