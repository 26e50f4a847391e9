"""The builder: what is typed is seen at once, kept, saved on purpose, and can be taken back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.support.axe import violations
from tests.browser.support.shopper import Shop
from tests.console.conftest import Merchant
from tests.console.looks import faults
from tests.console.site import questions, sign_in
from tests.support.stack import eventually

EMAIL = {"type": "email_capture", "consent_text": "Write to me about plants."}


def stored(shop: Shop, popup_id: str) -> dict[str, Any]:
    address = f"{shop.functions['manage_popups']}/popups/{popup_id}"
    return requests.get(address, headers=shop.authorization, timeout=10).json()


def change(shop: Shop, popup_id: str, **fields: Any) -> None:
    """Somebody else's edit."""
    address = f"{shop.functions['manage_popups']}/popups/{popup_id}"
    assert requests.patch(address, json=fields, headers=shop.authorization, timeout=10).ok


def preview(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title='The popup as shoppers see it']")


def open_section(page: Page, title: str) -> None:
    page.locator(".section > summary").filter(has=page.get_by_role("heading", name=title, exact=True)).click()


def test_what_is_typed_is_in_the_preview_and_the_caret_stays(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup(status="paused")
    page = merchant.open(f"#/popups/{popup_id}")
    expect(preview(page).get_by_text("Before you go")).to_be_visible()
    heading = page.get_by_label("Heading")
    heading.click()
    heading.press("Home")
    page.keyboard.type("Wait a moment! ", delay=20)
    expect(heading).to_have_value("Wait a moment! Before you go")
    expect(preview(page).get_by_text("Wait a moment! Before you go")).to_be_visible()
    page.keyboard.type("Really. ")
    expect(heading).to_have_value("Wait a moment! Really. Before you go")


def test_every_state_of_a_popup_can_be_previewed_and_nothing_is_counted(merchant: Merchant, shop: Shop) -> None:
    code_id = shop.add_discount_code("FERN10")
    popup_id = shop.add_popup(offer={**EMAIL, "discount_code_id": code_id})
    page = merchant.open(f"#/popups/{popup_id}")
    shown = preview(page)
    expect(shown.get_by_text("Write to me about plants.")).to_be_visible()
    for state, text in (("Refused", "Please enter a valid e-mail"), ("Thank you", "PREVIEW")):
        page.get_by_role("radio", name=state).check()
        expect(shown.get_by_text(text)).to_be_visible()
    page.get_by_role("radio", name="No code left").check()
    expect(shown.get_by_text("Thank you!")).to_be_visible()
    expect(shown.get_by_text("PREVIEW")).to_be_hidden()
    assert shop.stats(popup_id)["views"] == 0


def test_the_frame_reaches_neither_the_key_nor_a_function(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open(f"#/popups/{shop.add_popup()}")
    expect(preview(page).get_by_text("Before you go")).to_be_visible()
    frame = next(each for each in page.frames if "preview.html" in each.url)
    assert frame.evaluate("origin") == "null"
    assert frame.evaluate("try { parent.document && 'reached' } catch { 'kept out' }") == "kept out"
    assert frame.evaluate("try { sessionStorage && 'reached' } catch { 'kept out' }") == "kept out"


def test_a_new_popup_is_stored_only_once_somebody_saves_it(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open("#/popups/new")
    page.get_by_role("link", name="Newsletter").click()
    expect(page.get_by_role("heading", name="Newsletter", level=1)).to_be_visible()
    page.get_by_label("Heading").fill("Leaves from us")
    assert not any(call.startswith("POST") for call in merchant.site.calls)
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Draft", exact=True)).to_be_visible()
    eventually(lambda: not page.evaluate("location.hash").endswith("/new"))
    popup_id = page.evaluate("location.hash").rsplit("/", 1)[1]
    assert stored(shop, popup_id)["design"]["heading"] == "Leaves from us"
    assert stored(shop, popup_id)["status"] == "draft"


def test_a_stored_draft_saves_itself_and_a_live_popup_never_does(merchant: Merchant, shop: Shop) -> None:
    draft, live = shop.add_popup(status="draft"), shop.add_popup()
    page = merchant.open(f"#/popups/{draft}")
    page.get_by_label("Heading").fill("By itself")
    expect(page.get_by_text("Saved just now")).to_be_visible()
    assert stored(shop, draft)["design"]["heading"] == "By itself"
    merchant.open(f"#/popups/{live}")
    page.get_by_label("Heading").fill("Not by itself")
    expect(page.get_by_text("Not saved")).to_be_visible()
    page.wait_for_timeout(2500)  # longer than a draft waits
    assert stored(shop, live)["design"]["heading"] == "Before you go"


def test_a_live_popup_is_saved_after_a_sheet_of_sentences_and_undone_in_one_step(
    merchant: Merchant, shop: Shop
) -> None:
    popup_id = shop.add_popup(targeting={"visitors": "new"})
    page = merchant.open(f"#/popups/{popup_id}")
    page.get_by_label("Heading").fill("Stay a while")
    page.get_by_role("button", name="Save to the shop…").click()
    sheet = page.get_by_role("dialog", name="Save to the shop?")
    expect(sheet.get_by_text("New visitors.")).to_be_visible()
    expect(sheet.get_by_text("On every page.")).to_be_visible()
    expect(sheet.get_by_text("What changes: Heading.")).to_be_visible()
    assert violations(page) == []
    sheet.get_by_role("button", name="Save to the shop").click()
    expect(page.get_by_role("status").filter(has_text="Saved as version 2")).to_be_visible()
    assert stored(shop, popup_id)["design"]["heading"] == "Stay a while"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Heading")).to_have_value("Before you go")
    assert stored(shop, popup_id)["design"]["heading"] == "Before you go"


def test_typing_a_value_back_makes_it_clean(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open(f"#/popups/{shop.add_popup()}")
    page.get_by_label("Heading").fill("Another")
    expect(page.get_by_text("Not saved")).to_be_visible()
    page.get_by_label("Heading").fill("Before you go")
    expect(page.get_by_text("Not saved")).to_be_hidden()


def test_a_refused_save_keeps_the_edit_and_leads_to_the_field(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup(status="paused")
    page = merchant.open(f"#/popups/{popup_id}")
    page.get_by_label("Heading").fill("Kept")
    open_section(page, "Look")
    page.get_by_label("Width").fill("5000")
    open_section(page, "Look")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("alert").get_by_role("button", name="Width").click()
    expect(page.get_by_label("Width")).to_be_focused()
    expect(page.get_by_label("Width")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Heading")).to_have_value("Kept")
    page.get_by_label("Width").fill("600")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved as version 2")).to_be_visible()
    assert stored(shop, popup_id)["design"]["width"] == 600


def test_edits_of_other_fields_by_somebody_else_are_merged(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup(status="paused")
    page = merchant.open(f"#/popups/{popup_id}")
    page.get_by_label("Heading").fill("Mine")
    change(shop, popup_id, design={"width": 700})
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog", name="Somebody else has changed this popup")
    expect(dialog.get_by_text("Changed by them, and kept: Width.")).to_be_visible()
    dialog.get_by_role("button", name="Put mine on top of theirs").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved as version 3")).to_be_visible()
    assert (stored(shop, popup_id)["design"]["heading"], stored(shop, popup_id)["design"]["width"]) == ("Mine", 700)


@pytest.mark.parametrize(("side", "kept"), [("Yours", "Mine"), ("Theirs", "Hers")])
def test_edits_of_the_same_field_are_chosen_between(merchant: Merchant, shop: Shop, side: str, kept: str) -> None:
    popup_id = shop.add_popup(status="paused")
    page = merchant.open(f"#/popups/{popup_id}")
    page.get_by_label("Heading").fill("Mine")
    page.get_by_label("Text", exact=True).fill("And a text")
    change(shop, popup_id, design={"heading": "Hers"})
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog", name="Somebody else has changed this popup")
    dialog.get_by_role("radio", name=side).check()
    assert violations(page) == []
    dialog.get_by_role("button", name="Go on with these").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved as version 3")).to_be_visible()
    design = stored(shop, popup_id)["design"]
    assert (design["heading"], design["subheading"]) == (kept, "And a text")


def test_unsaved_work_is_kept_over_a_reload_and_brought_back_on_demand(
    new_merchant: Callable[..., Merchant], shop: Shop
) -> None:
    page = new_merchant().open(f"#/popups/{shop.add_popup()}")
    page.get_by_label("Heading").fill("Half done")
    eventually(lambda: "Half done" in page.evaluate("JSON.stringify(Object.values(sessionStorage))"))
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.get_by_label("Heading")).to_have_value("Before you go")
    page.get_by_role("button", name="Bring it back").click()
    expect(page.get_by_label("Heading")).to_have_value("Half done")


def test_leaving_unsaved_work_is_asked_about_by_its_fields(new_merchant: Callable[..., Merchant], shop: Shop) -> None:
    page = new_merchant().open(f"#/popups/{shop.add_popup()}")
    page.get_by_label("Heading").fill("Half done")
    asked = questions(page)
    page.get_by_role("navigation", name="Console").get_by_role("link", name="Popups").click()
    eventually(lambda: page.evaluate("1") and asked)
    assert asked == ["Not saved: Heading. Leave all the same?"]
    expect(page.get_by_label("Heading")).to_have_value("Half done")


def test_pages_are_tried_with_the_scripts_own_matcher(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open(f"#/popups/{shop.add_popup(status='paused')}")
    open_section(page, "Who sees it, and where")
    page.get_by_label("Only on these pages").fill("/products/*")
    page.get_by_label("Try pages").fill("/products/fern\n/cart")
    told = page.get_by_role("list", name="Whether it shows there")
    expect(told.get_by_role("listitem")).to_have_text(
        [
            "Shows /products/fern Here: included by /products/*",
            "Does not show /cart Not here: no pattern includes this page",
        ]
    )


def test_contrast_is_said_while_a_colour_is_chosen(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open(f"#/popups/{shop.add_popup(status='paused')}")
    open_section(page, "Look")
    page.get_by_label("Text colour", exact=True).fill("#dddddd")
    expect(page.get_by_text("hard to read. At least 4.5 : 1 is needed.")).to_be_visible()
    page.get_by_role("button", name="Use #000000").click()
    expect(page.get_by_text("easy to read")).to_be_visible()


def test_times_are_typed_and_shown_in_the_shops_zone(merchant: Merchant, shop: Shop) -> None:
    shop.database("UPDATE shops SET time_zone = 'Asia/Kathmandu' WHERE id = :id", id=shop.id)
    popup_id = shop.add_popup(status="paused")
    page = merchant.open(f"#/popups/{popup_id}")
    open_section(page, "How long")
    page.get_by_label("Until").fill("2030-03-01T05:45")
    expect(page.get_by_text("in Asia/Kathmandu").first).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved as version 2")).to_be_visible()
    assert stored(shop, popup_id)["ends_at"].startswith("2030-03-01T00:00:00")


def test_a_variant_changes_what_it_changes_and_is_seen_in_the_preview(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup(status="paused")
    page = merchant.open(f"#/popups/{popup_id}")
    open_section(page, "Experiment")
    page.get_by_role("button", name="Compare with another version").click()
    page.get_by_label("Heading").fill("The other one")
    expect(preview(page).get_by_text("The other one")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved as version 2")).to_be_visible()
    popup = stored(shop, popup_id)
    assert popup["design"]["heading"] == "Before you go"
    assert [variant["design"] for variant in popup["variants"]] == [{}, {"heading": "The other one"}]


def test_a_variant_offers_something_else_is_previewed_so_and_gives_it_back(merchant: Merchant, shop: Shop) -> None:
    code_id = shop.add_discount_code("FERN10")
    variants = [{"id": "a", "name": "As it is"}, {"id": "b", "name": "For an address"}]
    popup_id = shop.add_popup(
        status="paused", variants=variants, offer={"type": "discount", "discount_code_id": code_id}
    )
    page = merchant.open(f"#/popups/{popup_id}")
    open_section(page, "Experiment")
    page.get_by_role("button", name="Edit the offer of For an address").click()
    offer = page.locator("#section-offer")
    offer.get_by_label("What it offers").select_option("Something for an e-mail address")
    offer.get_by_label("Discount code", exact=True).select_option("No code")
    offer.get_by_label("Consent").fill("Write to me about plants.")
    expect(preview(page).get_by_text("Write to me about plants.")).to_be_visible()
    expect(offer.locator(".says")).to_contain_text("For an address: They leave their e-mail address.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved as version 2")).to_be_visible()
    own = {"type": "email_capture", "discount_code_id": None, "consent_text": "Write to me about plants."}
    popup = stored(shop, popup_id)
    assert [variant["offer"] for variant in popup["variants"]] == [{}, own]
    assert (popup["offer"]["type"], popup["offer"]["discount_code_id"]) == ("discount", code_id)
    while (back := offer.get_by_role("button", name="as in the popup again")).count():
        back.first.click()
    expect(offer.get_by_label("What it offers")).to_have_value("discount")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved as version 3")).to_be_visible()
    assert [variant["offer"] for variant in stored(shop, popup_id)["variants"]] == [{}, {}]


def test_a_key_that_may_only_read_sees_everything_and_changes_nothing(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup()
    sign_in(merchant.visit(f"#/popups/{popup_id}"), shop.id, merchant.new_key("read"))
    page = merchant.page
    expect(preview(page).get_by_text("Before you go")).to_be_visible()
    expect(page.get_by_label("Heading")).to_be_disabled()
    expect(page.get_by_role("button", name="Save to the shop…")).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_role("button", name="Save to the shop…")).to_have_attribute(
        "title", "This key may only read. Sign in with a key that may write to change things."
    )


def test_the_builder_asks_at_most_four_calls(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup()
    page = merchant.open()
    merchant.site.calls.clear()
    page.goto(f"{merchant.site.console}#/popups/{popup_id}")
    page.reload()
    expect(preview(page).get_by_text("Before you go")).to_be_visible()
    merchant.site.calls.clear()
    page.reload()
    expect(preview(page).get_by_text("Before you go")).to_be_visible()
    assert merchant.site.calls.total() <= 4


def test_a_popup_that_is_not_there_says_so(merchant: Merchant) -> None:
    page = merchant.open(f"#/popups/{uuid.uuid4()}")
    expect(page.get_by_role("alert")).to_contain_text("It is not there any more")


def test_axe_finds_nothing_and_nothing_is_cut_off(new_merchant: Callable[..., Merchant], shop: Shop) -> None:
    popup_id = shop.add_popup(status="paused", name="Herbstschlussverkaufsbenachrichtigungseinblendung", offer=EMAIL)
    page = new_merchant().open(f"#/popups/{popup_id}")
    expect(page.locator(".section")).to_have_count(8)
    for index in range(1, 8):
        page.locator(".section > summary").nth(index).click()
    expect(preview(page).get_by_text("Before you go")).to_be_visible()
    assert faults(page) == []


def test_axe_finds_nothing_at_the_templates(merchant: Merchant) -> None:
    page = merchant.open("#/popups/new")
    expect(page.get_by_role("link", name="Cart saver")).to_be_visible()
    assert violations(page) == []
