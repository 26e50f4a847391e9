"""Orders and where they come from: each with the popup that earned it and why, and sources connected step by step."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.support.shopper import Shop
from tests.console.conftest import Merchant
from tests.console.looks import faults
from tests.console.site import sign_in
from tests.support.stack import ROOT
from tests.support.webhooks import shopify_order, signed

ORDERS = "/orders"


def desk(shop: Shop, method: str, path: str, **body: Any) -> requests.Response:
    """Call manage_popups as the shop's own server does and return the answer."""
    address = f"{shop.functions['manage_popups']}{path}"
    answer = requests.request(method, address, json=body or None, headers=shop.authorization, timeout=10)
    assert answer.ok, answer.text
    return answer


def report(shop: Shop, order_id: str, **more: Any) -> None:
    desk(shop, "POST", ORDERS, order_id=order_id, **{"revenue": "49.90", "currency": "USD", **more})


def deliver(shop: Shop, path: str, topic: str, payload: Any, secret: str) -> None:
    """Send a signed webhook as Shopify does."""
    address = f"{shop.functions['receive_orders']}/{path}"
    headers = signed("shopify", topic, payload, secret)
    assert requests.post(address, json=payload, headers=headers, timeout=10).status_code == 200


def row(page: Page, order_id: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=order_id))


def test_an_order_names_the_popup_that_earned_it_and_the_reason(merchant: Merchant, shop: Shop) -> None:
    shop.database("UPDATE shops SET time_zone = 'Asia/Kathmandu' WHERE id = :id", id=shop.id)
    code_id = shop.add_discount_code("FERN10")
    shop.add_popup(name="Autumn", offer={"type": "discount", "discount_code_id": code_id})
    report(shop, "F-1", discount_codes=["fern10"], ordered_at="2026-11-01T20:00:00Z")
    report(shop, "F-2", ordered_at="2026-11-01T19:00:00Z")
    desk(shop, "POST", f"{ORDERS}/F-1/refunds", refund_id="R", amount="9.90", currency="USD")
    page = merchant.open("#/orders")
    earned = row(page, "F-1")
    expect(earned).to_contain_text("2 Nov 2026, 01:45")
    expect(earned).to_contain_text("$49.90")
    expect(earned).to_contain_text("$9.90 refunded")
    expect(earned).to_contain_text("Your server")
    expect(earned.get_by_role("link", name="Autumn")).to_be_visible()
    expect(earned).to_contain_text("Its discount code was used.")
    expect(row(page, "F-2")).to_contain_text("No popup")
    expect(row(page, "F-2")).to_contain_text("Nobody knows whose it was")
    expect(page.get_by_text("(Asia/Kathmandu) the shop")).to_be_visible()


