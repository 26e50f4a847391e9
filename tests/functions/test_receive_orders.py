"""receive_orders: what platforms sign is recorded once, whatever the order of arrival; nothing else is stored."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, capture, conversion, make_order_source, make_popup, make_shop, view
from tests.support.stack import Database, FunctionProcess, eventually
from tests.support.webhooks import (
    deliver,
    shopify_order,
    shopify_refund,
    signature,
    signed,
    woocommerce_order,
)


@pytest.fixture
def shopify(receive_orders: FunctionProcess, shop: Shop) -> Callable[..., requests.Response]:
    """Delivers a webhook of the shop's own Shopify: `shopify("orders/paid", payload)`."""
    return lambda topic, payload: deliver(receive_orders, "shopify", shop.source_id, topic, payload)


@pytest.fixture
def woocommerce(receive_orders: FunctionProcess, shop: Shop, database: Database) -> Callable[..., requests.Response]:
    source_id = make_order_source(database, shop.id, "woocommerce")
    return lambda topic, payload: deliver(receive_orders, "woocommerce", source_id, topic, payload)


def orders_of(merchant: Client) -> dict[str, dict[str, Any]]:
    return {order["order_id"]: order for order in merchant.get("/orders").json()["orders"]}


def stored(database: Database, shop: Shop) -> int:
    tables = ("orders", "refunds", "order_aliases", "order_source_requests")
    counts = [database.value(f"SELECT count(*) FROM {table} WHERE shop_id = :shop", shop=shop.id) for table in tables]
    return int(sum(counts))


def test_a_paid_order_is_recorded_with_its_money_and_day(shopify: Callable[..., Any], merchant: Client) -> None:
    order = shopify_order(1, total_price="120.00", current_total_price="80.00", presentment_currency="EUR")
    assert shopify("orders/paid", order).json() == {"received": 1}
    recorded = orders_of(merchant)["1"]
    assert (recorded["source"], recorded["confirmed"]) == ("shopify", True)
    assert (recorded["revenue"], recorded["currency"]) == ("120.00", "USD")
    assert recorded["ordered_at"].startswith("2026-11-01T09:00:00")


def test_repeats_and_other_orders_of_arrival_change_nothing(shopify: Callable[..., Any], merchant: Client) -> None:
    order, refund = shopify_order(2), shopify_refund(21, 2, "10.00")
    deliveries = [("refunds/create", refund), ("orders/paid", order), ("orders/create", order)] * 3
    assert [shopify(*delivery).status_code for delivery in deliveries] == [200] * len(deliveries)
    recorded = orders_of(merchant)["2"]
    assert (recorded["revenue"], recorded["refunded"]) == ("49.90", "10.00")


def test_a_cancelled_order_stays_out_whatever_comes_late(shopify: Callable[..., Any], merchant: Client) -> None:
    for topic in ("orders/cancelled", "orders/paid", "orders/create"):
        assert shopify(topic, shopify_order(3)).status_code == 200
    shopify("orders/paid", shopify_order(4))
    shopify("orders/cancelled", shopify_order(4, cancelled_at="2026-11-03T10:00:00Z"))
    shopify("orders/paid", shopify_order(5, cancelled_at="2026-11-03T10:00:00Z"))
    shopify("orders/paid", shopify_order(6, test=True))
    assert orders_of(merchant) == {}


@pytest.mark.parametrize("first", ["browser", "platform"])
@pytest.mark.parametrize(
    ("platform", "topic", "fields"),
    [
        ("shopify", "orders/paid", {"test": True}),
        ("shopify", "orders/paid", {"cancelled_at": "2026-11-03T10:00:00Z"}),
        ("shopify", "orders/cancelled", {}),
        ("woocommerce", "order.updated", {"status": "cancelled"}),
        ("woocommerce", "order.updated", {"status": "trash"}),
    ],
)
def test_what_a_browser_reports_of_a_withdrawn_order_is_in_no_figure_under_any_name(
    request: pytest.FixtureRequest,
    merchant: Client,
    track_conversion: FunctionProcess,
    database: Database,
    shop: Shop,
    first: str,
    platform: str,
    topic: str,
    fields: dict[str, Any],
) -> None:
    """A thank-you page knows the number that the buyer sees, and the platform's webhook the id."""
    popup_id, deliver_one = make_popup(database, shop), request.getfixturevalue(platform)
    order = (
        shopify_order(70_031, **fields) if platform == "shopify" else woocommerce_order(70_031, number="31", **fields)
    )
    bought = conversion(popup_id, "purchase", order_id="31", revenue="49.90", currency="USD")

    def report() -> None:
        assert Client(track_conversion).post("/", bought).ok

    acts = [report, lambda: deliver_one(topic, order)]
    for act in acts if first == "browser" else reversed(acts):
        act()
    assert orders_of(merchant) == {}
    orders = database("SELECT sum(orders) AS n FROM daily_orders WHERE shop_id = :shop AND step <= 7", shop=shop.id)
    assert not orders[0]["n"]


