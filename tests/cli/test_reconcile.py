"""popups reconcile: orders whose webhooks were lost are read by the platform's API, which leads nowhere else."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterator
from typing import Any

import click
import pytest

from cli.connection import open_connection
from cli.platforms.outside import Outside, OutsideError
from cli.platforms.reconcile import reconcile, reconcile_all
from common.config import load
from common.postgres.driver import Connection
from common.shop.order_sources import seal_api
from tests.support.client import Client
from tests.support.factories import Shop, make_order_source, make_shop
from tests.support.platforms import HOST, Platform, basic, running_platform
from tests.support.stack import Database, Stack
from tests.support.webhooks import woocommerce_order

SINCE = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, ssl.SSLContext]]:
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture
def platform(there: tuple[Platform, ssl.SSLContext]) -> Platform:
    there[0].orders.clear()
    there[0].asked.clear()
    there[0].refusals.clear()
    return there[0]


@pytest.fixture
def outside(there: tuple[Platform, ssl.SSLContext]) -> Outside:
    """Return an `Outside` that reaches the stand-in on the loopback as a public address, without waiting."""
    return Outside(
        resolver=lambda _: ["127.0.0.1"],
        tls=there[1],
        may_call=lambda address: address == "127.0.0.1",
        port=there[0].port,
        sleep=lambda _: None,
    )


def connect_platform(database: Database, shop: Shop, platform: str, token: str) -> None:
    """Give the shop a source of this platform whose API is the stand-in."""
    id_ = make_order_source(database, shop.id, platform)
    api = seal_api(id_, {"url": f"https://{HOST}/api", "token": token})
    database("UPDATE order_sources SET api = :api WHERE id = :id", api=api, id=id_)


def run(stack: Stack, shop: Shop, outside: Outside) -> int:
    with open_connection(load({"DATABASE_URL": stack.database_url})) as opened:
        return sum(reconcile(Connection(opened), shop.id, SINCE, outside).values())


def shopify_node(id_: int, **fields: Any) -> dict[str, Any]:
    return {
        "legacyResourceId": str(id_),
        "name": f"#{id_}",
        "createdAt": "2026-11-02T10:00:00Z",
        "cancelledAt": None,
        "test": False,
        "displayFinancialStatus": "PAID",
        "email": None,
        "discountCodes": [],
        "totalPriceSet": {"shopMoney": {"amount": "20.0", "currencyCode": "USD"}},
        "customAttributes": [],
        "refunds": [],
        **fields,
    }


def test_every_page_of_woocommerce_s_orders_is_read_and_a_second_run_changes_nothing(
    stack: Stack, database: Database, shop: Shop, merchant: Client, platform: Platform, outside: Outside
) -> None:
    connect_platform(database, shop, "woocommerce", "ck_1:cs_2")
    platform.orders += [woocommerce_order(number) for number in range(1, 103)]
    platform.orders[5]["refunds"] = [{"id": 1, "total": "-9.90"}]
    assert run(stack, shop, outside) == 103
    assert run(stack, shop, outside) == 0
    assert len(merchant.get("/orders?source=woocommerce&limit=100").json()["orders"]) == 100
    path, headers, _ = platform.asked[0]
    assert headers["authorization"] == basic("ck_1:cs_2")
    assert path.startswith("/api/orders?modified_after=2026-11-01T00:00:00&dates_are_gmt=true")


def test_every_page_of_shopify_s_orders_is_read(
    stack: Stack, database: Database, shop: Shop, merchant: Client, platform: Platform, outside: Outside
) -> None:
    connect_platform(database, shop, "shopify", "shpat_1")
    refund = {
        "legacyResourceId": "7",
        "createdAt": "2026-11-03T10:00:00Z",
        "totalRefundedSet": {"shopMoney": {"amount": "5.0", "currencyCode": "USD"}},
    }
    platform.orders += [shopify_node(number) for number in range(1, 61)]
    platform.orders += [shopify_node(61, test=True), shopify_node(62, cancelledAt="2026-11-03T10:00:00Z")]
    platform.orders += [shopify_node(63, displayFinancialStatus="PENDING"), shopify_node(64, refunds=[refund])]
    run(stack, shop, outside)
    orders = {order["order_id"]: order for order in merchant.get("/orders?limit=100").json()["orders"]}
    assert set(orders) == {str(number) for number in (*range(1, 61), 64)}
    assert (orders["64"]["revenue"], orders["64"]["refunded"]) == ("20.00", "5.00")
    assert platform.asked[0][1]["x-shopify-access-token"] == "shpat_1"


@pytest.mark.parametrize(
    "refusal",
    [
        (429, {"Retry-After": "2"}, {}),
        (503, {}, {}),
        (200, {}, {"errors": [{"extensions": {"code": "THROTTLED"}}]}),
    ],
    ids=["limited", "down", "throttled"],
)
def test_an_api_that_is_busy_is_asked_again(
    stack: Stack, database: Database, shop: Shop, platform: Platform, outside: Outside, refusal: Any
) -> None:
    connect_platform(database, shop, "shopify", "shpat_1")
    platform.orders.append(shopify_node(1))
    platform.refusals += [refusal] * 3
    assert run(stack, shop, outside) == 1


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ((401, {}, {}), "answered 401"),
        ((302, {"Location": "https://elsewhere.example/"}, {}), "answered 302"),
        ((200, {}, {"errors": [{"message": "no"}]}), "answered no orders"),
        ((200, {}, []), "answered no orders"),
    ],
)
def test_what_does_not_work_is_told_in_one_line_without_the_token(
    stack: Stack,
    database: Database,
    shop: Shop,
    merchant: Client,
    platform: Platform,
    outside: Outside,
    refusal: Any,
    told: str,
) -> None:
    connect_platform(database, shop, "shopify", "shpat_secret")
    platform.refusals.append(refusal)
    with pytest.raises(click.ClickException) as refused:
        run(stack, shop, outside)
    assert told in str(refused.value)
    source = merchant.get("/order-sources").json()["order_sources"][0]
    assert told in source["reconcile_error"]
    assert "shpat_secret" not in source["reconcile_error"]
    assert "shpat_secret" not in str(refused.value)
    assert len(platform.asked) == 1


def test_every_source_of_a_shop_has_its_turn_and_what_was_mended_is_no_error_any_more(
    stack: Stack, database: Database, shop: Shop, merchant: Client, platform: Platform, outside: Outside
) -> None:
    database("DELETE FROM order_sources WHERE shop_id = :shop_id", shop_id=shop.id)
    for token in ("ck:one", "ck:two"):
        connect_platform(database, shop, "woocommerce", token)
    platform.orders.append(woocommerce_order(7001))
    platform.refusals.append((401, {}, {}))
    with pytest.raises(click.ClickException, match="answered 401"):
        run(stack, shop, outside)
    orders = merchant.get("/orders?source=woocommerce&limit=100").json()["orders"]
    assert "7001" in {order["order_id"] for order in orders}
    sources = merchant.get("/order-sources").json()["order_sources"]
    assert sorted(source["reconcile_error"] is None for source in sources) == [False, True]
    assert all(source["reconciled_at"] for source in sources)
    run(stack, shop, outside)
    sources = merchant.get("/order-sources").json()["order_sources"]
    assert [source["reconcile_error"] for source in sources] == [None, None]


def test_every_shop_has_its_turn_though_one_fails(
    stack: Stack, database: Database, shop: Shop, platform: Platform, outside: Outside
) -> None:
    database("UPDATE order_sources SET api = NULL")
    first, second = sorted((shop, make_shop(database)), key=lambda each: each.id)
    for each in (first, second):
        connect_platform(database, each, "woocommerce", "ck:cs")
    platform.orders.append(woocommerce_order(1))
    with open_connection(load({"DATABASE_URL": stack.database_url})) as opened:
        platform.refusals.append((401, {}, {}))
        with pytest.raises(click.ClickException, match=f"{first.id}: woocommerce .* answered 401"):
            reconcile_all(Connection(opened), SINCE, outside)
        found = reconcile_all(Connection(opened), SINCE, outside)
    assert [(name.split()[0], new) for name, new in found.items()] == [(first.id, 1), (second.id, 0)]


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "::1", "fd00::1", "fe80::1", "0.0.0.0"]
)
def test_a_name_that_leads_inside_is_not_called(address: str) -> None:
    with pytest.raises(OutsideError, match="no public address"):
        Outside(resolver=lambda _: [address]).call("GET", "https://inside.example/", {})


def test_only_https_is_called_and_only_a_host_that_proves_its_name(platform: Platform, outside: Outside) -> None:
    with pytest.raises(OutsideError, match="no https address"):
        outside.call("GET", f"http://{HOST}/", {})
    with pytest.raises(OutsideError, match="cannot be called"):
        outside.call("GET", "https://another.example/", {})
    assert platform.asked == []