def test_orders_are_filtered_and_paged_in_the_address(merchant: Merchant, shop: Shop) -> None:
    for number in range(52):
        report(shop, f"N-{number}", ordered_at=f"2026-11-01T10:{number:02}:00Z")
    page = merchant.open("#/orders")
    expect(row(page, "N-51")).to_be_visible()
    page.get_by_role("link", name="Older orders").click()
    expect(row(page, "N-0")).to_be_visible()
    page.get_by_role("link", name="Back to the newest").click()
    expect(row(page, "N-51")).to_be_visible()
    page.get_by_label("Reported by").select_option("Shopify")
    expect(page.get_by_role("heading", name="No order matches")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Reported by")).to_have_value("shopify")
    page.get_by_role("link", name="Show all orders").click()
    expect(row(page, "N-51")).to_be_visible()


def test_an_order_is_removed_by_typing_its_number(merchant: Merchant, shop: Shop) -> None:
    report(shop, "A/1 ä")
    page = merchant.open("#/orders")
    page.get_by_role("button", name="Remove order A/1 ä").click()
    dialog = page.get_by_role("dialog", name="Remove order A/1 ä?")
    expect(dialog.get_by_role("button", name="Remove the order")).to_have_attribute("aria-disabled", "true")
    dialog.get_by_label("Type A/1 ä to confirm").fill("A/1 ä")
    dialog.get_by_role("button", name="Remove the order").click()
    expect(page.get_by_role("status")).to_have_text("Order A/1 ä is removed from every figure.")
    expect(page.get_by_role("heading", name="No order yet")).to_be_visible()


def test_what_only_browsers_say_is_called_so(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup(name="Autumn")
    visitor = str(uuid.uuid4())
    event = {"popup_id": popup_id, "session_id": visitor, "visitor_id": visitor, "type": "purchase"}
    address = f"{shop.functions['track_conversion']}/"
    assert requests.post(address, json={**event, "order_id": "B-1", "revenue": "10", "currency": "USD"}, timeout=10).ok
    page = merchant.open("#/orders")
    expect(page.get_by_text("These orders are only a browser")).to_be_visible()
    report(shop, "S-1", ordered_at="2026-11-01T10:00:00Z")
    page.reload()
    expect(row(page, "B-1")).to_contain_text("Unconfirmed")


def test_an_empty_shop_is_led_to_connecting_its_orders(merchant: Merchant) -> None:
    page = merchant.open("#/orders")
    page.get_by_role("link", name="Connect the shop").click()
    expect(page.get_by_role("heading", name="Where orders come from")).to_be_visible()


def test_shopify_is_connected_step_by_step_and_its_first_order_is_heard(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open("#/sources")
    page.get_by_role("button", name="Connect Shopify").click()
    dialog = page.get_by_role("dialog", name="Connect Shopify")
    dialog.get_by_label("Secret").fill("two words")
    dialog.get_by_role("button", name="Connect", exact=True).click()
    expect(dialog.get_by_label("Secret")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Secret").fill("whsec-1")
    dialog.get_by_role("button", name="Connect", exact=True).click()
    card = page.get_by_role("region", name="Shopify", exact=True)
    expect(card.get_by_text("No order was heard yet.")).to_be_visible()
    for topic in ("Order payment", "Order creation", "Order cancellation", "Refund create"):
        expect(card.get_by_text(topic, exact=True)).to_be_visible()
    address = card.get_by_role("region", name="The address for Shopify").inner_text().strip()
    assert "whsec-1" not in page.content()
    deliver(shop, address.split("/receive_orders/")[1], "orders/paid", shopify_order(7), "whsec-1")
    page.reload()
    expect(card.get_by_text("Last order heard")).to_be_visible()


def test_the_secret_of_woocommerce_is_made_up_and_shown_once(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open("#/sources")
    page.get_by_role("button", name="Connect WooCommerce").click()
    dialog = page.get_by_role("dialog", name="Connect WooCommerce")
    secret = dialog.get_by_role("region", name="The secret").inner_text().strip()
    assert re.fullmatch("[0-9a-f]{48}", secret)
    dialog.get_by_label("I have copied it").check()
    dialog.get_by_role("button", name="Connect", exact=True).click()
    card = page.get_by_role("region", name="WooCommerce", exact=True)
    expect(card.get_by_text("Order updated", exact=True)).to_be_visible()
    assert secret not in page.content()


def test_a_sources_secret_and_api_are_changed_and_it_is_disconnected_by_typing(merchant: Merchant, shop: Shop) -> None:
    source = desk(shop, "POST", "/order-sources", platform="shopify", secrets=["one"]).json()
    page = merchant.open("#/sources")
    card = page.get_by_role("region", name="Shopify", exact=True)
    failure = (
        "UPDATE order_sources SET reconcile_error = 'acme.example answered 401', reconciled_at = now() WHERE id = :id"
    )
    shop.database(failure, id=source["id"])
    page.reload()
    expect(card.get_by_role("alert")).to_contain_text("acme.example answered 401")
    card.get_by_role("button", name="Change the secret of Shopify").click()
    page.get_by_label("Secrets").fill("two\nthree")
    page.get_by_role("button", name="Change it").click()
    expect(card.get_by_text("2 secrets")).to_be_visible()
    card.get_by_role("button", name="API access of Shopify").click()
    page.get_by_label("Address of the API").fill("http://acme.example/")
    page.get_by_label("Access token").fill("shpat_1")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Address of the API")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Address of the API").fill("https://acme.example/admin/api/2026-10/graphql.json")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(card.get_by_text("reconciled each night through acme.example")).to_be_visible()
    expect(card.get_by_role("alert")).to_have_count(0)
    card.get_by_role("button", name="Disconnect Shopify").click()
    page.get_by_label("Type Shopify to confirm").fill("Shopify")
    page.get_by_role("button", name="Disconnect", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Shopify is disconnected. Its orders stay.")
    expect(card).to_have_count(0)
    listed = desk(shop, "GET", "/order-sources").json()["order_sources"]
    assert source["id"] not in [each["id"] for each in listed]


def test_a_customers_request_is_shown_and_dropped(merchant: Merchant, shop: Shop) -> None:
    source = desk(shop, "POST", "/order-sources", platform="shopify", secrets=["one"]).json()
    asked = {"data_request": {"id": 5}, "customer": {"id": 9, "email": "ann@example.com"}, "orders_requested": [7]}
    deliver(shop, f"shopify/{source['id']}", "customers/data_request", {**asked, "shop_domain": "acme.example"}, "one")
    page = merchant.open("#/sources")
    page.get_by_role("button", name="requests from Shopify").click()
    dialog = page.get_by_role("dialog", name="requests for their data")
    expect(dialog.get_by_text("ann@example.com")).to_be_visible()
    dialog.get_by_role("button", name="Drop the request of ann@example.com").click()
    expect(dialog.get_by_text("Nobody has asked.")).to_be_visible()


def test_the_command_for_a_server_of_ones_own_reports_an_order(merchant: Merchant, shop: Shop) -> None:
    """What is copied works as it stands: the address, the headers and the body."""
    shop.database("UPDATE shops SET currency = 'JPY' WHERE id = :id", id=shop.id)
    page = merchant.open("#/sources")
    command = page.get_by_role("region", name="How an order is reported").inner_text()
    address = re.search(r"POST '([^']+)'", command)
    body = re.search(r"-d '([^']+)'", command, re.S)
    assert address
    assert body
    headers = {"Authorization": f"Bearer {merchant.key}", "Content-Type": "application/json"}
    assert requests.post(address[1], data=body[1], headers=headers, timeout=10).status_code == 201
    page.get_by_text("Whose order it is, refunds, and corrections").click()
    command = page.get_by_role("region", name="How a refund is reported").inner_text()
    address, body = re.search(r"POST '([^']+)'", command), re.search(r"-d '([^']+)'", command, re.S)
    assert address
    assert body
    assert requests.post(address[1], data=body[1], headers=headers, timeout=10).status_code == 201


def test_a_key_that_may_only_read_sees_orders_and_sources_and_why_it_changes_nothing(
    merchant: Merchant, shop: Shop
) -> None:
    report(shop, "R-1")
    desk(shop, "POST", "/order-sources", platform="shopify", secrets=["one"])
    sign_in(merchant.visit("#/orders"), shop.id, merchant.new_key("read"))
    page = merchant.page
    why = "This key may only read. Sign in with a key that may write to change things."
    expect(page.get_by_role("button", name="Remove order R-1")).to_have_attribute("title", why)
    page.get_by_role("button", name="Remove order R-1").click(force=True)
    expect(page.get_by_role("status")).to_have_text(why)
    page.get_by_role("link", name="Where they come from").click()
    for name in ("Connect Shopify", "Connect WooCommerce", "Change the secret of Shopify", "Disconnect Shopify"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_attribute("title", why)
    assert not any(call.startswith(("PATCH", "POST", "DELETE")) for call in merchant.site.calls)


def test_the_snippets_for_woocommerce_are_those_of_the_docs() -> None:
    docs = (ROOT / "docs" / "platforms.md").read_text()
    page = (ROOT / "console" / "src" / "words" / "woocommerce.ts").read_text()
    blocks = re.findall(r"= `(.*?)(?<!\\)`;", page, re.S)
    assert len(blocks) == 2
    for block in blocks:
        text = re.sub(r"\\([\\`$])", r"\1", block)
        assert "\n".join(f"   {line}" if line else "" for line in text.splitlines()) in docs


def test_axe_finds_nothing_and_nothing_is_cut_off(new_merchant: Callable[..., Merchant], shop: Shop) -> None:
    shop.add_popup(
        name="Herbstschlussverkaufsbenachrichtigungseinblendung",
        offer={"type": "discount", "discount_code_id": shop.add_discount_code("FERN10")},
    )
    report(shop, "Auftragsbestätigungsnummer-2026-11-000000000000001", discount_codes=["FERN10"])
    desk(shop, "POST", "/order-sources", platform="woocommerce", secrets=["one"])
    merchant = new_merchant()
    for place, text in {"#/orders": "Its discount code was used.", "#/sources": "No order was heard yet."}.items():
        page = merchant.open(place)
        expect(page.get_by_text(text).first).to_be_visible()
        assert faults(page, held="main td *, main .card > *") == [], place
    page.get_by_role("button", name="Connect Shopify").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults(page) == []


@pytest.mark.parametrize("place", ["#/orders", "#/sources"])
def test_a_page_asks_at_most_four_calls(merchant: Merchant, shop: Shop, place: str) -> None:
    report(shop, "C-1")
    desk(shop, "POST", "/order-sources", platform="woocommerce", secrets=["one"])
    for number in range(101):
        shop.add_popup(name=f"Popup {number}", status="draft")
    page = merchant.open(place)
    told = "C-1" if place == "#/orders" else "The newest order that your server has reported"
    expect(page.get_by_text(told).first).to_be_visible()
    merchant.site.calls.clear()
    page.reload()
    expect(page.get_by_text(told).first).to_be_visible()
    assert merchant.site.calls.total() <= 4
