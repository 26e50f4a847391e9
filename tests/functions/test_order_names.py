"""A platform's order is one under its id, its name and its number, whoever uses which, and whatever comes first."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.functions.test_orders import a_refund, an_order, credited, listed, reported
from tests.support.client import Client
from tests.support.factories import (
    Shop,
    conversion,
    make_discount_code,
    make_order_source,
    make_popup,
    make_shop,
    purchase,
)
from tests.support.stack import Database, FunctionProcess
from tests.support.tracking import send
from tests.support.webhooks import deliver, shopify_order, shopify_refund, woocommerce_order

# Those of shopify_order(70_031).
NAMES = ("70031", "#31", "31")

# Delivers a webhook: `shopify("orders/paid", payload)`.
Platform = Callable[[str, dict[str, Any]], requests.Response]


@pytest.fixture
def shopify(receive_orders: FunctionProcess, shop: Shop) -> Platform:
    return lambda topic, payload: deliver(receive_orders, "shopify", shop.source_id, topic, payload)


@pytest.fixture
def woocommerce(receive_orders: FunctionProcess, shop: Shop, database: Database) -> Platform:
    source_id = make_order_source(database, shop.id, "woocommerce")
    return lambda topic, payload: deliver(receive_orders, "woocommerce", source_id, topic, payload)


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop, variants=[{"id": "a"}, {"id": "b"}])


def path_of(name: str) -> str:
    return f"/orders/{quote(name, safe='')}"


@pytest.mark.parametrize("first", ["browser", "platform"])
@pytest.mark.parametrize("name", NAMES)
def test_a_browsers_report_is_of_that_order_by_whichever_name(
    shopify: Platform, track_conversion: FunctionProcess, merchant: Client, popup_id: str, name: str, first: str
) -> None:
    acts: list[Callable[[], requests.Response]] = [
        lambda: send(track_conversion, purchase(popup_id, name, "1.00", visitor_id="ann", variant_id="b")),
        lambda: shopify("orders/paid", shopify_order(70_031, created_at=None)),
    ]
    for act in acts if first == "browser" else reversed(acts):
        assert act().ok
    (order,) = listed(merchant)
    assert [order[field] for field in ("order_id", "source", "revenue", "recognised_by")] == [
        "70031",
        "shopify",
        "49.90",
        "browser",
    ]
    assert (order["popup_id"], order["variant_id"]) == (popup_id, "b")


def test_of_several_browsers_reports_under_other_names_the_first_says_whose_it_was(
    shopify: Platform, track_conversion: FunctionProcess, merchant: Client, database: Database, shop: Shop
) -> None:
    popups = [make_popup(database, shop) for _ in range(2)]
    for popup_id, name in zip(popups, ("31", "#31"), strict=True):
        assert send(track_conversion, purchase(popup_id, name, visitor_id=f"of {name}")).status_code == 201
    shopify("orders/paid", shopify_order(70_031, created_at=None))
    assert [order["popup_id"] for order in listed(merchant)] == popups[:1]
    assert credited(database, shop, "last_touch", 7) == {popups[0]: 1}


@pytest.mark.parametrize("is_known", [True, False])
def test_a_refund_counts_once_by_whichever_names(shopify: Platform, merchant: Client, is_known: bool) -> None:
    def refund() -> None:
        for name in NAMES:
            assert merchant.post(f"{path_of(name)}/refunds", a_refund("r1")).ok
        assert merchant.post(f"{path_of('#31')}/refunds", a_refund("r2", amount="1.00")).ok

    reported(merchant, an_order("another"))
    merchant.post("/orders/another/refunds", a_refund("r1", amount="7.00"))
    acts = [lambda: shopify("orders/paid", shopify_order(70_031)), refund]
    for act in acts if is_known else reversed(acts):
        act()
    assert {order["order_id"]: order["refunded"] for order in listed(merchant)} == {"70031": "10.90", "another": "7.00"}


def test_a_name_is_of_an_order_of_its_own_shop(
    shopify: Platform, track_conversion: FunctionProcess, manage_popups: FunctionProcess, database: Database
) -> None:
    other = make_shop(database)
    theirs = Client(manage_popups, other.write_key)
    reported(theirs, an_order("70031"))
    shopify("orders/paid", shopify_order(70_031))
    assert theirs.post(f"{path_of('31')}/refunds", a_refund()).status_code == 201
    popup_id = make_popup(database, other)
    for name, status in (("70031", 200), ("31", 201)):
        assert send(track_conversion, purchase(popup_id, name)).status_code == status
    assert {order["order_id"]: order["refunded"] for order in listed(theirs)} == {"70031": "0.00", "31": "9.90"}
    assert theirs.delete(path_of("#31")).status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_a_browsers_order_that_was_deleted_stays_so_when_the_platform_reports_it(
    shopify: Platform, track_conversion: FunctionProcess, merchant: Client, popup_id: str, name: str
) -> None:
    assert send(track_conversion, purchase(popup_id, name)).status_code == 201
    assert merchant.delete(path_of(name)).status_code == 204
    for _ in range(2):
        assert shopify("orders/paid", shopify_order(70_031)).status_code == 200
    for other in NAMES:
        assert send(track_conversion, purchase(popup_id, other)).status_code == 200
    assert listed(merchant) == []
    reported(merchant, an_order(name))
    assert [order["order_id"] for order in listed(merchant)] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_an_order_is_deleted_by_any_of_its_names(shopify: Platform, merchant: Client, name: str) -> None:
    for id_ in (70_031, 70_032):
        shopify("orders/paid", shopify_order(id_))
    assert merchant.delete(path_of("33")).status_code == 404
    assert merchant.delete(path_of(name)).status_code == 204
    shopify("orders/paid", shopify_order(70_031))
    assert [order["order_id"] for order in listed(merchant)] == ["70032"]
    assert merchant.delete(path_of(name)).status_code == 404


@pytest.mark.parametrize("first", ["the shop", "the platform"])
@pytest.mark.parametrize("name", NAMES)
def test_what_both_the_shop_and_its_platform_report_is_one_order(
    shopify: Platform, merchant: Client, name: str, first: str
) -> None:
    acts: list[Callable[[], requests.Response]] = [
        lambda: merchant.post("/orders", an_order(name, revenue="20.00")),
        lambda: shopify("orders/paid", shopify_order(70_031)),
    ]
    for act in acts if first == "the shop" else reversed(acts):
        assert act().ok
    shopify("refunds/create", shopify_refund(1, 70_031, "5.00"))
    (order,) = listed(merchant)
    assert (order["source"], order["refunded"]) == ("api" if first == "the shop" else "shopify", "5.00")
    shopify("orders/cancelled", shopify_order(70_031))
    assert listed(merchant) == []


@pytest.mark.parametrize("first", ["the shop", "the platform"])
def test_an_order_that_the_shop_has_deleted_comes_back_by_the_shops_report_alone(
    shopify: Platform, merchant: Client, first: str
) -> None:
    acts: list[Callable[[], requests.Response]] = [
        lambda: merchant.post("/orders", an_order("31")),
        lambda: shopify("orders/paid", shopify_order(70_031)),
    ]
    assert acts[first == "the platform"]().ok
    assert merchant.delete(path_of("31")).status_code == 204
    assert shopify("orders/paid", shopify_order(70_031)).ok
    assert listed(merchant) == []
    reported(merchant, an_order("31", revenue="5.00"))
    assert shopify("orders/paid", shopify_order(70_031)).ok
    assert [(order["source"], order["revenue"]) for order in listed(merchant)] == [("api", "5.00")]


@pytest.mark.parametrize("withdrawn", [{}, {"test": True}])
def test_an_order_that_the_platform_has_withdrawn_is_none_by_the_shops_report(
    shopify: Platform, merchant: Client, withdrawn: dict[str, Any]
) -> None:
    shopify("orders/paid" if withdrawn else "orders/cancelled", shopify_order(70_031, **withdrawn))
    unknown = dict.fromkeys(("revenue", "currency", "refunded", "recognised_by", "popup_id", "variant_id", "reason"))
    for name in NAMES:
        answer = merchant.post("/orders", an_order(name, ordered_at="2026-11-01T09:00:00.000Z"))
        order = {"order_id": name, "source": "api", "confirmed": True, "ordered_at": "2026-11-01T09:00:00.000Z"}
        assert (answer.status_code, answer.json()) == (200, order | unknown)
    assert listed(merchant) == []


@pytest.mark.parametrize("by", ["the platform", "the shop"])
def test_what_is_withdrawn_leaves_under_the_name_that_the_shop_reported_and_the_one_of_a_browser(
    shopify: Platform, merchant: Client, track_conversion: FunctionProcess, popup_id: str, by: str
) -> None:
    assert send(track_conversion, purchase(popup_id, "70031")).ok
    reported(merchant, an_order("#31"))
    if by == "the platform":
        assert shopify("orders/cancelled", shopify_order(70_031)).ok
    else:
        assert shopify("orders/paid", shopify_order(70_031)).ok
        assert merchant.delete(path_of("70031")).status_code == 204
    assert listed(merchant) == []


def test_a_name_keeps_the_order_that_it_was_given_to_first(
    shopify: Platform, merchant: Client, track_conversion: FunctionProcess, popup_id: str
) -> None:
    for id_ in (70_031, 80_031):
        shopify("orders/paid", shopify_order(id_, created_at=None))
    send(track_conversion, purchase(popup_id, "#31"))
    orders = {order["order_id"]: order["popup_id"] for order in listed(merchant)}
    assert orders == {"70031": popup_id, "80031": None}


def test_a_number_that_is_the_orders_own_id_is_no_other_name(
    woocommerce: Platform, merchant: Client, track_conversion: FunctionProcess, popup_id: str
) -> None:
    send(track_conversion, purchase(popup_id, "31", "1.00"))
    assert woocommerce("order.created", woocommerce_order(31, number="31", date_created_gmt=None)).ok
    (order,) = listed(merchant)
    assert [order[field] for field in ("source", "revenue", "recognised_by", "popup_id")] == [
        "woocommerce",
        "49.90",
        "browser",
        popup_id,
    ]


# A shop that numbers its orders by itself has an order of the number 31 and, of long ago, one of the id 31.
OF_THE_ID = woocommerce_order(31, number="7", refunds=[{"id": 1, "total": "-5.00"}])
OF_THE_NUMBER = woocommerce_order(1045, number="31", refunds=[{"id": 1, "total": "-8.00"}])


def both(first: str, **fields: Any) -> list[dict[str, Any]]:
    """Return both orders, the one of the id or the one of the number first."""
    orders = [OF_THE_ID | fields, OF_THE_NUMBER | fields]
    return orders if first == "id" else orders[::-1]


@pytest.mark.parametrize("first", ["id", "number"])
def test_a_number_that_is_another_orders_id_is_no_name_of_it(
    woocommerce: Platform, merchant: Client, database: Database, shop: Shop, first: str
) -> None:
    for order in both(first):
        assert woocommerce("order.created", order).ok
    assert {order["order_id"]: order["refunded"] for order in listed(merchant)} == {"31": "5.00", "1045": "8.00"}
    assert credited(database, shop, "last_touch", 7, "refunded") == {"nobody": Decimal(13)}


@pytest.mark.parametrize(
    "withdrawal", [("order.updated", {**OF_THE_ID, "status": "trash"}), ("order.deleted", {"id": 31})]
)
def test_a_platform_withdraws_the_order_of_the_id_and_no_other_of_that_number(
    woocommerce: Platform, merchant: Client, withdrawal: tuple[str, dict[str, Any]]
) -> None:
    assert woocommerce("order.created", OF_THE_NUMBER).ok
    assert woocommerce(*withdrawal).ok
    assert woocommerce("order.updated", OF_THE_ID).ok
    assert [order["order_id"] for order in listed(merchant)] == ["1045"]


@pytest.mark.parametrize("first", ["id", "number"])
@pytest.mark.parametrize("status", ["processing", "cancelled"])
def test_an_order_has_the_codes_that_it_names_and_not_those_of_the_order_of_its_number(
    woocommerce: Platform, merchant: Client, database: Database, shop: Shop, status: str, first: str
) -> None:
    code_id = make_discount_code(database, shop, code="TEN")
    for order in both(first, coupon_lines=[{"code": "ten"}]):
        assert woocommerce("order.created", order | {"status": status if order["id"] == 1045 else order["status"]}).ok
    used = 2 if status == "processing" else 1
    assert merchant.get(f"/discount-codes/{code_id}").json()["usage_count"] == used


def test_an_order_that_is_deleted_before_it_comes_is_not_counted(woocommerce: Platform, merchant: Client) -> None:
    for topic, payload in (("order.deleted", {"id": 31}), ("order.created", woocommerce_order(31))):
        assert woocommerce(topic, payload).status_code == 200
    assert listed(merchant) == []


def test_a_code_counts_as_used_once_by_whichever_name_of_its_order(
    shopify: Platform,
    merchant: Client,
    track_conversion: FunctionProcess,
    database: Database,
    shop: Shop,
    popup_id: str,
) -> None:
    code_id = make_discount_code(database, shop, code="TEN")
    used = conversion(popup_id, "discount_code_used", discount_code="TEN", order_id="#31")
    assert send(track_conversion, used).status_code == 201
    shopify("orders/paid", shopify_order(70_031, discount_codes=[{"code": "ten"}]))
    assert send(track_conversion, conversion(popup_id, "discount_code_used", discount_code="TEN", order_id="31")).ok
    assert merchant.get(f"/discount-codes/{code_id}").json()["usage_count"] == 1


@pytest.mark.parametrize("withdrawn", [{"test": True}, {"cancelled_at": "2026-11-03T10:00:00Z"}])
def test_an_order_that_is_not_counted_uses_no_code(
    shopify: Platform, merchant: Client, database: Database, shop: Shop, withdrawn: dict[str, Any]
) -> None:
    code_id = make_discount_code(database, shop, code="TEN")
    shopify("orders/paid", shopify_order(70_031, discount_codes=[{"code": "TEN"}], **withdrawn))
    assert merchant.get(f"/discount-codes/{code_id}").json()["usage_count"] == 0
