"""The list of popups: with results in the row, and what can be done with a popup from there."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import requests
from playwright.sync_api import expect

from tests.browser.support.shopper import Shop
from tests.console.conftest import Merchant
from tests.console.looks import faults

EMAIL = {"type": "email_capture", "consent_text": "Write to me about plants."}


def stored(shop: Shop, popup_id: str) -> dict[str, object]:
    address = f"{shop.functions['manage_popups']}/popups/{popup_id}"
    return requests.get(address, headers=shop.authorization, timeout=10).json()


def test_a_page_of_popups_is_few_calls_and_none_for_a_row(merchant: Merchant, shop: Shop) -> None:
    for number in range(12):
        shop.add_popup(name=f"Popup {number}")
    page = merchant.open()
    expect(page.get_by_role("row")).to_have_count(13)
    merchant.site.calls.clear()
    page.reload()
    expect(page.get_by_role("row")).to_have_count(13)
    expect(page.get_by_text("Viewers", exact=True).first).to_be_visible()
    assert merchant.site.calls.total() <= 4


def test_rows_without_figures_say_why(merchant: Merchant, shop: Shop) -> None:
    for number in range(101):
        shop.add_popup(name=f"Popup {number}", status="draft")
    page = merchant.open()
    expect(page.get_by_text("not among the 100 popups with the most converters")).to_be_visible()


def test_the_switch_pauses_and_undo_brings_it_back(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup(name="Autumn")
    page = merchant.open()
    page.get_by_role("switch", name="Autumn is live").click()
    expect(page.get_by_role("status")).to_have_text("“Autumn” is paused.")
    expect(page.get_by_role("switch", name="Autumn is live")).not_to_be_checked()
    assert stored(shop, popup_id)["status"] == "paused"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("switch", name="Autumn is live")).to_be_checked()
    assert stored(shop, popup_id)["status"] == "active"


def test_a_popup_is_archived_first_and_deleted_by_typing_its_name(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup(name="Autumn")
    page = merchant.open()
    page.get_by_label("More about Autumn").click()
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.get_by_role("link", name="Autumn")).to_be_hidden()
    page.get_by_label("Status").select_option("archived")
    page.get_by_label("More about Autumn").click()
    page.get_by_role("button", name="Delete…").click()
    delete = page.get_by_role("button", name="Delete the popup")
    delete.click(force=True)
    assert stored(shop, popup_id)["status"] == "archived"
    page.get_by_label("Type Autumn to confirm").fill("Autumn")
    delete.click()
    expect(page.get_by_role("status")).to_have_text("“Autumn” is deleted.")
    assert stored(shop, popup_id)["status"] == 404


def test_filters_are_in_the_address_and_back_brings_them_back(merchant: Merchant, shop: Shop) -> None:
    shop.add_popup(name="Autumn")
    shop.add_popup(name="Winter", status="paused")
    page = merchant.open()
    page.get_by_label("Status").select_option("paused")
    expect(page.get_by_role("link", name="Autumn")).to_be_hidden()
    page.get_by_role("link", name="Shop", exact=True).click()
    page.go_back()
    expect(page.get_by_label("Status")).to_have_value("paused")
    expect(page.get_by_role("link", name="Winter")).to_be_visible()
    expect(page.get_by_role("link", name="Autumn")).to_be_hidden()


def test_converters_are_those_of_what_each_popup_is_for(merchant: Merchant, shop: Shop) -> None:
    popups = {"click": shop.add_popup(name="Cart"), "email_capture": shop.add_popup(name="News", offer=EMAIL)}
    for type_, popup_id in popups.items():
        visitor = str(uuid.uuid4())
        event = {"popup_id": popup_id, "session_id": visitor, "visitor_id": visitor}
        given = {"email": "ada@example.com"} if type_ == "email_capture" else {}
        for function, more in (("track_view", {}), ("track_conversion", {"type": type_, **given})):
            assert requests.post(f"{shop.functions[function]}/", json=event | more, timeout=10).ok
    page = merchant.open()
    expect(page.get_by_role("row", name="Cart")).to_contain_text("1 click100.0 %")
    expect(page.get_by_role("row", name="News")).to_contain_text("1 e-mail100.0 %")
    page.get_by_label("Converters by").select_option("e-mail addresses")
    expect(page.get_by_role("row", name="Cart")).to_contain_text("0 e-mails0.0 %")


def test_an_empty_shop_is_led_to_its_first_popup(merchant: Merchant) -> None:
    page = merchant.open()
    expect(page.get_by_role("heading", name="No popup yet")).to_be_visible()


LONG = "Herbstschlussverkaufsbenachrichtigungseinblendung für Wiederkehrende"


def test_axe_finds_nothing_and_nothing_is_cut_off(new_merchant: Callable[..., Merchant], shop: Shop) -> None:
    shop.add_popup(name=LONG)
    shop.add_popup(name="عرض خاص للعملاء الجدد", status="draft")
    page = new_merchant().open()
    expect(page.get_by_role("link", name=LONG)).to_be_visible()
    expect(page.get_by_text("Viewers", exact=True).first).to_be_visible()
    assert faults(page) == []
