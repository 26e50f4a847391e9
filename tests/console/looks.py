"""A page in every look: it is loaded once, since only its style sheet knows of them."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.browser.support.axe import violations
from tests.browser.support.shopper import wait_until

SCREEN = {"width": 1280, "height": 800}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"forced_colors": "active"},
    "phone": {"screen": {"width": 390, "height": 844}},
    "320 px": {"screen": {"width": 320, "height": 640}},
    "200 %": {"screen": {"width": 640, "height": 800}},
}
_BEYOND = """(all) => all.filter((each) => each.getBoundingClientRect().right > innerWidth)
    .map((each) => `beyond the edge: ${each.outerHTML}`)"""


def faults(page: Page, *, held: str = "") -> list[str]:
    """Return what axe finds and what is cut off, by look; `held` selects elements that must fit into the window."""
    found: list[str] = []
    for look, options in LOOKS.items():
        show(page, **options)
        told = violations(page)
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            told.append("the page is wider than the window")
        if held:
            told += page.eval_on_selector_all(held, _BEYOND)
        found += [f"{look}: {each}" for each in told]
    show(page)
    return found


def show(page: Page, screen: dict[str, int] = SCREEN, color_scheme: str = "light", forced_colors: str = "none") -> None:
    """In one look. Nothing moves on the way to it."""
    page.emulate_media(color_scheme=color_scheme, forced_colors=forced_colors, reduced_motion="reduce")  # type: ignore[arg-type]
    page.set_viewport_size(screen)  # type: ignore[arg-type]
    wait_until(page, "width => innerWidth === width", screen["width"])
