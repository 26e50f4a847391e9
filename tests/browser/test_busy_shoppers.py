"""Who is typing, paying, choosing or reading something else is not interrupted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.support.shopper import Shop, Shopper

FIELDS = {
    "an input": "<input id=field>",
    "a text area": "<textarea id=field></textarea>",
    "editable text": "<p id=field contenteditable></p>",
    "a component's input": """<x-field id=host></x-field><script>
        document.getElementById("host").attachShadow({mode: "open"}).innerHTML = "<input id=field>";</script>""",
}
TRIGGERS: list[dict[str, Any]] = [
    {"type": "exit_intent"},
    {"type": "time_delay", "delay_seconds": 5},
    {"type": "inactivity", "delay_seconds": 5},
]


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_who_types_is_not_interrupted_by_any_trigger(shop: Shop, shopper: Shopper, field: str) -> None:
    for trigger in TRIGGERS:
        shop.add_popup(trigger=trigger)
    page = shopper.visit(body=field)
    typed = "4111 1111 1111"
    page.locator("#field").click()
    page.keyboard.type(typed)
    shopper.leave()
    shopper.wait(20)
    assert shopper.is_absent()
    assert list(shopper.reasons().values()) == ["the shopper is typing"] * len(TRIGGERS)
    page.keyboard.type(" 1111")
    held = page.locator("#field").evaluate("field => field.value ?? field.textContent")
    assert held == f"{typed} 1111"
    page.locator("#field").evaluate("field => field.blur()")
    shopper.wait(10)
    shopper.leave()
    assert shopper.is_shown()


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger["type"])
def test_who_has_typed_sees_it_afterwards(shop: Shop, shopper: Shopper, trigger: dict[str, Any]) -> None:
    shop.add_popup(trigger=trigger)
    page = shopper.visit(body="<input id=field>")
    page.locator("#field").click()
    page.keyboard.type("4111")
    shopper.leave()
    shopper.wait(20)
    assert shopper.is_absent()
    page.locator("#field").evaluate("field => field.blur()")
    shopper.wait(10)
    shopper.leave()
    assert shopper.is_shown()


def test_a_field_that_has_the_focus_and_nothing_in_it_hinders_nobody(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.visit(body="<input type=search autofocus>")
    shopper.leave()
    assert shopper.is_shown()


def test_what_was_typed_before_the_script_came_counts(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    page = shopper.visit(body="<input id=field>", head="<script>addEventListener('load', () => field.focus())</script>")
    page.evaluate("field.value = '4111'")  # no event that we could have heard
    shopper.leave()
    assert shopper.is_absent()


def test_who_is_in_a_frame_is_not_interrupted(shop: Shop, shopper: Shopper) -> None:
    """It may be a payment provider's, which tells us nothing."""
    shop.add_popup(trigger={"type": "time_delay", "delay_seconds": 5})
    page = shopper.visit(body="<iframe srcdoc='<input id=card>'></iframe>")
    page.frame_locator("iframe").locator("#card").click()
    shopper.wait(10)
    assert shopper.is_absent()
    page.locator("h1").click()
    shopper.wait(2)
    assert shopper.is_shown()


def test_a_popup_that_is_asked_for_comes_even_to_who_types(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "click", "selector": "#link"})
    page = shopper.visit(body="<input id=field>")
    page.locator("#field").click()
    page.keyboard.type("fern")
    page.evaluate("document.getElementById('link').click()")
    assert shopper.is_shown()


DRAWER = "position: fixed; inset: 0 0 0 50%"
OPEN = {
    "a drawer": f"<div aria-modal=true role=dialog style='{DRAWER}'>Cart</div>",
    "a drawer in a component": f"""<x-drawer></x-drawer><script>
        document.querySelector("x-drawer").attachShadow({{mode: "open"}}).innerHTML =
            "<x-inner></x-inner>";
        document.querySelector("x-drawer").shadowRoot.firstChild.attachShadow({{mode: "open"}}).innerHTML =
            "<div aria-modal=true style='{DRAWER}'>Cart</div>";</script>""",
    "a dialog in a component": """<x-drawer></x-drawer><script>
        document.querySelector("x-drawer").attachShadow({mode: "open"}).innerHTML = "<dialog>Cart</dialog>";
        document.querySelector("x-drawer").shadowRoot.firstChild.showModal();</script>""",
    "a popover": "<div popover id=menu>Menu</div><script>menu.showPopover()</script>",
}