@pytest.mark.parametrize("status", ["pending", "authorized", "partially_paid", "voided"])
def test_an_order_that_is_not_paid_for_counts_once_it_is(
    shopify: Callable[..., Any], merchant: Client, status: str
) -> None:
    shopify("orders/create", shopify_order(7, financial_status=status))
    assert orders_of(merchant) == {}
    shopify("orders/paid", shopify_order(7))
    assert list(orders_of(merchant)) == ["7"]


def test_the_visitor_of_the_attributes_is_whose_order_it_was(
    shopify: Callable[..., Any],
    woocommerce: Callable[..., Any],
    merchant: Client,
    track_view: FunctionProcess,
    database: Database,
    shop: Shop,
) -> None:
    popup_id = make_popup(database, shop)
    for visitor in ("ada", "bob"):
        Client(track_view).post("/", view(popup_id, visitor_id=visitor)).raise_for_status()
    attributes = [{"name": "gift", "value": "yes"}, {"name": "_store_visitor", "value": "ada"}]
    shopify("orders/paid", shopify_order(8, note_attributes=attributes, created_at="2099-01-01T00:00:00Z"))
    meta = [{"id": 1, "key": "_store_visitor", "value": "bob"}]
    woocommerce("order.created", woocommerce_order(9, meta_data=meta, date_created_gmt=None))
    recorded = orders_of(merchant)
    assert {recorded[id_]["recognised_by"] for id_ in ("8", "9")} == {"visitor_id"}
    assert {recorded[id_]["popup_id"] for id_ in ("8", "9")} == {popup_id}


@pytest.mark.parametrize(
    ("transactions", "refunded"),
    [
        ([("refund", "success", "5.00", "USD"), ("refund", "success", "4.90", "USD")], "9.90"),
        ([("refund", "failure", "5.00", "USD"), ("refund", "success", "4.90", "USD")], "4.90"),
        ([("void", "success", "5.00", "USD")], "0.00"),
        ([("refund", "success", "5.00", "EUR")], "0.00"),
        ([("refund", "success", "5.00", "USD"), ("refund", "success", "4.90", "EUR")], "0.00"),
        ([("refund", "success", "minus five", "USD")], "0.00"),
        ([], "0.00"),
    ],
)
def test_a_refund_is_the_money_paid_back_in_the_order_s_currency(
    shopify: Callable[..., Any], merchant: Client, transactions: list[tuple[str, ...]], refunded: str
) -> None:
    shopify("orders/paid", shopify_order(10))
    names = ("kind", "status", "amount", "currency")
    listed = [dict(zip(names, each, strict=True)) for each in transactions]
    assert shopify("refunds/create", shopify_refund(1, 10, "0", transactions=listed)).status_code == 200
    assert orders_of(merchant)["10"]["refunded"] == refunded


def test_a_refund_in_the_buyer_s_currency_counts_in_the_shop_s(shopify: Callable[..., Any], merchant: Client) -> None:
    shopify("orders/paid", shopify_order(11, presentment_currency="EUR"))
    amount_set = {"shop_money": {"amount": "11.00", "currency_code": "USD"}}
    transaction = {"kind": "refund", "status": "success", "amount": "10.00", "currency": "EUR"}
    shopify("refunds/create", shopify_refund(1, 11, "0", transactions=[transaction | {"amount_set": amount_set}]))
    assert orders_of(merchant)["11"]["refunded"] == "11.00"


def test_woocommerce_s_orders_come_with_their_refunds(woocommerce: Callable[..., Any], merchant: Client) -> None:
    for status in ("pending", "on-hold", "failed", "checkout-draft"):
        woocommerce("order.updated", woocommerce_order(12, status=status, date_paid_gmt=None))
    assert orders_of(merchant) == {}
    woocommerce("order.updated", woocommerce_order(12, number="A-12", coupon_lines=[{"code": "summer"}]))
    refunded = [{"id": 121, "total": "-10.00"}, {"id": 122, "total": "-5.50"}]
    for _ in range(2):
        woocommerce("order.updated", woocommerce_order(12, status="refunded", refunds=refunded))
    recorded = orders_of(merchant)["12"]
    assert (recorded["source"], recorded["revenue"], recorded["refunded"]) == ("woocommerce", "49.90", "15.50")
    woocommerce("order.updated", woocommerce_order(12, status="cancelled"))
    assert orders_of(merchant) == {}


