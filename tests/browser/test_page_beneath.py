"""The page and the popup over it leave each other alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.support.shopper import DESKTOP, PHONE, Shop, Shopper
from tests.browser.test_accessibility import preview
from tests.support.stack import ROOT

SCRIPT = ROOT / "storefront/script"
TALL = '<p style="height: 3000px">Tall.</p>'
SCROLLED = "() => [scrollY, document.body.scrollTop, document.documentElement.scrollTop]"


def beside(shopper: Shopper) -> tuple[float, float]:
    return 20, 300


def test_a_press_beside_it_closes_it_without_the_browsers_help(shop: Shop, shopper: Shopper) -> None:
    """Safari has no closedby."""
    shop.add_popup()
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()
    assert shopper.dialog.get_attribute("closedby") is None
    shopper.page.mouse.click(20, 300)
    shopper.page.locator("dialog").wait_for(state="detached")


def test_a_finger_beside_it_closes_it(shopper: Shopper, shop: Shop, new_context: Callable[..., BrowserContext]) -> None:
    shopper = Shopper(new_context(**PHONE), shop)
    shopper.visit()
    preview(shopper, {})
    shopper.page.touchscreen.tap(200, 60)
    shopper.page.locator("dialog").wait_for(state="detached")


def test_marking_text_beyond_the_edge_does_not_close_it(shopper: Shopper) -> None:
    shopper.visit()
    preview(shopper, {"subheading": "A long sentence to mark."})
    box = shopper.dialog.get_by_text("A long sentence").bounding_box()
    assert box
    mouse = shopper.page.mouse
    for start, end in (((box["x"] + 90, box["y"] + 9), (20, 300)), ((20, 300), (box["x"] + 90, box["y"] + 9))):
        mouse.move(*start)
        mouse.down()
        mouse.move(*end)
        mouse.up()
        shopper.page.wait_for_timeout(100)
        expect(shopper.dialog).to_be_visible()


ROOTS = {
    "plain": "",
    "the root scrolls": "<style>html { overflow-y: scroll }</style>",
    "the body hides what is too wide": "<style>body { overflow-x: hidden }</style>",
    "both do": "<style>html, body { overflow-x: hidden }</style>",
    "nothing may be set": "<style>html, body { overflow: auto !important }</style>",
}


@pytest.mark.parametrize("head", ROOTS.values(), ids=list(ROOTS))
def test_the_page_does_not_scroll_under_it(shopper: Shopper, head: str) -> None:
    header = '<header id="bar" style="position: sticky; top: 0">Bar</header>'
    page = shopper.visit(head=head, body=header + TALL)
    page.evaluate("scrollTo(0, 400)")
    bar = "document.getElementById('bar').getBoundingClientRect().top"
    before, bar_before = page.evaluate(SCROLLED), page.evaluate(bar)
    preview(shopper, {"subheading": "Long. " * 200})
    for point in ((20, 300), (640, 400)):
        page.mouse.move(*point)
        for _ in range(3):
            page.mouse.wheel(0, 900)
    for key in ("PageDown", "End", "Space", "ArrowDown"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert page.evaluate(SCROLLED) == before
    assert page.evaluate(bar) == bar_before
    shopper.close()
    page.mouse.wheel(0, 300)
    page.wait_for_function(f"before => ({SCROLLED})().some((y, i) => y > before[i])", arg=before)


def test_the_page_scrolls_as_it_did_once_the_popup_is_gone(shopper: Shopper) -> None:
    page = shopper.visit(body="<script>document.body.style.overflow = 'clip'</script>" + TALL)
    styles = "[document.body, document.documentElement].map(element => element.style.cssText)"
    before = page.evaluate(styles)
    preview(shopper, {})
    assert page.evaluate(styles) != before
    shopper.close()
    assert page.evaluate(styles) == before


def test_a_page_that_replaces_its_body_scrolls_again(shopper: Shopper) -> None:
    page = shopper.visit(head="<style>html { overflow-y: auto }</style>", body=TALL)
    preview(shopper, {})
    overflow = "getComputedStyle(document.documentElement).overflowY"
    assert page.evaluate(overflow) == "hidden"
    page.evaluate("document.body = document.createElement('body')")
    page.wait_for_function(f"{overflow} === 'auto'")


def test_it_is_not_printed(shopper: Shopper) -> None:
    page = shopper.visit()
    preview(shopper, {})
    page.emulate_media(media="print")
    assert shopper.page.locator("dialog").bounding_box() is None
    page.emulate_media(media="screen")
    expect(shopper.dialog).to_be_visible()


LOOK = """() => {
    const root = document.querySelector("body > div:last-child").shadowRoot;
    return [...root.querySelectorAll("*")].map(element => {
        const style = getComputedStyle(element);
        return [...style].filter(name => !name.startsWith("--")).map(name => [name, style[name]].join());
    });
}"""


def names_in_use() -> set[str]:
    """Return the custom properties that the style sheets and the script read, and plain names like theirs."""
    text = "".join(path.read_text() for path in (*SCRIPT.rglob("*.js"), *SCRIPT.rglob("*.css")))
    plain = {"width", "radius", "padding", "border_radius", "text", "button", "background", "space", "on-button"}
    return set(re.findall(r"--[\w-]+", text)) - {"--store-font"} | {f"--{name}" for name in plain}


@pytest.mark.parametrize("registered", [False, True], ids=["set", "set and registered"])
def test_a_custom_property_of_the_pages_changes_nothing(
    shop: Shop, new_context: Callable[..., BrowserContext], registered: bool
) -> None:
    looks = []
    for names in (set(), names_in_use()):
        shopper = Shopper(new_context(**DESKTOP, reduced_motion="reduce"), shop)
        rules = "".join(f"{name}: 7px !important;" for name in names)
        types = "".join(
            f"@property {name} {{ syntax: '<color>'; inherits: false; initial-value: red }}"
            for name in names
            if registered and not name.startswith("--our-")
        )
        page = shopper.visit(head=f"<style>{types} :root, body, div {{ {rules} }}</style>")
        preview(shopper, {"subheading": "Ten percent off."})
        looks.append(page.evaluate(LOOK))
    assert looks[0] == looks[1]
