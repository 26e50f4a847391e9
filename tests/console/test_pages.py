"""Every other page: it says what the functions say, asks few calls, and does what its buttons promise."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.support.axe import violations
from tests.browser.support.shopper import Shop
from tests.console.conftest import Merchant
from tests.console.looks import faults

EMAIL = {"type": "email_capture", "consent_text": "Write to me about plants."}


def post(shop: Shop, function: str, path: str = "/", **body: Any) -> dict[str, Any]:
    address = f"{shop.functions[function]}{path}"
    answer = requests.post(address, json=body, headers=shop.authorization, timeout=10)
    assert answer.ok, answer.text
    return dict(answer.json())


def see(shop: Shop, popup_id: str, visitor: str, **more: Any) -> None:
    post(shop, "track_view", popup_id=popup_id, session_id=visitor, visitor_id=visitor, device_type="mobile", **more)


def subscribe(shop: Shop, popup_id: str, visitor: str, email: str) -> None:
    event: dict[str, Any] = {"popup_id": popup_id, "session_id": visitor, "visitor_id": visitor, "email": email}
    consent: dict[str, Any] = {"consent": True, "consent_text": EMAIL["consent_text"]}
    post(shop, "track_conversion", **event, **consent, type="email_capture")


@pytest.fixture
def lively(shop: Shop) -> str:
    """Return the id of a popup with three viewers, of whom one has converted."""
    popup_id = shop.add_popup(name="Autumn", offer=EMAIL)
    visitors = [str(uuid.uuid4()) for _ in range(3)]
    for visitor in visitors:
        see(shop, popup_id, visitor)
    subscribe(shop, popup_id, visitors[0], "ada@example.com")
    post(shop, "manage_popups", "/discount-codes", code="FERN10", type="percentage", value="10")
    post(shop, "manage_popups", "/discount-codes", type="percentage", value="10", single_use=True)
    return popup_id


PAGES = {
    "#/popups/ID/results": "1 of 3 viewers left their e-mail address",
    "#/popups/ID/experiment": "Nothing is compared yet",
    "#/popups/ID/history": "Version 1: Made",
    "#/shop": "It works: the shop was last heard",
    "#/keys": "This console",
    "#/codes": "FERN10",
    "#/subscribers": "ada@example.com",
    "#/why": "The page",
}


def test_a_page_shows_what_there_is_with_at_most_four_calls(merchant: Merchant, lively: str) -> None:
    calls, titles = {}, set()
    for place, text in PAGES.items():
        page = merchant.open(place.replace("ID", lively))
        expect(page.get_by_text(text).first).to_be_visible()
        merchant.site.calls.clear()
        page.reload()
        expect(page.get_by_text(text).first).to_be_visible()
        calls[place] = merchant.site.calls.total()
        titles.add(page.title())
    assert [place for place in PAGES if calls[place] > 4] == []
    assert len(titles) == len(PAGES)
    assert "Console" not in titles


def test_axe_finds_nothing_and_nothing_is_cut_off(new_merchant: Callable[..., Merchant], lively: str) -> None:
    merchant = new_merchant()
    found = {}
    for place, text in PAGES.items():
        page = merchant.open(place.replace("ID", lively))
        expect(page.get_by_text(text).first).to_be_visible()
        found[place] = faults(page)
    assert found == {place: [] for place in PAGES}


def test_results_have_the_days_as_a_table_and_as_a_file(merchant: Merchant, lively: str) -> None:
    page = merchant.open(f"#/popups/{lively}/results")
    page.get_by_text("The days as a table").click()
    expect(page.get_by_role("table").first.get_by_role("row")).to_have_count(30 + 1)
    with page.expect_download() as download:
        page.get_by_role("button", name="The days as CSV").click()
    assert download.value.suggested_filename.startswith("results-")
    assert download.value.path().read_text("utf-8-sig").startswith("day,")


def test_an_old_version_is_brought_back_and_that_is_undone(merchant: Merchant, shop: Shop, lively: str) -> None:
    address = f"{shop.functions['manage_popups']}/popups/{lively}"
    requests.patch(address, json={"design": {"heading": "Later"}}, headers=shop.authorization, timeout=10)
    page = merchant.open(f"#/popups/{lively}/history")
    expect(page.get_by_role("deletion")).to_have_text("Before you go")
    expect(page.get_by_role("insertion")).to_have_text("Later")
    page.get_by_role("button", name="Look at it").last.click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("Before you go")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Bring it back").click()
    expect(page.get_by_role("status")).to_have_text("It is as it was in version 1.")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_have_text("That is undone.")
    assert requests.get(address, headers=shop.authorization, timeout=10).json()["design"]["heading"] == "Later"


def test_a_key_is_shown_once_works_and_is_revoked_by_typing_its_name(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open("#/keys")
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Whose it is").fill("Grace")
    page.get_by_role("button", name="Make the key").click()
    dialog = page.get_by_role("dialog", name="The new key")
    key = dialog.get_by_role("region", name="The key").inner_text().strip()
    page.keyboard.press("Escape")
    dialog.get_by_role("button", name="Done").click(force=True)
    expect(dialog).to_be_visible()
    dialog.get_by_label("I have stored it").check()
    dialog.get_by_role("button", name="Done").click()
    assert key not in page.content()
    headers = {"Authorization": f"Bearer {key}"}
    assert requests.get(f"{shop.functions['manage_popups']}/key", headers=headers, timeout=10).json()["name"] == "Grace"
    page.get_by_role("button", name="Revoke Grace").click()
    page.get_by_label("Type Grace to confirm").fill("Grace")
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_role("status")).to_contain_text("no longer works")
    assert requests.get(f"{shop.functions['manage_popups']}/key", headers=headers, timeout=10).status_code == 401


def test_the_shop_is_changed_and_a_refusal_is_at_its_field(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open("#/shop")
    page.get_by_label("Currency").fill("XXX")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Currency")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Currency").fill("EUR")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Where the shop is").fill("https://shop.example\n")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    stored = requests.get(f"{shop.functions['manage_popups']}/shop", headers=shop.authorization, timeout=10).json()
    assert (stored["time_zone"], stored["allowed_origins"]) == ("Europe/Berlin", ["https://shop.example"])


def test_a_pool_is_made_and_filled_by_pasting(merchant: Merchant) -> None:
    page = merchant.open("#/codes")
    page.get_by_role("button", name="New code").click()
    page.get_by_role("radio", name="Each their own").check()
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("button", name="Add codes to").click()
    page.get_by_label("Codes", exact=True).fill("ONE-1\nTWO-2\nTHREE-3")
    page.get_by_role("button", name="Add 3").click()
    expect(page.get_by_text("3 of 3 left")).to_be_visible()
    page.get_by_role("button", name="Add codes to").click()
    page.get_by_label("Codes", exact=True).fill("TWO-2\nFOUR-4")
    page.get_by_role("button", name="Add 2").click()
    expect(page.get_by_role("dialog", name="1 code added").get_by_role("listitem")).to_have_text("TWO-2")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("4 of 4 left")).to_be_visible()


def test_a_code_is_prolonged_and_what_somebody_else_changed_is_not_overwritten(merchant: Merchant, shop: Shop) -> None:
    code = post(shop, "manage_popups", "/discount-codes", code="FERN10", type="percentage", value="10")
    page = merchant.open("#/codes")
    page.get_by_role("button", name="Change FERN10").click()
    dialog = page.get_by_role("dialog", name="Change FERN10")
    dialog.get_by_label("Until").fill("2030-03-01T12:00")
    dialog.get_by_label("At most (USD)").fill("25")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="FERN10")).to_contain_text("1 Mar 2030, 12:00")
    page.get_by_role("button", name="Change FERN10").click()
    expect(dialog.get_by_label("At most (USD)")).to_have_value("25.00")
    address = f"{shop.functions['manage_popups']}/discount-codes/{code['id']}"
    assert requests.patch(address, json={"value": "15"}, headers=shop.authorization, timeout=10).ok
    dialog.get_by_role("textbox", name="Percent").fill("12")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody else has changed it meanwhile.")
    assert requests.get(address, headers=shop.authorization, timeout=10).json()["value"] == "15.00"


def test_a_subscriber_has_a_proof_and_is_erased_by_typing_the_address(
    merchant: Merchant, shop: Shop, lively: str
) -> None:
    page = merchant.open("#/subscribers")
    page.get_by_role("button", name="Open ada@example.com").click()
    expect(page.get_by_text("“Write to me about plants.”")).to_be_visible()
    page.get_by_role("button", name="Erase…").click()
    page.get_by_label("Type ada@example.com to confirm").fill("ada@example.com")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_role("status")).to_have_text("The person is erased.")
    expect(page.get_by_role("heading", name="Nobody")).to_be_visible()


def test_why_says_the_first_rule_and_leads_to_its_field(merchant: Merchant, shop: Shop) -> None:
    shop.add_popup(name="For carts", targeting={"include_pages": ["/cart*"]})
    page = merchant.open("#/why")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("row", name="For carts")).to_contain_text("It is for other pages.")
    page.get_by_label("The page").fill("/cart")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("row", name="For carts")).to_contain_text("Nothing is in its way")
    page.get_by_label("The page").fill("/")
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("link", name="Change it: For carts").click()
    expect(page.get_by_label("Only on these pages")).to_have_value("/cart*")


def test_who_was_asked_for_is_in_the_address_and_back_brings_it_back(merchant: Merchant, shop: Shop) -> None:
    shop.add_popup(name="For carts", targeting={"include_pages": ["/cart*"]})
    page = merchant.open("#/why")
    page.get_by_label("The page").fill("/products")
    page.get_by_role("radio", name="Phone").check()
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("link", name="Change it: For carts").click()
    expect(page.get_by_label("Only on these pages")).to_have_value("/cart*")
    # The page leaves the address as it is: to change it while somebody goes back would bring them here again.
    expect(page).to_have_url(re.compile("section=audience"))
    page.go_back()
    expect(page.get_by_label("The page")).to_have_value("/products")
    expect(page.get_by_role("radio", name="Phone")).to_be_checked()
    expect(page.get_by_role("row", name="For carts")).to_contain_text("It is for other pages.")


def test_where_it_was_seen_is_asked_for_once_it_is_opened(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup()
    for path in ("/cart", "/cart?utm_campaign=autumn", "/fern"):
        see(
            shop, popup_id, str(uuid.uuid4()), page_url=f"https://shop.example{path}", referrer="https://news.example/a"
        )
    page = merchant.open(f"#/popups/{popup_id}/results")
    heading = page.get_by_role("heading", name="Where it was seen")
    expect(heading).to_be_visible()
    assert not any("sources" in call for call in merchant.site.calls)
    heading.click()
    table = page.get_by_role("table", name="Views by Page")
    expect(table.get_by_role("row", name="/cart")).to_contain_text("2")
    page.get_by_role("radio", name="Site", exact=True).check()
    expect(page.get_by_role("row", name="news.example")).to_contain_text("3")
    page.get_by_role("radio", name="utm_campaign").check()
    expect(page.get_by_role("row", name="autumn")).to_contain_text("1")
    assert violations(page) == []
    with page.expect_download() as download:
        page.get_by_role("button", name="These as CSV").click()
    assert download.value.suggested_filename.startswith("sources-")


def test_an_experiment_is_a_file_too(merchant: Merchant, shop: Shop) -> None:
    arms = [{"id": each, "name": each, "weight": 50, "design": {}, "offer": {}} for each in "ab"]
    page = merchant.open(f"#/popups/{shop.add_popup(variants=arms)}/experiment")
    with page.expect_download() as download:
        page.get_by_role("button", name="This as CSV").click()
    assert download.value.path().read_text("utf-8-sig").strip()
