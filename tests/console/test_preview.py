"""The preview is the shop's own popup: pixel by pixel, for a draft, without any address, and it can change nothing."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import new_context
from tests.browser.support.shopper import Shop, Shopper, wait_until
from tests.console.conftest import Merchant
from tests.console.test_builder import EMAIL, preview, stored

__all__ = ["new_context"]

# Both stand in one place on one screen; the shop's typeface is what its page says, here that of the preview.
SCREEN: dict[str, Any] = {"viewport": {"width": 900, "height": 700}, "reduced_motion": "reduce"}
TYPEFACE = "<style>body { font: 16px / 1.5 system-ui, sans-serif }</style>"
SQUARE = {"border_radius": 0}  # Of round corners the page behind is seen.

LOOKS: dict[str, dict[str, Any]] = {
    "a message": {"design": SQUARE},
    "an offer for an address": {"design": {**SQUARE, "subheading": "Ten percent off."}, "offer": EMAIL},
    "dark and wide": {
        "design": {
            **SQUARE,
            "width": 640,
            "padding": 48,
            "background_color": "#111827",
            "text_color": "#f9fafb",
            "button_color": "#fbbf24",
        },
        "offer": EMAIL,
    },
    "German words": {
        "design": {**SQUARE, "heading": "Herbstschlussverkaufsbenachrichtigung", "subheading": "Nur noch heute. " * 12}
    },
}


# How far two pictures of one size are apart at most, of 255, in any pixel and colour; 255 where the sizes differ.
APART = """async (pictures) => {
    const [one, other] = await Promise.all(pictures.map(async (picture) => {
        const image = await createImageBitmap(await (await fetch(picture)).blob());
        const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, image.width, image.height);
    }));
    if (one.width !== other.width || one.height !== other.height) return 255;
    return one.data.reduce((most, value, index) => Math.max(most, Math.abs(value - other.data[index])), 0);
}"""
# Chromium smooths a slanted line as it happens to compose the page. A word that is moved by a pixel is 200 apart.
SMOOTHING = 20


def apart(browser: Browser, *pictures: bytes) -> int:
    page = browser.new_page()
    found = page.evaluate(APART, [f"data:image/png;base64,{base64.b64encode(each).decode()}" for each in pictures])
    page.close()
    return int(found)


def picture(page: Page) -> bytes:
    """Of the popup alone, without a focus ring: the preview takes no focus."""
    page.evaluate(
        "[...document.body.children].find((each) => each.shadowRoot).shadowRoot.querySelector('dialog').focus()"
    )
    page.evaluate("document.activeElement.shadowRoot?.activeElement?.blur()")
    box = page.locator("dialog").bounding_box()
    assert box is not None
    # Of a row that the popup covers in part the page behind is seen.
    left, top = math.ceil(box["x"]), math.ceil(box["y"])
    right, bottom = math.floor(box["x"] + box["width"]), math.floor(box["y"] + box["height"])
    whole = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return page.screenshot(animations="disabled", clip=whole)  # type: ignore[arg-type]


@pytest.mark.parametrize("look", LOOKS)
def test_the_preview_is_the_popup_of_the_shop_pixel_by_pixel(
    browser: Browser, door: str, shop: Shop, new_context: Callable[..., BrowserContext], look: str
) -> None:
    popup_id = shop.add_popup(**LOOKS[look])
    shopper = Shopper(new_context(**SCREEN), shop)
    shopper.visit(head=TYPEFACE)
    shopper.leave()
    shopper.dialog.wait_for()
    frame = new_context(**SCREEN).new_page()
    frame.goto(f"{door}/console/preview.html")
    drawing = {"kind": "draw", "state": "form", "isDark": False, "lang": "en", "dir": "ltr", "words": {}, "real": False}
    wait_until(frame, "!!window.exitIntent?.preview")
    frame.evaluate("(drawing) => postMessage(drawing, '*')", {**drawing, "popup": stored(shop, popup_id)})
    frame.locator("dialog").wait_for()
    assert apart(browser, picture(frame), picture(shopper.page)) <= SMOOTHING


def test_a_draft_is_seen_before_it_is_stored_and_without_a_network(merchant: Merchant) -> None:
    page = merchant.open("#/popups/new")
    page.get_by_role("link", name="Newsletter").click()
    expect(preview(page).get_by_role("heading")).to_be_visible()
    merchant.context.set_offline(True)
    page.get_by_label("Heading").fill("Seen by nobody else")
    expect(preview(page).get_by_text("Seen by nobody else")).to_be_visible()
    merchant.context.set_offline(False)


def test_a_click_in_the_preview_changes_nothing(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup(status="draft", offer=EMAIL)
    page = merchant.open(f"#/popups/{popup_id}")
    expect(preview(page).get_by_text("Before you go")).to_be_visible()
    page.get_by_text("Page and words around it").click()
    page.get_by_label("Try it: let it take clicks and the keyboard").check()
    merchant.site.calls.clear()
    preview(page).get_by_label("E-mail").fill("ada@example.com")
    preview(page).get_by_role("checkbox").check()
    preview(page).get_by_role("button", name="Yes, please").click()
    expect(preview(page).get_by_text("Thank you!")).to_be_visible()
    expect(page.get_by_label("Heading")).to_have_value("Before you go")
    assert merchant.site.calls.total() == 0
    assert shop.stats(popup_id)["views"] == 0