@pytest.mark.parametrize("overlay", OPEN.values(), ids=OPEN)
def test_what_is_open_over_the_page_stays_open(shop: Shop, shopper: Shopper, overlay: str) -> None:
    for trigger in TRIGGERS[:2]:
        shop.add_popup(trigger=trigger)
    page = shopper.visit(body=overlay)
    shopper.leave()
    shopper.wait(10)
    assert shopper.is_absent()
    assert list(shopper.reasons().values()) == ["another dialog is open"] * 2
    assert page.evaluate("document.getElementById('menu')?.matches(':popover-open') ?? true")


CLOSED = {
    "beside the screen": f"<div aria-modal=true style='{DRAWER}; transform: translateX(100%)'>Cart</div>",
    "not displayed": f"<div aria-modal=true style='{DRAWER}; display: none'>Cart</div>",
    "hidden": f"<div style='visibility: hidden'><div aria-modal=true style='{DRAWER}'>Cart</div></div>",
    "no modal": f"<div aria-modal=false style='{DRAWER}'>Cart</div>",
    "a toast": "<div popover=manual id=toast>Saved</div><script>toast.showPopover()</script>",
    "a closed popover": "<div popover>Menu</div>",
}


@pytest.mark.parametrize("overlay", CLOSED.values(), ids=CLOSED)
def test_what_is_closed_hinders_nobody(shop: Shop, shopper: Shopper, overlay: str) -> None:
    shop.add_popup()
    shopper.visit(body=overlay)
    shopper.leave()
    assert shopper.is_shown()


COUNT_LOOKS = """<script>
    window.looks = 0;
    for (const name of ["querySelector", "querySelectorAll"]) {
        const real = Document.prototype[name];
        Document.prototype[name] = function (selector) { looks++; return real.call(this, selector); };
    }
</script>"""


@pytest.mark.parametrize(
    ("triggers", "most"),
    [
        ([{"type": "exit_intent"}, {"type": "click", "selector": "#offer"}], 0),
        ([{"type": "scroll_percentage", "scroll_percentage": 99}], 0),
        ([{"type": "scroll_percentage", "scroll_percentage": 10}], 3),
    ],
    ids=["nobody asks for scrolling", "not due", "due once"],
)
def test_scrolling_does_not_search_the_page(
    shop: Shop, shopper: Shopper, triggers: list[dict[str, Any]], most: int
) -> None:
    for trigger in triggers:
        shop.add_popup(trigger=trigger)
    page = shopper.visit(head=COUNT_LOOKS)
    page.evaluate("looks = 0")
    for top in range(100, 3000, 100):
        page.evaluate(
            "y => new Promise(done => { addEventListener('scroll', done, {once: true}); scrollTo(0, y); })", top
        )
    assert page.evaluate("looks") <= most


COUNT_SCROLL_LISTENERS = """
    window.scrollListeners = 0;
    const real = window.addEventListener;
    window.addEventListener = function (name, ...more) {
        scrollListeners += name === "scroll";
        return real.call(this, name, ...more);
    };
"""


@pytest.mark.parametrize(
    ("trigger", "before", "after"),
    [
        ({"type": "click", "selector": "#offer"}, 0, 0),
        ({"type": "time_delay", "delay_seconds": 60}, 0, 0),
        ({"type": "exit_intent"}, 0, 1),
        ({"type": "scroll_percentage", "scroll_percentage": 50}, 1, 1),
        ({"type": "inactivity", "delay_seconds": 60}, 1, 1),
    ],
    ids=lambda value: str(value["type"]) if isinstance(value, dict) else None,
)
def test_scrolling_is_listened_to_only_where_a_trigger_asks_and_for_exits_only_once_a_finger_has_come(
    shop: Shop, shopper: Shopper, trigger: dict[str, Any], before: int, after: int
) -> None:
    shop.add_popup(trigger=trigger)
    shopper.context.add_init_script(COUNT_SCROLL_LISTENERS)
    page = shopper.visit()
    assert page.evaluate("scrollListeners") == before
    for _ in range(2):
        page.evaluate("dispatchEvent(new Event('touchmove')), null")
    assert page.evaluate("scrollListeners") == after
