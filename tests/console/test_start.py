"""The first run: from an empty shop to the first view, step by step."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.support.axe import violations
from tests.browser.support.shopper import Shop
from tests.console.conftest import Merchant


def test_an_empty_shop_is_led_from_the_snippet_to_the_first_popup(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open()
    page.get_by_role("link", name="Set up the shop first").click()
    expect(page.get_by_role("region", name="The tag of the script")).to_contain_text(f'data-shop="{shop.id}"')
    expect(page.get_by_text("Nothing heard yet.")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("main").get_by_role("link", name="New popup").click()
    expect(page.get_by_role("heading", name="New popup", level=1)).to_be_visible()


def test_what_is_done_is_said(merchant: Merchant, shop: Shop) -> None:
    shop.add_popup()
    page = merchant.open("#/start")
    expect(page.get_by_role("heading", name="Publish a popup (done)")).to_be_visible()
    expect(page.get_by_role("heading", name="See the first view (to do)")).to_be_visible()
