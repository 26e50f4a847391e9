"""Pages that are not ours: strict policies, strange style sheets, broken built-ins, and markup in a merchant's text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.support.built import DIALOG
from tests.browser.support.shopper import DESKTOP, SETTLED, Shop, Shopper, leave_until_shown

MARKUP = '<img src=x onerror="window.hacked=1"><b>bold</b><script>window.hacked=1</script>&amp;'


def test_markup_in_every_text_is_shown_as_text(shop: Shop, shopper: Shopper) -> None:
    design = {"heading": f"H{MARKUP}", "subheading": f"S{MARKUP}", "button_text": f"B{MARKUP[:90]}"}
    shop.add_popup(design=design, offer={"type": "email_capture", "consent_text": f"C{MARKUP}"})
    shopper.visit()
    shopper.leave()
    dialog = shopper.dialog
    dialog.wait_for()
    for text in (*design.values(), f"C{MARKUP}"):
        expect(dialog.get_by_text(text, exact=True)).to_be_visible()
    expect(dialog.locator("img, b, script")).to_have_count(0)
    assert shopper.page.evaluate("window.hacked") is None


HOSTILE_DESIGNS: list[dict[str, Any]] = [
    {"background_color": "url(https://evil.example/x)", "text_color": "red;}*{display:none}", "button_color": None},
    {"image_url": "javascript:window.hacked=1"},
    {"image_url": "http://plain.example/x.png"},
    {"image_url": {}},
    {"width": "100%;position:static", "border_radius": -5, "padding": 1e9},
    {"width": None, "layout": 'left card" onclick="', "heading": 5},
]


def test_an_api_that_was_tricked_cannot_harm_the_shop(shopper: Shopper) -> None:
    requests: list[str] = []
    page = shopper.visit()
    page.on("request", lambda request: requests.append(request.url) if DIALOG.name not in request.url else None)
    for number, design in enumerate(HOSTILE_DESIGNS):
        heading = {"heading": f"Before you go {number}"}
        page.evaluate("design => exitIntent.preview({design})", {**heading, **design})
        shopper.dialog.get_by_role("heading", name=str({**heading, **design}["heading"])).wait_for()
        box = shopper.dialog.bounding_box()
        assert box
        assert 200 <= box["width"] <= 1200, design
        assert page.evaluate("window.hacked") is None, design
        assert requests == [], design


def test_a_strict_content_security_policy_is_enough(shop: Shop, shopper: Shopper) -> None:
    """The one that the storefront's README documents, and nothing more."""
    functions = " ".join(shop.functions.values())
    policy = (
        "default-src 'none'; script-src 'self'; img-src https://images.example; "
        f"connect-src {functions}; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    violations: list[str] = []
    shopper.page.on("console", lambda message: violations.append(message.text) if message.type == "error" else None)
    shopper.context.route("https://images.example/**", lambda route: route.fulfill(body="", content_type="image/png"))
    popup_id = shop.add_popup(offer={"type": "email_capture"}, design={"image_url": "https://images.example/a.png"})
    # The page has a style attribute of its own, which its policy forbids.
    shopper.visit(headers={"Content-Security-Policy": policy})
    violations.clear()
    shopper.leave()
    assert shopper.is_shown()
    box = shopper.dialog.bounding_box()
    assert box
    assert box["width"] == 500
    shopper.leave_email()
    assert shopper.is_shown("Thank you!")
    assert shopper.eventually(lambda: shop.stats(popup_id)["conversions"] == 1)
    assert violations == []


HOSTILE_CSS = """<style>
html { font-size: 5px !important }
* { all: unset }
* { display: none !important; visibility: hidden !important; opacity: 0 !important; transform: scale(0) !important }
dialog, button, input { color: transparent !important; font-size: 1px !important; position: static !important }
html, body, head, body > div { display: block !important }
</style>"""


def test_hostile_css_does_not_reach_the_popup(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup(offer={"type": "email_capture"})
    shopper.visit(head=HOSTILE_CSS, body="<div style='visibility: visible !important'></div>")
    shopper.leave()
    assert shopper.is_shown()
    style = """button => {
        const style = getComputedStyle(button);
        return [style.fontSize, style.minHeight, style.visibility, style.opacity, style.color];
    }"""
    button = shopper.dialog.get_by_role("button", name="Yes, please")
    assert button.evaluate(style) == ["16.8px", "52px", "visible", "1", "rgb(255, 255, 255)"]
    shopper.leave_email()
    assert shopper.is_shown("Thank you!")
    assert shopper.eventually(lambda: shop.stats(popup_id)["conversions"] == 1)


def test_the_popup_does_not_reach_the_page(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    page = shopper.visit()
    look = """JSON.stringify([...document.querySelectorAll("body *")].map(
        element => [getComputedStyle(element).font, getComputedStyle(element).margin]))"""
    before = page.evaluate(look)
    globals_before = page.evaluate("Object.keys(window).length")
    shopper.leave()
    assert shopper.is_shown()
    shopper.close()
    assert page.evaluate(look) == before
    assert page.evaluate("Object.keys(window).length") == globals_before


def test_the_shops_keyboard_shortcuts_do_not_take_what_is_typed(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(offer={"type": "email_capture"})
    shortcuts = """<script>addEventListener("keydown", event => {
        if (event.target.tagName !== "INPUT" && event.key === "s") event.preventDefault();
    })</script>"""
    shopper.visit(head=shortcuts)
    shopper.leave()
    assert shopper.is_shown()
    shopper.page.get_by_label("E-mail").press_sequentially("s@s.example")
    expect(shopper.page.get_by_label("E-mail")).to_have_value("s@s.example")


BROKEN_ARRAYS = """<script>
for (const name of ["map", "forEach", "filter", "push", "some", "every", "find", "indexOf", "includes", "join",
    "slice", "splice", "concat", "sort", "reduce", Symbol.iterator]) {
  Array.prototype[name] = function () { throw new Error(`the page broke Array.prototype.${String(name)}`) };
}
Array.prototype.toJSON = function () { return "an old library" };
Array.prototype.extra = function () {};
Object.prototype.polluted = "yes";
</script>"""


def test_broken_arrays_do_not_matter(shop: Shop, new_context: Callable[..., BrowserContext]) -> None:
    popup_id = shop.add_popup(
        offer={"type": "email_capture", "consent_text": "Write to me."},
        targeting={"include_pages": ["/*"], "utm": {"source": "letter"}},
        variants=[{"id": "a", "weight": 1}],
    )
    # Without Playwright's clock, which lives in the page and does not survive there.
    shopper = Shopper(new_context(**DESKTOP), shop, own_clock=False)
    page = shopper.open("/?utm_source=letter", head=BROKEN_ARRAYS)
    leave_until_shown(page)
    assert shopper.is_shown()
    shopper.dialog.get_by_role("checkbox").check()
    shopper.leave_email()
    assert shopper.is_shown("Thank you!")
    page.keyboard.press("Tab")
    shopper.close()
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 1)
    assert [view["variant_id"] for view in shopper.views()] == ["a"]
    assert shopper.eventually(lambda: stored_names(shopper) == [f"store-notes:{shop.id}"])


def stored_names(shopper: Shopper) -> list[str]:
    """Asked of the browser: the page's own arrays are broken."""
    (storage,) = shopper.context.storage_state()["origins"]
    return [item["name"] for item in storage["localStorage"]]


@pytest.mark.parametrize("note", ["", "{}", "5", "null", "[]", '{"seen":', '"text"'])
def test_notes_that_somebody_damaged_are_replaced(shop: Shop, shopper: Shopper, note: str) -> None:
    popup_id = shop.add_popup()
    damage = f"""for (const key of ["store-notes:{shop.id}", "store-notes:{shop.id}:1"])
        if (!window.name) localStorage.setItem(key, {note!r});
    window.name = "damaged";"""
    shopper.page.add_init_script(damage)
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()
    shopper.see()
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 1)
    assert shopper.eventually(lambda: list(shopper.notes()) == [f"store-notes:{shop.id}"])


@pytest.mark.parametrize("layout", ["flex; flex-direction: column; justify-content: space-between", "grid; gap: 40px"])
def test_the_popup_moves_nothing_however_the_body_is_laid_out(shop: Shop, shopper: Shopper, layout: str) -> None:
    shop.add_popup()
    page = shopper.visit(
        head=f"<style>body {{ display: {layout}; min-height: 100vh }}</style>", body="<footer>F</footer>"
    )
    before = page.locator("main").bounding_box()
    shopper.leave()
    assert shopper.is_shown()
    assert page.locator("main").bounding_box() == before


def test_a_shop_that_replaces_its_body_still_has_popups(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(design={"heading": "First"}, priority=2)
    shop.add_popup(design={"heading": "Second"})
    page = shopper.visit()
    shopper.leave()
    assert shopper.is_shown("First")
    page.evaluate("document.body = document.createElement('body'); history.pushState({}, '', '/second')")
    shopper.wait(SETTLED)
    shopper.leave()
    assert shopper.is_shown("Second")


def test_frames_are_no_trouble(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.visit(body="<iframe srcdoc='<p>Frame</p>'></iframe>")
    shopper.leave()
    assert shopper.is_shown()


def test_nothing_in_the_page_has_a_telling_name(shop: Shop, shopper: Shopper) -> None:
    """Content blockers hide what is called a popup, a modal or a newsletter."""
    shop.add_popup(offer={"type": "email_capture"})
    page = shopper.visit()
    before = page.evaluate("document.body.innerHTML.length")
    shopper.leave()
    assert shopper.is_shown()
    assert page.evaluate("document.body.innerHTML.length") - before == len("<div></div>")
    assert list(shopper.notes()) == [f"store-notes:{shop.id}"]
