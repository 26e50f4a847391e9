"""The popup is a dialog for everyone: keyboard, screen reader, small screens, little motion."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.support.axe import violations
from tests.browser.support.shopper import DESKTOP, PHONE, Shop, Shopper
from tests.support.stack import eventually

EMAIL = {"type": "email_capture", "consent_text": "Write to me about plants."}
LAYOUTS = ("centered", "left", "right")
IMAGE = "https://images.example/plant.png"
PICTURE = "<svg xmlns='http://www.w3.org/2000/svg' width='600' height='800'/>"
FOCUSED = """() => {
    let element = document.activeElement;
    while (element.shadowRoot) element = element.shadowRoot.activeElement;
    if (element.tagName === "BUTTON") return element.ariaLabel || element.textContent;
    return element.type || element.tagName.toLowerCase();
}"""


def show(shopper: Shopper) -> None:
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()


def preview(shopper: Shopper, design: dict[str, Any], offer: dict[str, Any] = EMAIL) -> None:
    popup = {
        "id": "draft",
        "design": {"heading": "Before you go", "button_text": "Yes, please", **design},
        "offer": {"has_code": True, **offer},
    }
    shopper.page.evaluate("popup => exitIntent.preview(popup)", popup)
    assert shopper.is_shown()


def faults(shopper: Shopper) -> list[str]:
    # Half transparent it has another contrast. The document does not list what moves in a shadow root: the dialog does.
    shopper.dialog.evaluate("dialog => Promise.all(dialog.getAnimations().map((one) => one.finished))")
    shopper.page.clock.resume()  # axe waits for timers
    return violations(shopper.page)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(shop: Shop, new_context: Callable[..., BrowserContext], size: dict[str, Any]) -> None:
    shopper = Shopper(new_context(**size), shop)
    shopper.context.route(IMAGE, lambda route: route.fulfill(body="", content_type="image/png"))
    shopper.visit()
    for layout in LAYOUTS:
        for image in (None, IMAGE):
            preview(shopper, {"layout": layout, "subheading": "Ten percent off.", "image_url": image})
            assert faults(shopper) == [], (layout, image)
        shopper.dialog.get_by_role("checkbox").check()
        shopper.leave_email()
        assert shopper.is_shown("Thank you!")
        assert faults(shopper) == [], (layout, "Thank you!")


def test_the_dialog_has_a_name_whatever_the_merchant_left_out(shopper: Shopper) -> None:
    page = shopper.visit()
    page.evaluate("exitIntent.preview({design: {subheading: 'Ten percent off.'}})")
    page.get_by_role("dialog", name="Ten percent off.").wait_for()
    page.evaluate("exitIntent.preview({})")
    page.get_by_role("dialog", name="Continue").wait_for()


def test_focus_moves_in_stays_in_and_returns(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(offer=EMAIL)
    page = shopper.visit()
    page.focus("#offer")
    shopper.leave()
    assert shopper.is_shown()
    assert page.evaluate(FOCUSED) == "dialog"
    forward = []
    for _ in range(6):
        page.keyboard.press("Tab")
        forward.append(page.evaluate(FOCUSED))
    assert forward == ["Close", "email", "checkbox", "Yes, please", "No, thanks", "Close"]
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUSED) == "No, thanks"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUSED) == "Yes, please"
    shopper.close()
    assert page.evaluate("document.activeElement.id") == "offer"


def test_the_main_buttons_focus_is_seen_against_the_card(shopper: Shopper) -> None:
    shopper.visit()
    preview(shopper, {"text_color": "#112233"})
    for _ in range(4):
        shopper.page.keyboard.press("Tab")
    style = "element => getComputedStyle(element).outlineColor"
    assert shopper.dialog.get_by_role("button", name="Yes, please").evaluate(style) == "rgb(17, 34, 51)"


def test_typing_elsewhere_does_not_end_up_in_the_popup(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(offer=EMAIL)
    show(shopper)
    shopper.page.keyboard.type("shoes")
    expect(shopper.page.get_by_label("E-mail")).to_have_value("")


def test_the_keyboard_alone_gets_the_code(shop: Shop, shopper: Shopper) -> None:
    code_id = shop.add_discount_code("FERN10")
    shop.add_popup(offer={**EMAIL, "discount_code_id": code_id})
    show(shopper)
    keyboard = shopper.page.keyboard
    for key in ("Tab", "Tab"):
        keyboard.press(key)
    keyboard.type("ada@example.com")
    for key in ("Tab", "Space", "Enter"):
        keyboard.press(key)
    assert shopper.is_shown("Thank you!")
    assert shopper.page.evaluate(FOCUSED) == "h2"
    shopper.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for key in ("Tab", "Enter"):
        keyboard.press(key)
    shopper.dialog.get_by_role("button", name="Copied").wait_for()
    read = "navigator.clipboard.readText().catch(String)"
    assert shopper.eventually(lambda: shopper.page.evaluate(read) == "FERN10")


def test_a_missing_consent_or_a_mistyped_address_is_not_sent(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(offer=EMAIL)
    show(shopper)
    shopper.leave_email("ada@example.com")
    shopper.dialog.get_by_role("checkbox").check()
    shopper.leave_email("ada.example.com")
    shopper.page.wait_for_timeout(200)
    assert shopper.conversions() == []
    shopper.leave_email("ada@example.com")
    assert shopper.is_shown("Thank you!")
    (conversion,) = shopper.conversions()
    assert (conversion["consent"], conversion["consent_text"]) == (True, EMAIL["consent_text"])


def test_an_error_is_announced_and_the_button_works_again(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(offer={"type": "email_capture"})
    show(shopper)
    shopper.leave_email("ada@example")
    shopper.dialog.get_by_role("alert").filter(has_text="valid").wait_for()
    expect(shopper.page.get_by_label("E-mail")).to_have_value("ada@example")
    shopper.leave_email("ada@example.com")
    assert shopper.is_shown("Thank you!")


def test_a_press_beside_the_popup_closes_it(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    show(shopper)
    shopper.page.mouse.click(20, 700)
    shopper.page.locator("dialog").wait_for(state="detached")


SMALL = {"320 px wide": {"width": 320, "height": 480}, "1280 px at 200 %": {"width": 640, "height": 400}}


@pytest.mark.parametrize("size", SMALL)
def test_small_screens_reach_everything(shop: Shop, new_context: Callable[..., BrowserContext], size: str) -> None:
    shopper = Shopper(new_context(**{**DESKTOP, "viewport": SMALL[size]}, reduced_motion="reduce"), shop)
    shopper.context.route(IMAGE, lambda route: route.fulfill(body="", content_type="image/png"))
    shopper.visit()
    for layout in LAYOUTS:
        preview(shopper, {"layout": layout, "image_url": IMAGE, "subheading": "Long words. " * 30, "width": 900})
        assert shopper.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), layout
        box = shopper.dialog.bounding_box()
        assert box
        assert box["x"] >= 0, layout
        assert box["x"] + box["width"] <= SMALL[size]["width"], layout
        assert box["y"] + box["height"] <= SMALL[size]["height"], layout
        shopper.dialog.get_by_role("checkbox").check()
        shopper.leave_email()
        assert shopper.is_shown("Thank you!"), layout
        shopper.dialog.get_by_role("button", name="Close").click()
        assert shopper.is_absent("Thank you!"), layout


@pytest.mark.parametrize(("motion", "name"), [("reduce", "none"), ("no-preference", "rise")])
def test_motion_only_for_those_who_like_it(
    shop: Shop, new_context: Callable[..., BrowserContext], motion: str, name: str
) -> None:
    shopper = Shopper(new_context(**DESKTOP, reduced_motion=motion), shop)
    shopper.visit()
    preview(shopper, {})
    assert shopper.dialog.evaluate("dialog => getComputedStyle(dialog).animationName") == name


CONTRASTS = [
    ({"text_color": "#777777", "background_color": "#ffffff"}, True),
    ({"text_color": "#767676", "background_color": "#ffffff"}, False),
    ({"text_color": "#fff", "background_color": "#000"}, False),
    ({"text_color": "#fe0", "background_color": "#fff"}, True),
]


def test_a_hard_to_read_design_is_told_in_the_console(shopper: Shopper) -> None:
    warnings: list[str] = []
    shopper.page.on("console", lambda message: warnings.append(message.text))
    shopper.visit()
    for design, warns in CONTRASTS:
        warnings.clear()
        preview(shopper, design)
        assert any("a contrast below 4.5:1" in warning for warning in warnings) is warns, design


BUTTONS = ["#ffffff", "#000000", "#4f46e5", "#b45309", "#bbf7d0", "#777777", "#7f7f7f"]


def test_the_button_is_always_legible(shopper: Shopper) -> None:
    shopper.visit()
    for button in BUTTONS:
        preview(shopper, {"button_color": button})
        channels = shopper.dialog.get_by_role("button", name="Yes, please").evaluate(
            r"""button => ["color", "backgroundColor"].map(
                name => getComputedStyle(button)[name].match(/\d+/g).slice(0, 3))"""
        )
        text, background = (luminance([int(channel) for channel in color]) for color in channels)
        assert (max(text, background) + 0.05) / (min(text, background) + 0.05) >= 4.5, button


def luminance(channels: list[int]) -> float:
    """WCAG 2.2's relative luminance."""
    shares = [channel / 255 for channel in channels]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_close_button_is_at_the_end_of_the_line_in_either_direction(shopper: Shopper) -> None:
    for direction in ("ltr", "rtl"):
        shopper.visit(body=f"<script>document.documentElement.dir = '{direction}'</script>")
        preview(shopper, {})
        dialog = shopper.dialog.bounding_box()
        button = shopper.dialog.get_by_role("button", name="Close").bounding_box()
        assert dialog
        assert button
        is_right = button["x"] > dialog["x"] + dialog["width"] / 2
        assert is_right is (direction == "ltr")
        assert shopper.dialog.evaluate("dialog => getComputedStyle(dialog).direction") == direction


