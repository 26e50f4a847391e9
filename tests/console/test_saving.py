"""Saving: nothing that was typed is ever lost, and nothing is saved but on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.support.shopper import Shop
from tests.console.conftest import Merchant
from tests.console.site import questions
from tests.console.test_builder import open_section, stored
from tests.support.stack import eventually


def refusal(status: int) -> Any:
    """Return a route handler that answers writes with this status; with 0, it cuts them off."""

    def refuse(route: Route) -> None:
        if route.request.method != "PATCH":
            route.continue_()
        elif status == 0:
            route.abort()
        else:
            route.fulfill(status=status, json={"status": status, "title": "No", "code": "no", "detail": "Not now."})

    return refuse


REFUSALS = {
    0: "There was no answer. You may be offline, or a content blocker is in the way.",
    403: "This key may only read.",
    404: "It is not there any more",
    429: "Too many requests at once.",
    500: "Not now.",
    503: "The database cannot be reached just now.",
}


@pytest.mark.parametrize("status", REFUSALS)
def test_a_draft_outlives_every_refusal(merchant: Merchant, shop: Shop, status: int) -> None:
    popup_id = shop.add_popup(status="paused")
    page = merchant.open(f"#/popups/{popup_id}")
    page.get_by_label("Heading").fill("Kept")
    refuse = refusal(status)
    page.route("**/shop-desk/popups/*", refuse)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(REFUSALS[status])
    expect(page.get_by_label("Heading")).to_have_value("Kept")
    expect(page.get_by_text("Not saved")).to_be_visible()
    page.unroute("**/shop-desk/popups/*", refuse)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved as version 2")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()
    assert stored(shop, popup_id)["design"]["heading"] == "Kept"


def test_a_save_goes_on_once_the_key_is_given_again(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup(status="paused")
    page = merchant.open(f"#/popups/{popup_id}")
    page.get_by_label("Heading").fill("Kept")
    page.route("**/shop-desk/popups/*", refusal(401), times=1)
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog", name="Sign in again")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    dialog.get_by_label("API key").fill(merchant.new_key("write"))
    dialog.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("status").filter(has_text="Saved as version 2")).to_be_visible()
    assert stored(shop, popup_id)["design"]["heading"] == "Kept"


def test_what_is_refused_and_has_no_field_is_told_above_save(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open(f"#/popups/{shop.add_popup(status='paused')}")
    page.get_by_label("Heading").fill("Kept")
    told = {"of_a_newer_release": ["Not with this heading."]}
    page.route(
        "**/shop-desk/popups/*",
        lambda route: route.fulfill(status=422, json={"status": 422, "code": "invalid_request", "errors": told}),
        times=1,
    )
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("of_a_newer_release: Not with this heading.")
    expect(page.get_by_label("Heading")).to_have_value("Kept")


@pytest.mark.parametrize("label", ["Name", "Heading", "Background colour"])
def test_enter_in_a_field_neither_saves_nor_leaves(merchant: Merchant, shop: Shop, label: str) -> None:
    popup_id = shop.add_popup(status="paused")
    page = merchant.open(f"#/popups/{popup_id}")
    open_section(page, "Look")
    page.get_by_label("Heading").fill("Kept")
    address = page.url
    page.get_by_label(label, exact=True).press("Enter")
    expect(page.get_by_text("Not saved")).to_be_visible()
    expect(page.get_by_label("Heading")).to_have_value("Kept")
    assert page.url == address
    assert not any(call.startswith("PATCH") for call in merchant.site.calls)


def test_ctrl_s_saves_a_live_popup_no_less_checked_than_the_button_does(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup()
    page = merchant.open(f"#/popups/{popup_id}")
    page.get_by_label("Heading").fill("Stay")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("dialog", name="Save to the shop?")).to_be_visible()
    assert stored(shop, popup_id)["design"]["heading"] == "Before you go"


def test_undo_stands_until_the_next_edit(merchant: Merchant, shop: Shop) -> None:
    """It takes back the save; what is typed after the save is not its to take."""
    popup_id = shop.add_popup(status="paused")
    page = merchant.open(f"#/popups/{popup_id}")
    page.get_by_label("Heading").fill("Saved")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.get_by_label("Heading").fill("Typed afterwards")
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    expect(page.get_by_label("Heading")).to_have_value("Typed afterwards")


def test_a_code_made_from_within_the_builder_leaves_the_draft_as_it_is(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup(status="paused")
    page = merchant.open(f"#/popups/{popup_id}")
    page.get_by_label("Heading").fill("Half done")
    open_section(page, "Offer")
    page.get_by_role("button", name="New code").click()
    dialog = page.get_by_role("dialog", name="New discount code")
    dialog.get_by_label("Code", exact=True).fill("FERN20")
    dialog.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("status").filter(has_text="The code is made")).to_be_visible()
    expect(page.get_by_label("Discount code").locator("option:checked")).to_contain_text("FERN20")
    expect(page.get_by_label("Heading")).to_have_value("Half done")
    expect(page.get_by_text("Not saved")).to_be_visible()
    assert stored(shop, popup_id)["design"]["heading"] == "Before you go"


def variant(id_: str) -> dict[str, Any]:
    return {"id": id_, "name": id_.upper(), "weight": 50, "design": {}, "offer": {}}


def test_an_edit_of_a_running_experiment_warns_before_it_is_saved(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open(f"#/popups/{shop.add_popup(variants=[variant('a'), variant('b')])}")
    page.get_by_label("Heading").fill("Another")
    page.get_by_role("button", name="Save to the shop…").click()
    sheet = page.get_by_role("dialog", name="Save to the shop?")
    expect(sheet).to_contain_text("An experiment runs: this begins a new one, and viewers are counted anew.")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_back_to_the_templates_asks_first(new_merchant: Callable[..., Merchant]) -> None:
    page = new_merchant().open("#/popups/new")
    page.get_by_role("link", name="Newsletter").click()
    page.get_by_label("Heading").fill("Half done")
    asked = questions(page)
    page.evaluate("history.back()")
    eventually(lambda: page.evaluate("1") and asked)
    assert asked == ["Not saved: Heading. Leave all the same?"]
    expect(page.get_by_label("Heading")).to_have_value("Half done")


def test_the_shops_settings_are_asked_about_too(new_merchant: Callable[..., Merchant]) -> None:
    page = new_merchant().open("#/shop")
    page.get_by_label("Name", exact=True).fill("Ferns and more")
    asked = questions(page)
    page.get_by_role("navigation", name="Console").get_by_role("link", name="API keys").click()
    eventually(lambda: page.evaluate("1") and asked)
    assert asked == ["Not saved: Name. Leave all the same?"]
    expect(page.get_by_label("Name", exact=True)).to_have_value("Ferns and more")
