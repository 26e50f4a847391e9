"""Signing in: with a key that is kept in this tab only, and asked for again over the page."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.support.shopper import Shop
from tests.console.conftest import Merchant
from tests.console.looks import faults
from tests.console.site import sign_in


def storage(page: Page) -> str:
    return str(page.evaluate("JSON.stringify([Object.entries(localStorage), document.cookie, location.href])"))


def test_a_shop_and_its_key_are_let_in_and_the_key_is_kept_in_this_tab_only(merchant: Merchant) -> None:
    page = merchant.open()
    expect(page.get_by_role("heading", name="Popups", level=1)).to_be_visible()
    assert merchant.key not in storage(page)
    page.reload()
    expect(page.get_by_role("heading", name="Popups", level=1)).to_be_visible()
    another = merchant.context.new_page()
    another.goto(merchant.site.console)
    expect(another.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_password_manager_knows_the_form(merchant: Merchant) -> None:
    merchant.visit()
    assert merchant.page.get_by_label("Shop").get_attribute("autocomplete") == "username"
    key = merchant.page.get_by_label("API key")
    assert (key.get_attribute("autocomplete"), key.get_attribute("type")) == ("current-password", "password")


@pytest.mark.parametrize(
    ("shop_id", "key", "told"),
    [
        ("mine", "eip_wrong", "The shop or the key is not right."),
        ("another", "mine", "This key belongs to another shop."),
    ],
    ids=["an unknown key", "another shop"],
)
def test_who_is_not_let_in_is_told_why(merchant: Merchant, shop: Shop, shop_id: str, key: str, told: str) -> None:
    merchant.visit()
    merchant.page.get_by_label("Shop").fill(shop.id if shop_id == "mine" else shop_id)
    merchant.page.get_by_label("API key").fill(merchant.key if key == "mine" else key)
    merchant.page.get_by_role("button", name="Sign in").click()
    expect(merchant.page.get_by_role("alert")).to_have_text(told)


def revoke(shop: Shop, key: str) -> None:
    digest = hashlib.sha256(key.encode()).digest()
    shop.database("UPDATE api_keys SET revoked_at = now() WHERE key_sha256 = :digest", digest=digest)


def test_a_refused_key_is_asked_for_over_the_page_and_the_page_goes_on(merchant: Merchant, shop: Shop) -> None:
    shop.add_popup(name="Autumn")
    page = merchant.open()
    expect(page.get_by_role("link", name="Autumn")).to_be_visible()
    new = merchant.new_key("write")
    merchant.context.route(
        "**/shop-desk/popups?*",
        lambda route: route.fulfill(status=401, json={"status": 401, "title": "Unauthorized", "code": "unauthorized"}),
        times=1,
    )
    page.get_by_label("Search by name").fill("Autumn")
    dialog = page.get_by_role("dialog", name="Sign in again")
    expect(dialog).to_be_visible()
    dialog.get_by_label("API key").fill(new)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Search by name")).to_have_value("Autumn")
    expect(page.get_by_role("link", name="Autumn")).to_be_visible()


def test_signing_out_forgets_everything_in_every_tab(merchant: Merchant) -> None:
    page = merchant.open()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_key_that_may_only_read_is_told_why_a_control_is_off(merchant: Merchant, shop: Shop) -> None:
    shop.add_popup(name="Autumn")
    merchant.visit()
    sign_in(merchant.page, shop.id, merchant.new_key("read"))
    switch = merchant.page.get_by_role("switch", name="Autumn is live")
    expect(switch).to_have_attribute("aria-disabled", "true")
    switch.click(force=True)
    expect(merchant.page.get_by_role("status")).to_contain_text("This key may only read")
    assert not any(call.startswith(("PATCH", "POST", "DELETE")) for call in merchant.site.calls)


def test_axe_finds_nothing_and_nothing_is_cut_off(new_merchant: Callable[..., Merchant]) -> None:
    page = new_merchant().visit()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert faults(page) == []
