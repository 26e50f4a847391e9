"""Platforms deliver again until they are answered: through kills and cut connections each order counts once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.support.factories import Shop, make_shop
from tests.support.proxy import Proxy
from tests.support.stack import Database, FunctionProcess, eventually
from tests.support.webhooks import deliver, shopify_order, shopify_refund

ORDERS = 40
SECONDS = 120


class Deliveries:
    """A platform's deliveries, each repeated until it is answered with a 200."""

    def __init__(self, shop: Shop, receiver: Callable[[], FunctionProcess]) -> None:
        self._shop, self._receiver = shop, receiver
        self.answered = 0
        self.repeated = 0

    def bring(self, delivery: tuple[str, dict[str, Any]]) -> None:
        deadline = time.monotonic() + SECONDS
        while not self._answered(*delivery):
            assert time.monotonic() < deadline, delivery
            self.repeated += 1
        self.answered += 1

    def _answered(self, topic: str, payload: dict[str, Any]) -> bool:
        try:
            answer = deliver(self._receiver(), "shopify", self._shop.source_id, topic, payload)
        except requests.RequestException:
            return False
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200


@pytest.mark.parametrize("fault", ["kill", "cut"])
def test_deliveries_that_are_broken_off_are_counted_once(
    start: Callable[..., FunctionProcess], proxy: Proxy, own: Database, fault: str
) -> None:
    shop, receivers = make_shop(own), [start("receive_orders")]
    orders = [("orders/paid", shopify_order(number)) for number in range(1, ORDERS + 1)]
    refunds = [("refunds/create", shopify_refund(number, number, "9.90")) for number in range(1, ORDERS + 1)]
    deliveries = Deliveries(shop, lambda: receivers[-1])
    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(deliveries.bring, each) for pair in zip(refunds, orders, strict=True) for each in pair]
        for part in (1, 2, 3):
            eventually(lambda part=part: deliveries.answered >= part * ORDERS / 4, seconds=SECONDS)
            if fault == "kill":
                receivers[-1].kill()
                receivers.append(start("receive_orders"))
            else:
                proxy.cut()
        for each in done:
            each.result()
    (row,) = own(
        """
        SELECT count(*) AS orders, sum(revenue) AS revenue,
            (SELECT count(*) FROM refunds WHERE shop_id = :shop) AS refunds,
            (SELECT sum(amount) FROM refunds WHERE shop_id = :shop) AS refunded
        FROM orders
        WHERE shop_id = :shop AND state = 'counted'
        """,
        shop=shop.id,
    )
    assert (row["orders"], str(row["revenue"])) == (ORDERS, "1996.00")
    assert (row["refunds"], str(row["refunded"])) == (ORDERS, "396.00")
    (tally,) = own(
        "SELECT sum(orders) AS orders, sum(revenue) AS revenue FROM daily_orders"
        " WHERE shop_id = :shop AND rule = 'last_touch' AND step <= 7",
        shop=shop.id,
    )
    assert (tally["orders"], str(tally["revenue"])) == (ORDERS, "1996.00")
