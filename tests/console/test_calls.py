"""Calls that fail: the page stays, says what is wrong, and goes on by itself where it can."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.support.shopper import Shop
from tests.console.conftest import Merchant
from tests.console.door import open_door


def test_a_call_that_is_blocked_names_content_blockers(merchant: Merchant, shop: Shop) -> None:
    shop.add_popup(name="Autumn")
    merchant.context.route("**/shop-reports/**", lambda route: route.abort("blockedbyclient"))
    page = merchant.open()
    told = page.get_by_role("alert")
    expect(told).to_contain_text("a content blocker is in the way")
    expect(page.get_by_role("link", name="Autumn")).to_be_visible()
    merchant.context.unroute("**/shop-reports/**")
    told.get_by_role("button", name="Try again").click()
    expect(told).to_be_hidden()
    expect(page.get_by_text("Viewers", exact=True).first).to_be_visible()


def test_too_many_calls_are_waited_for_as_the_server_says(merchant: Merchant, shop: Shop) -> None:
    shop.add_popup(name="Autumn")
    page = merchant.open()
    expect(page.get_by_role("link", name="Autumn")).to_be_visible()
    page.route(
        "**/shop-desk/popups?*",
        lambda route: route.fulfill(status=429, headers={"Retry-After": "2"}, json={"status": 429, "code": "slow"}),
        times=1,
    )
    page.get_by_label("Search by name").fill("Autu")
    expect(page.get_by_role("status")).to_have_text("Too many requests at once. Going on in 2 seconds.")
    expect(page.get_by_role("link", name="Autumn")).to_be_visible()
    expect(page.get_by_text("Too many requests at once.")).to_be_hidden()
    expect(page.get_by_role("link", name="Autumn")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("place", ["#/", "#/codes", "#/subscribers", "#/keys", "#/shop", "#/start"])
def test_a_page_whose_call_fails_offers_to_try_again(merchant: Merchant, place: str) -> None:
    page = merchant.open()
    expect(page.get_by_role("heading", name="No popup yet")).to_be_visible()

    def fail(route: Route) -> None:
        route.fulfill(status=503, json={"status": 503, "code": "unavailable"})

    for service in ("shop-desk", "shop-reports"):
        page.route(f"**/{service}/**", fail)
    merchant.visit(place)
    page.reload()
    told = page.get_by_role("alert").first
    expect(told).to_contain_text("The database cannot be reached just now.")
    for service in ("shop-desk", "shop-reports"):
        page.unroute(f"**/{service}/**", fail)
    while (count := page.get_by_role("button", name="Try again").count()) > 0:
        page.get_by_role("button", name="Try again").first.click()
        expect(page.get_by_role("button", name="Try again")).to_have_count(count - 1)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_file_that_is_cut_short_is_no_file(new_merchant: Callable[..., Merchant], functions: dict[str, str]) -> None:
    with open_door(functions, cut_short="/subscribers.csv") as address:
        asks_for_the_file(new_merchant(at=address))


def asks_for_the_file(merchant: Merchant) -> None:
    page = merchant.open("#/subscribers")
    files: list[str] = []
    page.on("download", lambda download: files.append(download.suggested_filename))
    page.get_by_role("button", name="These as CSV").click()
    expect(page.get_by_role("status")).to_contain_text("The file was cut short")
    assert files == []
