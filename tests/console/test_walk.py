"""One walk: from an empty shop to a published popup, a shopper's address, their order, and what the popup earned."""

from __future__ import annotations

import re

import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import new_context, shopper
from tests.browser.support.shopper import ORIGIN, Shop, Shopper
from tests.console.conftest import Merchant
from tests.support.stack import eventually

__all__ = ["new_context", "shopper"]

HEADING = "10 % off your first order"


def test_an_empty_shop_comes_to_see_what_its_first_popup_earned(
    merchant: Merchant, shop: Shop, shopper: Shopper
) -> None:
    page = merchant.open()
    say_where_the_shop_is(page)
    popup_id = publish_the_welcome_template(page)
    leave_an_address(shop, shopper)
    report_the_order(shop)
    the_shop_was_heard(page, merchant)
    the_results_have_the_order(page, merchant, popup_id)
    the_order_names_the_popup_and_the_reason(page)


def say_where_the_shop_is(page: Page) -> None:
    page.get_by_role("link", name="Set up the shop first").click()
    expect(page.get_by_role("heading", name="See the first view (to do)")).to_be_visible()
    page.get_by_role("link", name="Open Shop").click()
    page.get_by_label("Where the shop is").fill(ORIGIN)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Saved.")


def publish_the_welcome_template(page: Page) -> str:
    page.get_by_role("navigation", name="Console").get_by_role("link", name="Popups").click()
    page.get_by_role("main").get_by_role("link", name="New popup").first.click()
    page.get_by_role("link", name="Welcome").click()
    expect(page.get_by_label("Heading")).to_have_value(HEADING)
    page.get_by_role("button", name="Publish…").click()
    sheet = page.get_by_role("dialog", name="Publish it?")
    expect(sheet.get_by_text("New visitors.")).to_be_visible()
    sheet.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("It is live. Shoppers see it")).to_be_visible()
    eventually(lambda: not page.evaluate("location.hash").split("?")[0].endswith("/new"))
    return str(page.evaluate("location.hash")).rsplit("/", 1)[1]


def leave_an_address(shop: Shop, shopper: Shopper) -> None:
    served = f"{shop.functions['get_active_popups']}/?shop_id={shop.id}"
    eventually(lambda: requests.get(served, timeout=10).json()["popups"])
    shopper.visit("/")
    shopper.leave()
    assert shopper.is_shown(HEADING)
    shopper.see()
    shopper.page.get_by_label("E-mail").fill("ann@example.com")
    shopper.page.get_by_label("Yes, write to me").check()
    shopper.page.get_by_role("button", name="Send me the code").click()
    expect(shopper.page.get_by_text("Thank you!")).to_be_visible()


def report_the_order(shop: Shop) -> None:
    """By the shop's own server, which knows the buyer's address and no visitor."""
    address = f"{shop.functions['manage_popups']}/orders"
    order = {"order_id": "1001", "revenue": "49.90", "currency": "USD", "email": "ANN@example.com"}
    assert requests.post(address, json=order, headers=shop.authorization, timeout=10).status_code == 201


def the_shop_was_heard(page: Page, merchant: Merchant) -> None:
    page.goto(f"{merchant.site.console}#/start")
    expect(page.get_by_role("heading", name="Publish a popup (done)")).to_be_visible()
    expect(page.get_by_role("heading", name="See the first view (done)")).to_be_visible()


def the_results_have_the_order(page: Page, merchant: Merchant, popup_id: str) -> None:
    page.goto(f"{merchant.site.console}#/popups/{popup_id}/results")
    expect(page.get_by_text(re.compile("^1 of 1 viewers? left their e-mail address"))).to_be_visible()
    expect(page.get_by_text("$49.90").first).to_be_visible()
    page.get_by_role("radio", name="Net revenue").check()
    expect(page.get_by_role("img", name=re.compile("^Net revenue by day"))).to_be_visible()
    page.get_by_text("The days as a table").click()
    expect(page.get_by_role("region", name="The days").get_by_role("row").filter(has_text="$49.90")).to_have_count(1)


def the_order_names_the_popup_and_the_reason(page: Page) -> None:
    page.get_by_role("navigation", name="Console").get_by_role("link", name="Orders").click()
    order = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="1001"))
    expect(order.get_by_role("link", name="Welcome")).to_be_visible()
    expect(order).to_contain_text("They pressed its button or left their address within the 7 days before.")
    expect(order).to_contain_text("address is a subscriber")
    expect(order).to_contain_text("$49.90")
