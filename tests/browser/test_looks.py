"""What a popup looks like: nothing is cut off or hidden, whatever the text, the language and the screen."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from tests.browser.contact_sheet import TEXTS
from tests.browser.support.shopper import DESKTOP, PHONE, Shop, Shopper

IMAGE = "https://images.example/plant.svg"
PICTURE = "<svg xmlns='http://www.w3.org/2000/svg' width='600' height='800'/>"
GERMAN = TEXTS["de"]
LONG: dict[str, Any] = {
    "id": "long",
    "design": {**GERMAN["long"], "image_url": IMAGE},
    "offer": {"type": "email_capture", "has_code": True, "consent_text": GERMAN["consent"]["long"]},
}
SHORT: dict[str, Any] = {"id": "short", "design": {"heading": "Before you go", "button_text": "Yes, please"}}
EMAIL = {"type": "email_capture", "consent_text": GERMAN["consent"]["long"]}

VIEWPORTS = {
    f"{width}x{height}": {"width": width, "height": height}
    for width, height in ((1280, 720), (390, 844), (320, 568), (844, 390))
}
LAYOUTS = ["centered", "left", "right"]
IS_HIT = """element => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const root = element.getRootNode();
    return [0.1, 0.5, 0.9].every(share => {
        const hit = root.elementFromPoint(left + width / 2, top + height * share);
        return top >= 0 && top + height <= innerHeight && element.contains(hit);
    });
}"""


@pytest.fixture
def visit(shop: Shop, new_context: Callable[..., BrowserContext]) -> Callable[..., Shopper]:
    """Return a function that takes options of a screen and returns a shopper on a page on which nothing moves."""

    def visit(screen: dict[str, Any] = DESKTOP, **page: Any) -> Shopper:
        shopper = Shopper(new_context(**screen, reduced_motion="reduce"), shop)
        shopper.context.route(IMAGE, lambda route: route.fulfill(body=PICTURE, content_type="image/svg+xml"))
        shopper.visit(**page)
        return shopper

    return visit


def preview(shopper: Shopper, popup: dict[str, Any], **design: Any) -> Locator:
    shown = {**popup, "design": {**popup["design"], **design}}
    shopper.page.evaluate("popup => exitIntent.preview(popup)", shown)
    heading = design.get("heading") or shown["design"]["heading"]
    shopper.dialog.get_by_role("heading", name=heading).wait_for()
    return shopper.dialog


def test_the_button_is_in_sight_however_long_the_text(visit: Callable[..., Shopper]) -> None:
    shopper = visit()
    for size, layout in itertools.product(VIEWPORTS, LAYOUTS):
        shopper.page.set_viewport_size(VIEWPORTS[size])  # type: ignore[arg-type]
        dialog = preview(shopper, LONG, layout=layout)
        for name in (GERMAN["long"]["button_text"], "No, thanks", "Close"):
            assert dialog.get_by_role("button", name=name).evaluate(IS_HIT), (size, layout, name)
        field = dialog.get_by_role("textbox")
        field.focus()
        assert field.evaluate(IS_HIT), (size, layout)
        dialog.get_by_role("checkbox").scroll_into_view_if_needed()
        assert dialog.get_by_role("checkbox").evaluate(IS_HIT), (size, layout)


def test_the_image_gives_way_before_the_text_does(visit: Callable[..., Shopper]) -> None:
    shopper = visit()
    preview(shopper, LONG, subheading="Ten percent.")
    image = shopper.page.locator("img")
    heights = []
    for height in (900, 760, 660, 560):
        shopper.page.set_viewport_size({"width": 1280, "height": height})
        box = image.bounding_box()
        heights.append(box["height"] if box else 0)
        hidden = "text => text.scrollHeight - text.clientHeight"
        assert not heights[-1] or shopper.page.locator(".text").evaluate(hidden) == 0
    assert heights == sorted(heights, reverse=True)
    assert heights[0] >= 200
    assert heights[-1] == 0


def test_a_broken_image_leaves_nothing(visit: Callable[..., Shopper]) -> None:
    shopper = visit()
    broken = "https://images.example/broken.png"
    shopper.context.route(broken, lambda route: route.fulfill(status=404))
    for layout in LAYOUTS:
        dialog = preview(shopper, SHORT, layout=layout, image_url=broken)
        dialog.locator("img").wait_for(state="detached")
        with_image_broken = dialog.bounding_box()
        dialog = preview(shopper, SHORT, layout=layout)
        without_image = dialog.bounding_box()
        assert with_image_broken == without_image


CODES = ["SAVE10", "FERN-WELCOME-2027", "SOMMERSCHLUSSVERKAUF2027", "夏のセール2027", "X" * 64]


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_in_one_line(shop: Shop, visit: Callable[..., Shopper], code: str) -> None:
    code_id = shop.add_discount_code(code)
    shop.add_popup(
        trigger={"type": "click", "selector": "#offer"}, offer={"type": "discount", "discount_code_id": code_id}
    )
    shopper = visit({**DESKTOP, "viewport": {"width": 320, "height": 568}})
    shopper.page.get_by_role("button", name="Offer").click()
    shopper.dialog.get_by_role("button", name="Yes, please").click()
    shown = shopper.dialog.get_by_text(code, exact=True)
    shown.wait_for()
    lines = """code => {
        const range = document.createRange();
        range.selectNodeContents(code);
        return new Set([...range.getClientRects()].map(({ top }) => top)).size;
    }"""
    assert shown.evaluate(lines) == 1
    if len(code) < 25:
        assert shown.evaluate("code => code.scrollWidth - code.clientWidth") <= 0
    assert shopper.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_code_and_an_address_are_read_from_their_own_beginning(visit: Callable[..., Shopper]) -> None:
    shopper = visit(body="<script>document.documentElement.dir = 'rtl'</script>")
    direction = "element => getComputedStyle(element).direction"
    field = preview(shopper, {**SHORT, "offer": {"type": "email_capture", "has_code": True}}).get_by_role("textbox")
    assert field.evaluate(direction) == "ltr"
    field.fill("ada@example.com")
    shopper.dialog.get_by_role("button", name="Yes, please").click()
    assert shopper.dialog.get_by_text("PREVIEW").evaluate(direction) == "ltr"


@pytest.mark.parametrize("said", ["de", "de_AT"])
def test_words_are_parted_as_the_pages_language_does(visit: Callable[..., Shopper], said: str) -> None:
    """A style sheet that resets everything would have Chromium forget the language."""
    shopper = visit(body=f"<script>document.documentElement.lang = '{said}'</script>")
    dialog = preview(shopper, LONG)
    assert dialog.get_attribute("lang") == said.replace("_", "-")
    styles = "element => [getComputedStyle(element).hyphens, getComputedStyle(element).textWrap]"
    assert dialog.get_by_role("heading").evaluate(styles) == ["auto", "balance"]
    assert dialog.get_by_text(LONG["design"]["subheading"]).evaluate(styles)[0] == "auto"


def test_the_checkbox_is_at_the_first_line_of_its_text(visit: Callable[..., Shopper]) -> None:
    for screen in (DESKTOP, PHONE):
        shopper = visit(screen)
        dialog = preview(shopper, {**SHORT, "offer": EMAIL})
        first_line = """label => {
            const { top, height } = label.querySelector("span").getClientRects()[0];
            const line = parseFloat(getComputedStyle(label).lineHeight);
            const box = label.querySelector("input").getBoundingClientRect();
            return Math.abs(box.top + box.height / 2 - (top + line / 2));
        }"""
        assert dialog.locator("label.agree").evaluate(first_line) < 2


def test_everything_to_touch_has_44_pixels(shop: Shop, visit: Callable[..., Shopper]) -> None:
    shopper = visit(PHONE, body='<a href="/cart">Cart</a>')
    small = """dialog => [...dialog.querySelectorAll("button, a, input:not([type=checkbox]), .agree")]
        .map(element => [element.textContent || element.ariaLabel || element.type, element.getBoundingClientRect()])
        .filter(([, { width, height }]) => width < 44 || height < 44).map(([name]) => name)"""
    dialog = preview(shopper, {**SHORT, "offer": {**EMAIL, "has_code": True, "consent_text": "Write to me."}})
    assert dialog.evaluate(small) == []
    dialog.get_by_role("checkbox").check()
    shopper.leave_email()
    assert shopper.is_shown("Thank you!")
    expect(dialog.get_by_role("link")).to_be_visible()
    assert dialog.evaluate(small) == []


def test_on_a_phone_it_is_a_sheet_at_the_lower_edge(visit: Callable[..., Shopper]) -> None:
    shopper = visit(PHONE)
    box = preview(shopper, SHORT, width=300).bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, 390)
    assert box["y"] + box["height"] == pytest.approx(844, abs=0.5)


THANK_YOUS: list[tuple[str, dict[str, Any]]] = [
    ("1280x720", {"image_url": None}),
    ("844x390", {"image_url": None}),
    ("844x390", {"layout": "left"}),
]


def test_a_thank_you_is_no_larger_than_what_is_in_it(visit: Callable[..., Shopper]) -> None:
    shopper = visit()
    for size, design in THANK_YOUS:
        shopper.page.set_viewport_size(VIEWPORTS[size])  # type: ignore[arg-type]
        dialog = preview(shopper, {**LONG, "offer": {"type": "email_capture"}}, **design)
        dialog.get_by_role("textbox").fill("ada@example.com")
        dialog.get_by_role("button", name=GERMAN["long"]["button_text"]).click()
        assert shopper.is_shown("Thank you!")
        empty = """text => {
            const last = text.lastElementChild.getBoundingClientRect();
            const { bottom } = text.getBoundingClientRect();
            return bottom - last.bottom;
        }"""
        assert dialog.locator(".text").evaluate(empty) < 48, (size, design)


def test_a_short_heading_is_larger_than_a_long_one(visit: Callable[..., Shopper]) -> None:
    shopper = visit()
    size = "heading => parseFloat(getComputedStyle(heading).fontSize)"
    headings = ("Ten percent off", "Ten percent off your first plant", LONG["design"]["heading"])
    sizes = [preview(shopper, SHORT, heading=text).get_by_role("heading").evaluate(size) for text in headings]
    assert sizes == sorted(set(sizes), reverse=True)