EDGES = [("dialog", "outline"), (".main", "border-top"), (".close", "border-top"), ("input[type=email]", "border-top")]


def test_everything_has_an_edge_where_the_system_chooses_the_colours(
    new_context: Callable[..., BrowserContext], shop: Shop
) -> None:
    shopper = Shopper(new_context(**DESKTOP, forced_colors="active"), shop)
    shopper.visit()
    preview(shopper, {})
    style = "(element, edge) => ['width', 'color'].map(name => getComputedStyle(element)[`${edge}-${name}`])"
    for part, edge in EDGES:
        width, color = shopper.page.locator(part).evaluate(style, edge)
        assert width == "1px", part
        assert color != "rgba(0, 0, 0, 0)", part


def close_is_beside_the_heading(shopper: Shopper) -> bool:
    button = shopper.dialog.get_by_role("button", name="Close").bounding_box()
    heading = shopper.dialog.get_by_role("heading").bounding_box()
    assert button
    assert heading
    return button["y"] + button["height"] <= heading["y"] or heading["x"] + heading["width"] <= button["x"]


def test_the_close_button_covers_no_word(shop: Shop, new_context: Callable[..., BrowserContext]) -> None:
    for size in (DESKTOP, PHONE):
        shopper = Shopper(new_context(**size, reduced_motion="reduce"), shop)
        shopper.context.route(IMAGE, lambda route: route.fulfill(body=PICTURE, content_type="image/svg+xml"))
        shopper.visit()
        for layout in LAYOUTS:
            for image in (None, IMAGE):
                design = {"layout": layout, "image_url": image, "padding": 10, "heading": "Before you go " * 9}
                preview(shopper, {**design, "subheading": "Ten percent off everything that is green. " * 9})
                if image:
                    shopper.dialog.locator("img").evaluate("image => image.decode()")
                eventually(partial(close_is_beside_the_heading, shopper))  # once it is laid out, with its image


def test_a_wide_padding_leaves_room_for_words_on_a_small_screen(
    shop: Shop, new_context: Callable[..., BrowserContext]
) -> None:
    shopper = Shopper(new_context(**{**DESKTOP, "viewport": SMALL["320 px wide"]}), shop)
    shopper.visit()
    preview(shopper, {"padding": 100})
    heading = shopper.dialog.get_by_role("heading").bounding_box()
    assert heading
    assert heading["width"] >= 200


def test_the_image_fills_its_frame(shopper: Shopper) -> None:
    pixel = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
    shopper.context.route(IMAGE, lambda route: route.fulfill(body=pixel, content_type="image/svg+xml"))
    shopper.visit()
    for layout in ("centered", "left", "right"):
        preview(shopper, {"image_url": IMAGE, "layout": layout})
        left_out = """frame => {
            const [inside, outside] = [frame.firstChild, frame].map(element => element.getBoundingClientRect());
            return ["x", "y", "width", "height"].filter(name => Math.abs(inside[name] - outside[name]) > 0.1);
        }"""
        assert shopper.page.locator(".art").evaluate(left_out) == []
