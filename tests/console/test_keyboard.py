"""Without a mouse, and with letters twice as large."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.support.shopper import Shop
from tests.console.conftest import PHONE, Merchant
from tests.console.test_builder import open_section
from tests.support.stack import eventually

PLACES = ["#/", "#/popups/new", "#/why?url=/", "#/codes", "#/subscribers", "#/orders", "#/shop", "#/keys", "#/start"]
TABS = ["", "/results", "/experiment", "/history"]


def test_a_colour_is_typed_and_pasted_without_a_mouse(new_merchant: Callable[..., Merchant], shop: Shop) -> None:
    merchant = new_merchant(permissions=["clipboard-read", "clipboard-write"])
    page = merchant.open(f"#/popups/{shop.add_popup(status='paused')}")
    open_section(page, "Look")
    page.get_by_label("Background colour", exact=True).focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("#0a0b0c")
    expect(page.get_by_label("Background colour, chosen from a palette")).to_have_value("#0a0b0c")
    page.evaluate("navigator.clipboard.writeText('#fefefe')")
    page.get_by_label("Text colour", exact=True).focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+v")
    expect(page.get_by_label("Text colour, chosen from a palette")).to_have_value("#fefefe")
    page.keyboard.press("Control+a")
    page.keyboard.type("fefefe")
    expect(page.get_by_text("A colour such as #4f46e5.")).to_be_visible()


def test_a_new_page_is_heard_of_by_its_heading_and_a_dialog_holds_the_focus(merchant: Merchant) -> None:
    page = merchant.open()
    page.get_by_role("navigation", name="Console").get_by_role("link", name="API keys").press("Enter")
    expect(page.get_by_role("heading", name="API keys", level=1)).to_be_focused()
    page.get_by_role("button", name="New key").press("Enter")
    dialog = page.get_by_role("dialog", name="New key")
    expect(dialog).to_be_visible()
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="New key")).to_be_focused()


def test_the_first_key_leads_past_the_navigation(merchant: Merchant) -> None:
    page = merchant.open("#/shop")
    expect(page.get_by_label("Name", exact=True)).to_be_visible()
    page.get_by_role("link", name="To the content").press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('main')")


def cut_off(page: Page) -> list[str]:
    """Return the HTML of elements beyond the right edge, but for those in a part that scrolls by itself."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('main *')].filter((each) => !each.closest('.scroll, .copy, .sr, .device')"
        " && each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML.slice(0, 120))"
    )
    return found


def test_nothing_is_cut_off_on_a_phone_with_letters_twice_as_large(
    new_merchant: Callable[..., Merchant], shop: Shop
) -> None:
    popup_id = shop.add_popup(name="Herbstschlussverkaufsbenachrichtigungseinblendung")
    shop.add_discount_code("HERBSTSCHLUSSVERKAUFSRABATTCODE")
    page = new_merchant(viewport=PHONE).open()
    for place in [*PLACES, *(f"#/popups/{popup_id}{tab}" for tab in TABS)]:
        page.evaluate("(place) => { location.hash = place }", place)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_text("Loading…")).to_have_count(0)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        with contextlib.suppress(AssertionError):  # A picture is drawn anew once its width is known.
            eventually(lambda: cut_off(page) == [])
        assert cut_off(page) == [], place