def test_deleted_orders_of_woocommerce_do_not_come_back(woocommerce: Callable[..., Any], merchant: Client) -> None:
    woocommerce("order.created", woocommerce_order(13))
    woocommerce("order.deleted", {"id": 13})
    woocommerce("order.updated", woocommerce_order(13))
    assert orders_of(merchant) == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("webhook_id=123", 200),
        ("webhook_id=", 401),
        ("webhook_id=1&x=2", 401),
        (" webhook_id=1", 401),
        ("webhook_id=1\n", 401),
        ("webhook_id=x", 401),
        ('{"webhook_id": 1}', 401),
    ],
)
def test_only_the_ping_is_taken_without_a_signature(
    receive_orders: FunctionProcess, database: Database, shop: Shop, body: str, status: int
) -> None:
    source_id = make_order_source(database, shop.id, "woocommerce")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(f"{receive_orders.url}/woocommerce/{source_id}", body, headers=form, timeout=30)
    assert answer.status_code == status
    assert stored(database, shop) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Shopify-Hmac-Sha256": ""},
        {"X-Shopify-Hmac-Sha256": "no base64!"},
        {"X-Shopify-Hmac-Sha256": signature(b"another body")},
        {"X-Shopify-Hmac-Sha256": "é".encode().decode("latin-1")},
        signed("shopify", "", shopify_order(14), secret="a wrong one"),
        signed("woocommerce", "", shopify_order(14)),
    ],
)
def test_what_is_not_signed_is_refused_and_stores_nothing(
    receive_orders: FunctionProcess, database: Database, shop: Shop, headers: dict[str, str]
) -> None:
    url = f"{receive_orders.url}/shopify/{shop.source_id}"
    named = headers | {"X-Shopify-Topic": "orders/paid"}
    answer = requests.post(url, json=shopify_order(14), headers=named, timeout=30)
    assert_problem(answer, 401, "unauthorized")
    assert stored(database, shop) == 0


def test_any_secret_of_a_source_signs(receive_orders: FunctionProcess, merchant: Client) -> None:
    answer = merchant.post("/order-sources", {"platform": "shopify", "secrets": ["new", "old"]})
    url = f"{receive_orders.url}/shopify/{answer.json()['id']}"
    for number, secret in enumerate(("new", "old")):
        order = shopify_order(20 + number)
        assert requests.post(url, json=order, headers=signed("shopify", "orders/paid", order, secret), timeout=30).ok
    assert set(orders_of(merchant)) == {"20", "21"}


def test_a_source_takes_only_its_own_platform_s_webhooks(receive_orders: FunctionProcess, shop: Shop) -> None:
    for platform, source_id in (("woocommerce", shop.source_id), ("shopify", uuid.uuid4())):
        answer = deliver(receive_orders, platform, source_id, "orders/paid", shopify_order(15))
        assert_problem(answer, 404, "order_source_not_found")


@pytest.mark.parametrize("topic", ["products/update", "orders/updated", "", "app/uninstalled"])
def test_other_topics_are_taken_and_ignored(
    shopify: Callable[..., Any], database: Database, shop: Shop, topic: str
) -> None:
    assert shopify(topic, shopify_order(16)).json() == {"received": 0}
    assert stored(database, shop) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"total_price": None},
        {"total_price": "NaN"},
        {"total_price": "-1"},
        {"total_price": "1e400"},
        {"currency": "XXX"},
        {"currency": 7},
        {"total_price": {"amount": 1}},
    ],
)
def test_an_order_of_unknown_money_counts_without_it(
    shopify: Callable[..., Any], merchant: Client, fields: dict[str, Any]
) -> None:
    assert shopify("orders/paid", shopify_order(17, **fields)).status_code == 200
    assert orders_of(merchant)["17"]["revenue"] is None


