"""Devices that do not say what they are: what the shopper does first decides, but not on a small screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.support.shopper import DESKTOP, PHONE, Shop, Shopper

# Chromium says of it: no hover, a coarse pointer.
TOUCH_SCREEN: dict[str, Any] = {**DESKTOP, "screen": {"width": 1280, "height": 800}, "has_touch": True}
CLAIMS_A_MOUSE = """
    const real = window.matchMedia;
    window.matchMedia = query => query.includes("hover") ? {matches: true} : real.call(window, query);
"""

New = Callable[..., BrowserContext]


def device_of(shopper: Shopper) -> str:
    shopper.see()
    return str(shopper.views()[-1]["device_type"])


def test_a_mouse_on_a_touch_screen_leaves_as_every_mouse_does(shop: Shop, new_context: New) -> None:
    shop.add_popup()
    shopper = Shopper(new_context(**TOUCH_SCREEN), shop)
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()
    assert device_of(shopper) == "desktop"


def test_a_finger_on_a_large_screen_is_a_tablets(shop: Shop, new_context: New) -> None:
    shop.add_popup(trigger={"type": "click", "selector": "#offer"})
    shopper = Shopper(new_context(**TOUCH_SCREEN), shop)
    shopper.visit().locator("#offer").tap()
    assert shopper.is_shown()
    assert device_of(shopper) == "tablet"


def test_a_phone_that_claims_a_mouse_is_a_phone(shop: Shop, new_context: New) -> None:
    """Some with a pen do."""
    shop.add_popup(trigger={"type": "click", "selector": "#offer"})
    shopper = Shopper(new_context(**PHONE), shop)
    shopper.context.add_init_script(CLAIMS_A_MOUSE)
    shopper.visit().locator("#offer").tap()
    assert shopper.is_shown()
    assert device_of(shopper) == "mobile"


@pytest.mark.parametrize(("hand", "shows"), [("finger", True), ("mouse", False)])
def test_coming_back_to_the_tab_is_an_exit_of_fingers_only(
    shop: Shop, new_context: New, hand: str, *, shows: bool
) -> None:
    shop.add_popup()
    shopper = Shopper(new_context(**TOUCH_SCREEN), shop)
    page = shopper.visit()
    if hand == "finger":
        page.touchscreen.tap(600, 300)
    else:
        page.mouse.click(600, 300)
    shopper.wait(2)
    for hidden in (True, False):
        page.evaluate(
            """hidden => {
                Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            hidden,
        )
        page.clock.fast_forward(8000)
    assert shopper.is_shown() if shows else shopper.is_absent()
