"""POST, GET, PATCH and DELETE /order-sources: platforms are connected, and no answer ever has a secret."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from common.shop.order_sources import unseal_api, unseal_secrets
from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, insert
from tests.support.stack import Database, FunctionProcess
from tests.support.webhooks import deliver, shopify_order

API = {"url": "https://acme.example/wp-json/wc/v3", "token": "ck_1:cs_2"}


def a_source(**fields: Any) -> dict[str, Any]:
    return {"platform": "woocommerce", "secrets": ["first-secret"], **fields}


def connected(merchant: Client, **fields: Any) -> dict[str, Any]:
    answer = merchant.post("/order-sources", a_source(**fields))
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def test_a_source_says_where_its_webhooks_go_and_never_its_secrets(merchant: Client) -> None:
    answer = merchant.post("/order-sources", a_source(api=API), headers={"Idempotency-Key": "k1"})
    source = answer.json()
    assert source["url"] == f"/receive_orders/woocommerce/{source['id']}"
    assert source["api"] == {"url": API["url"]}
    assert (source["platform"], source["secrets_count"], source["last_order_at"]) == ("woocommerce", 1, None)
    again = merchant.post("/order-sources", a_source(api=API), headers={"Idempotency-Key": "k1"})
    listed = merchant.get("/order-sources")
    assert source in listed.json()["order_sources"]
    for text in (answer.text, again.text, listed.text):
        assert "first-secret" not in text
        assert "cs_2" not in text


def test_an_address_is_whole_where_the_public_one_is_known(
    start_function: Callable[..., FunctionProcess], shop: Shop
) -> None:
    there = start_function("manage_popups", PUBLIC_URL="https://popups.example.com")
    source = connected(Client(there, shop.write_key))
    assert source["url"] == f"https://popups.example.com/receive_orders/woocommerce/{source['id']}"


def test_secrets_are_stored_encrypted_for_their_source_alone(merchant: Client, database: Database) -> None:
    source_id = uuid.UUID(connected(merchant, api=API)["id"])
    (row,) = database("SELECT secrets, api FROM order_sources WHERE id = :id", id=source_id)
    assert b"first-secret" not in row["secrets"]
    assert unseal_secrets(source_id, row["secrets"]) == ["first-secret"]
    assert unseal_api(source_id, row["api"]) == API
    with pytest.raises(Exception, match="sealed with another"):
        unseal_secrets(uuid.uuid4(), row["secrets"])


def test_a_patch_replaces_secrets_and_takes_the_api_away(merchant: Client, database: Database) -> None:
    source = connected(merchant, api=API)
    path = f"/order-sources/{source['id']}"
    changed = merchant.patch(path, {"secrets": ["new", "old"]})
    assert (changed.status_code, changed.json()["secrets_count"]) == (200, 2)
    assert changed.json()["api"] == {"url": API["url"]}
    assert merchant.patch(path, {"api": None}).json()["api"] is None
    (row,) = database("SELECT secrets, api FROM order_sources WHERE id = :id", id=source["id"])
    assert unseal_secrets(uuid.UUID(source["id"]), row["secrets"]) == ["new", "old"]
    assert row["api"] is None
    assert_problem(merchant.patch(path, {"platform": "shopify"}), 422, "invalid", "platform")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"platform": "magento"}, "platform"),
        ({"secrets": []}, "secrets"),
        ({"secrets": ["x"] * 6}, "secrets"),
        ({"secrets": [""]}, "secrets.0"),
        ({"secrets": ["with blank"]}, "secrets.0"),
        ({"secrets": ["s" * 256]}, "secrets.0"),
        ({"api": {"url": "http://acme.example", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://localhost", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://user:pw@acme.example", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://acme.example:8443", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://acme.example:0", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://acme.example:x", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://@acme.example", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://[acme.example", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://acme.example/?a=b", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://acme.example/#a", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://acme.example/a b", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://acme.example/\x7f", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://acm\u00e9.example", "token": "t"}}, "api.url"),
        ({"api": {"url": f"https://acme.example/{'a' * 280}", "token": "t"}}, "api.url"),
        ({"api": {"url": "https://acme.example", "token": ""}}, "api.token"),
        ({"api": {"url": "https://acme.example", "token": "t" * 256}}, "api.token"),
        ({"api": {"url": "https://acme.example", "token": "with blank"}}, "api.token"),
        ({"api": {"url": "https://acme.example"}}, "api.token"),
        ({"more": 1}, "more"),
    ],
)
def test_what_cannot_work_is_refused_at_its_field(merchant: Client, wrong: dict[str, Any], field: str) -> None:
    assert_problem(merchant.post("/order-sources", a_source(**wrong)), 422, "invalid", field)


def test_a_platform_and_secrets_must_be_there(merchant: Client) -> None:
    for field in ("platform", "secrets"):
        rest = {name: value for name, value in a_source().items() if name != field}
        assert_problem(merchant.post("/order-sources", rest), 422, "invalid", field)


def test_a_source_may_have_the_most_of_everything(merchant: Client, database: Database) -> None:
    secrets = [f"{number}" + "!~" * 127 for number in range(5)]
    api = {"url": "https://acme.example:443/" + "a" * 275, "token": "t" * 255}
    source_id = uuid.UUID(connected(merchant, secrets=secrets, api=api)["id"])
    (row,) = database("SELECT secrets, api FROM order_sources WHERE id = :id", id=source_id)
    assert (unseal_secrets(source_id, row["secrets"]), unseal_api(source_id, row["api"])) == (secrets, api)


def test_a_shop_has_a_bounded_number_of_sources(merchant: Client) -> None:
    while len(merchant.get("/order-sources").json()["order_sources"]) < 20:
        connected(merchant)
    assert_problem(merchant.post("/order-sources", a_source()), 409, "conflict")


def test_without_a_key_the_calls_say_so(start_function: Callable[..., FunctionProcess], shop: Shop) -> None:
    unset = Client(start_function("manage_popups", SECRETS_KEY=None), shop.write_key)
    assert_problem(unset.post("/order-sources", a_source()), 503, "secrets_not_configured")
    assert_problem(unset.get("/order-sources"), 503, "secrets_not_configured")
    receiver = start_function("receive_orders", SECRETS_KEY=None)
    answer = deliver(receiver, "shopify", shop.source_id, "orders/paid", shopify_order(1))
    assert_problem(answer, 503, "secrets_not_configured")


def test_a_second_key_still_opens_what_it_sealed(
    start_function: Callable[..., FunctionProcess], shop: Shop, stack: Any
) -> None:
    new = "A" * 43 + "="
    rotated = start_function("receive_orders", SECRETS_KEY=f"{new},{stack.environ('stats')['SECRETS_KEY']}")
    assert deliver(rotated, "shopify", shop.source_id, "orders/paid", shopify_order(1)).status_code == 200
    lost = start_function("receive_orders", SECRETS_KEY=new)
    answer = deliver(lost, "shopify", shop.source_id, "orders/paid", shopify_order(1))
    assert_problem(answer, 503, "secrets_not_configured")


def test_requests_of_customers_are_listed_until_they_are_done(merchant: Client, database: Database, shop: Shop) -> None:
    row = {"shop_id": shop.id, "source_id": shop.source_id, "request_id": "9/1", "email": "ada@shopper.example"}
    insert(database, "order_source_requests", **row)
    path = f"/order-sources/{shop.source_id}/requests"
    (request,) = merchant.get(path).json()["requests"]
    assert (request["request_id"], request["email"]) == ("9/1", "ada@shopper.example")
    assert merchant.delete(f"{path}/9%2F1").status_code == 204
    assert merchant.get(path).json() == {"requests": []}
    for gone in ("9%2F1", "%00"):
        assert_problem(merchant.delete(f"{path}/{gone}"), 404, "not_found")
    assert_problem(merchant.get(f"/order-sources/{uuid.uuid4()}/requests"), 404, "order_source_not_found")


def test_a_deleted_source_takes_no_more_webhooks_and_its_orders_stay(
    merchant: Client, receive_orders: FunctionProcess, shop: Shop
) -> None:
    assert deliver(receive_orders, "shopify", shop.source_id, "orders/paid", shopify_order(7)).status_code == 200
    assert merchant.delete(f"/order-sources/{shop.source_id}").status_code == 204
    assert_problem(merchant.delete(f"/order-sources/{shop.source_id}"), 404, "order_source_not_found")
    answer = deliver(receive_orders, "shopify", shop.source_id, "orders/paid", shopify_order(8))
    assert_problem(answer, 404, "order_source_not_found")
    assert [order["order_id"] for order in merchant.get("/orders").json()["orders"]] == ["7"]