@pytest.mark.parametrize(
    "fields",
    [
        {"discount_codes": "none", "note_attributes": {"name": "_store_visitor"}, "refunds": [1, None]},
        {"discount_codes": [{"code": None}, {"code": "x" * 1000}], "email": "nobody", "name": []},
        {"note_attributes": [{"name": "_store_visitor", "value": "v" * 65}], "created_at": "yesterday"},
        {"created_at": 5, "order_number": None, "contact_email": {"a": 1}},
        {"line_items": [{"title": "t" * 500, "quantity": 1}] * 800},
    ],
)
def test_fields_of_any_shape_do_no_harm(shopify: Callable[..., Any], merchant: Client, fields: dict[str, Any]) -> None:
    assert shopify("orders/paid", shopify_order(18, **fields)).status_code == 200
    assert list(orders_of(merchant)) == ["18"]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": ["processing"], "number": {"a": 1}, "billing": "none", "refunds": {"id": 1}},
        {"status": 7, "coupon_lines": None, "meta_data": [{"key": "_store_visitor", "value": {}}], "date_paid": 1},
        {"total": [], "currency": {}, "date_created_gmt": 5, "date_modified_gmt": [], "refunds": [{"id": [1]}, []]},
    ],
)
def test_fields_of_woocommerce_of_any_shape_do_no_harm(
    woocommerce: Callable[..., Any], merchant: Client, fields: dict[str, Any]
) -> None:
    assert woocommerce("order.updated", woocommerce_order(30, **fields)).status_code == 200
    assert list(orders_of(merchant)) == ["30"]


@pytest.mark.parametrize("text", ["NUL \x00", "half an emoji \ud83d", "\ufffe"])
def test_odd_text_beside_what_is_recorded_loses_no_order(
    shopify: Callable[..., Any], merchant: Client, text: str
) -> None:
    order = shopify_order(19, line_items=[{"title": text}], note_attributes=[{"name": text, "value": text}])
    assert shopify("orders/paid", order).status_code == 200
    assert list(orders_of(merchant)) == ["19"]


@pytest.mark.parametrize("id_", [None, 0, -1, "x" * 101, True, []])
def test_a_refund_without_an_id_costs_its_order_nothing(
    shopify: Callable[..., Any], woocommerce: Callable[..., Any], merchant: Client, id_: Any
) -> None:
    shopify("orders/paid", shopify_order(28, refunds=[shopify_refund(1, 28, "5.00") | {"id": id_}]))
    refunds = [{"id": id_, "total": "-5.00"}, {"id": 2, "total": "-1.00"}]
    woocommerce("order.updated", woocommerce_order(29, refunds=refunds))
    assert {id_: order["refunded"] for id_, order in orders_of(merchant).items()} == {"28": "0.00", "29": "1.00"}


@pytest.mark.parametrize("id_", [None, 0, -1, "", "x" * 101, True, [], 1.5])
def test_an_order_without_an_id_is_refused(shopify: Callable[..., Any], id_: Any) -> None:
    assert_problem(shopify("orders/paid", shopify_order(1) | {"id": id_}), 422, "invalid", "id")


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"\xff", 400), (b"[]", 422), (b"x" * (2**20 + 1), 413)])
def test_a_signed_body_that_is_no_order_is_a_problem(
    receive_orders: FunctionProcess, shop: Shop, body: bytes, status: int
) -> None:
    headers = {"X-Shopify-Topic": "orders/paid", "X-Shopify-Hmac-Sha256": signature(body)}
    url = f"{receive_orders.url}/shopify/{shop.source_id}"
    assert_problem(requests.post(url, body, headers=headers, timeout=30), status)


def test_customers_requests_wait_for_the_merchant(shopify: Callable[..., Any], merchant: Client, shop: Shop) -> None:
    asked = {
        "customer": {"id": 5, "email": "ada@shopper.example", "phone": "1"},
        "orders_requested": [1, 2],
        "data_request": {"id": 99},
    }
    for _ in range(2):
        assert shopify("customers/data_request", asked).status_code == 200
    (request,) = merchant.get(f"/order-sources/{shop.source_id}/requests").json()["requests"]
    assert request | {"requested_at": ""} == {
        "request_id": "99",
        "email": "ada@shopper.example",
        "customer_id": "5",
        "order_ids": ["1", "2"],
        "requested_at": "",
    }


@pytest.mark.parametrize(
    "asked", [{}, {"data_request": None}, {"data_request": [1]}, {"data_request": {"id": 0}}], ids=str
)
def test_a_request_without_an_id_is_refused(shopify: Callable[..., Any], asked: dict[str, Any]) -> None:
    assert_problem(shopify("customers/data_request", asked), 422, "invalid", "id")


def test_a_customer_who_is_to_be_forgotten_is_no_subscriber_any_more(
    shopify: Callable[..., Any],
    merchant: Client,
    track_conversion: FunctionProcess,
    database: Database,
    shop: Shop,
) -> None:
    popup_id = make_popup(database, shop)
    for email in ("ada@shopper.example", "bob@shopper.example"):
        Client(track_conversion).post("/", capture(popup_id, email)).raise_for_status()
    asked = {"customer": {"id": 5, "email": "Ada@shopper.example"}, "orders_to_redact": [24, "x" * 200, None]}
    shopify("orders/paid", shopify_order(24, email="ada@shopper.example"))
    for _ in range(2):
        assert shopify("customers/redact", asked).status_code == 200
    (left,) = merchant.get("/subscribers").json()["subscribers"]
    assert left["email"] == "bob@shopper.example"
    assert list(orders_of(merchant)) == ["24"]


def test_a_shop_that_is_to_be_forgotten_loses_the_source_and_what_was_known_through_it_alone(
    shopify: Callable[..., Any],
    merchant: Client,
    track_conversion: FunctionProcess,
    database: Database,
    shop: Shop,
) -> None:
    popup_id = make_popup(database, shop)
    bought = conversion(popup_id, "purchase", order_id="25", revenue="49.90", currency="USD")
    Client(track_conversion).post("/", bought).raise_for_status()
    for number in (25, 26):
        shopify("orders/paid", shopify_order(number))
    merchant.post("/orders", {"order_id": "27", "revenue": "1.00", "currency": "USD"}).raise_for_status()
    assert shopify("shop/redact", {"shop_id": 1, "shop_domain": "acme.myshopify.com"}).status_code == 200
    assert set(orders_of(merchant)) == {"25", "27"}
    assert merchant.get("/order-sources").json() == {"order_sources": []}


def test_a_shop_s_other_store_on_the_platform_keeps_its_orders(
    shopify: Callable[..., Any],
    receive_orders: FunctionProcess,
    merchant: Client,
    database: Database,
    shop: Shop,
) -> None:
    other = make_order_source(database, shop.id, "shopify")
    shopify("orders/paid", shopify_order(27))
    assert deliver(receive_orders, "shopify", other, "shop/redact", {"shop_id": 1}).status_code == 200
    assert list(orders_of(merchant)) == ["27"]
    assert [source["id"] for source in merchant.get("/order-sources").json()["order_sources"]] == [str(shop.source_id)]


def test_a_source_says_when_it_last_heard_of_an_order(
    shopify: Callable[..., Any], merchant: Client, shop: Shop
) -> None:
    shopify("orders/paid", shopify_order(22))
    sources = merchant.get("/order-sources").json()["order_sources"]
    assert next(source for source in sources if source["id"] == str(shop.source_id))["last_order_at"] is not None


def test_a_platform_s_address_sends_for_many_shops_and_each_source_has_its_own_limit(
    start_function: Callable[..., FunctionProcess], database: Database
) -> None:
    receiver = start_function("receive_orders", RATE_LIMIT_ORDERS="10", TRUSTED_PROXIES="1", REDIS_URL=None)
    shops = [make_shop(database) for _ in range(4)]

    def send(shop: Shop, topic: str = "other/topic") -> int:
        return deliver(receiver, "shopify", shop.source_id, topic, {}, X_Forwarded_For="192.0.2.1").status_code

    assert [send(shop) for shop in shops for _ in range(9)] == [200] * 36
    assert [send(shops[0]) for _ in range(4)][-1] == 429
    assert send(shops[1]) == 200


def test_whoever_has_no_secret_uses_up_no_source_s_limit(
    start_function: Callable[..., FunctionProcess], shop: Shop
) -> None:
    receiver = start_function("receive_orders", RATE_LIMIT_ORDERS="10", TRUSTED_PROXIES="1", REDIS_URL=None)
    url = f"{receiver.url}/shopify/{shop.source_id}"

    def rubbish(path: str) -> int:
        headers = {"X-Forwarded-For": "198.51.100.7"}
        return requests.post(path, "{}", headers=headers, timeout=30).status_code

    assert [rubbish(url) for _ in range(30)][-1] == 429
    assert [rubbish(f"{receiver.url}/shopify/{uuid.uuid4()}") for _ in range(12)][-1] == 429
    good = deliver(receiver, "shopify", shop.source_id, "other/topic", {}, X_Forwarded_For="192.0.2.1")
    assert good.status_code == 200


def test_the_same_order_at_once_is_one_order(
    shopify: Callable[..., Any], merchant: Client, stats: FunctionProcess, shop: Shop
) -> None:
    deliveries = [("orders/paid", shopify_order(23)), ("refunds/create", shopify_refund(1, 23, "9.90"))] * 8
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda delivery: shopify(*delivery), deliveries))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["received"] for answer in answers) == 2
    report = eventually(
        lambda: (
            (found := Client(stats, shop.read_key).get("/shop?from=2026-11-01&to=2026-11-30").json())
            and found.get("orders") == 1
            and found
        )
    )
    assert (report["revenue"], report["refunded"]) == ("49.90", "9.90")
