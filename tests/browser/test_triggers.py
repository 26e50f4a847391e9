"""When a popup shows, and when it must not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.support.shopper import ORIGIN, PHONE, SETTLED, Shop, Shopper, wait_until


def test_leaving_through_the_top_shows_the_popup(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()


def test_nothing_shows_in_the_first_second(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.open()
    shopper.leave()
    assert shopper.is_absent()


def test_leaving_elsewhere_is_no_exit(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    page = shopper.visit()
    for side, (x, y) in {"left": (-10, 400), "right": (1290, 400), "bottom": (640, 810)}.items():
        page.mouse.move(640, 400)
        page.mouse.move(x, y)
        assert shopper.is_absent(), side


def test_leaving_with_a_button_pressed_is_no_exit(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    page = shopper.visit()
    page.mouse.move(640, 400)
    page.mouse.down()
    shopper.wait(SETTLED)
    page.mouse.move(640, -10)
    assert shopper.is_absent()


def test_a_click_is_no_exit_although_the_pointer_leaves_after_it(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    page = shopper.visit()
    page.mouse.click(640, 300)
    shopper.leave()
    assert shopper.is_absent()


def test_an_open_select_is_no_exit(shop: Shop, shopper: Shopper) -> None:
    """Its list takes the pointer: the page hears no move until it is closed."""
    shop.add_popup()
    page = shopper.visit()
    page.click("#size")
    shopper.wait(SETTLED)
    page.mouse.move(640, -10)
    assert shopper.is_absent()


def test_after_a_choice_in_a_select_leaving_is_an_exit_again(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    page = shopper.visit()
    page.click("#size")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#size")).to_have_value("M")
    shopper.wait(SETTLED)
    shopper.leave()
    assert shopper.is_shown()


def test_a_context_menu_is_no_exit(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    page = shopper.visit()
    page.mouse.click(640, 20, button="right")
    shopper.wait(SETTLED)
    page.mouse.move(640, -10)
    assert shopper.is_absent()


def test_exit_is_armed_anew_on_each_page(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(frequency={"max_per_session": 5, "days_after_close": 0})
    for path in ("/one", "/two"):
        page = shopper.visit(path)
        shopper.leave()
        assert shopper.is_shown()
        shopper.close()
        page.mouse.move(640, 400)
        shopper.leave()
        assert shopper.is_absent()


def test_a_mouse_exit_means_nothing_on_a_phone(shop: Shop, phone_shopper: Shopper) -> None:
    shop.add_popup()
    phone_shopper.visit()
    phone_shopper.leave()
    assert phone_shopper.is_absent()


def scroll_to(shopper: Shopper, top: int, seconds: float, *, by_finger: bool = True, steps: int = 10) -> None:
    """In equal steps that take so long together."""
    start = shopper.page.evaluate("scrollY")
    for step in range(1, steps + 1):
        shopper.wait(seconds / steps)
        shopper.page.evaluate(
            """([y, byFinger]) => new Promise((done) => {
                addEventListener("scroll", done, { once: true });
                if (byFinger) dispatchEvent(new Event("touchmove"));
                scrollTo(0, y);
            })""",
            [start + (top - start) * step // steps, by_finger],
        )


def test_on_a_phone_a_fast_way_up_after_reading_is_an_exit(shop: Shop, phone_shopper: Shopper) -> None:
    shop.add_popup()
    phone_shopper.visit()
    scroll_to(phone_shopper, 2000, 0.5)
    phone_shopper.wait(0.5)
    scroll_to(phone_shopper, 1000, 0.2)
    assert phone_shopper.is_shown()


def test_on_a_phone_what_the_page_scrolls_by_itself_is_no_exit(shop: Shop, phone_shopper: Shopper) -> None:
    """Smoothly, by scrollTo() or focus()."""
    shop.add_popup()
    phone_shopper.visit()
    scroll_to(phone_shopper, 2000, 0.5)
    phone_shopper.wait(1.5)
    scroll_to(phone_shopper, 1000, 0.2, by_finger=False)
    assert phone_shopper.is_absent()


def test_on_a_phone_a_jump_is_no_exit_although_a_finger_moved(shop: Shop, phone_shopper: Shopper) -> None:
    shop.add_popup()
    phone_shopper.visit()
    scroll_to(phone_shopper, 2000, 0.5)
    phone_shopper.wait(0.5)
    scroll_to(phone_shopper, 500, 0.1, steps=1)
    assert phone_shopper.is_absent()


@pytest.mark.parametrize("change", ["document.querySelector('main').lastElementChild.style.height = '1400px'", "turn"])
def test_on_a_phone_a_page_that_becomes_shorter_or_is_turned_is_no_exit(
    shop: Shop, phone_shopper: Shopper, change: str
) -> None:
    shop.add_popup()
    page = phone_shopper.visit()
    scroll_to(phone_shopper, 3000, 0.5)
    phone_shopper.wait(0.5)
    page.evaluate("dispatchEvent(new Event('touchmove'))")
    if change == "turn":
        page.set_viewport_size({"width": 844, "height": 390})
        page.evaluate("scrollTo(0, 1000)")
    else:
        page.evaluate(change)
    phone_shopper.wait(0.05)
    for _ in range(2):
        page.evaluate("scrollBy(0, -20)")
        phone_shopper.wait(0.05)
    assert phone_shopper.is_absent()


def test_on_a_phone_a_flick_of_the_finger_after_reading_is_an_exit(
    shop: Shop, new_context: Callable[..., BrowserContext]
) -> None:
    """A finger's scroll begins with a touch, which is no tap. The browser scrolls by its own clock."""
    shop.add_popup()
    shopper = Shopper(new_context(**PHONE), shop, own_clock=False)
    page = shopper.visit()
    wait_until(page, "exitIntent.explain().length")
    browser = page.context.new_cdp_session(page)

    def touch(kind: str, *ys: float) -> None:
        points = [{"x": 195, "y": y} for y in ys]
        browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def swipe(start: int, end: int, milliseconds: int) -> None:
        touch("touchStart", start)
        for step in range(1, 7):
            page.wait_for_timeout(milliseconds / 6)
            touch("touchMove", start + (end - start) * step / 6)
        touch("touchEnd")

    for _ in range(4):
        swipe(750, 100, 300)
    wait_until(page, "scrollY > 1500")
    page.wait_for_timeout(1200)
    for _ in range(3):  # on a busy machine one may come out too slow
        swipe(100, 800, 100)
    assert shopper.is_shown()


def test_on_a_phone_a_slow_way_up_is_no_exit(shop: Shop, phone_shopper: Shopper) -> None:
    shop.add_popup()
    phone_shopper.visit()
    scroll_to(phone_shopper, 2000, 0.5)
    scroll_to(phone_shopper, 1000, 2)
    assert phone_shopper.is_absent()


def test_on_a_phone_who_has_not_read_does_not_leave_by_scrolling(shop: Shop, phone_shopper: Shopper) -> None:
    shop.add_popup()
    phone_shopper.visit()
    scroll_to(phone_shopper, 600, 0.2)
    scroll_to(phone_shopper, 0, 0.1)
    assert phone_shopper.is_absent()


def test_on_a_phone_a_tap_on_back_to_top_is_no_exit(shop: Shop, phone_shopper: Shopper) -> None:
    shop.add_popup()
    page = phone_shopper.visit()
    scroll_to(phone_shopper, 2000, 0.5)
    page.touchscreen.tap(200, 400)
    scroll_to(phone_shopper, 0, 0.1)
    assert phone_shopper.is_absent()


def look_away(shopper: Shopper, seconds: int) -> None:
    """Headless Chromium never hides a page, so the page is told that it is hidden."""
    page = shopper.page
    hide = """hidden => {
        Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        Object.defineProperty(document, "visibilityState", {value: hidden ? "hidden" : "visible", configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.clock.fast_forward(seconds * 1000)
    page.evaluate(hide, False)


@pytest.mark.parametrize(("seconds", "shows"), [(6, True), (3, False)])
def test_on_a_phone_returning_to_the_tab_is_an_exit(
    shop: Shop, phone_shopper: Shopper, seconds: int, shows: bool
) -> None:
    shop.add_popup()
    phone_shopper.open()
    phone_shopper.page.clock.fast_forward(2000)
    look_away(phone_shopper, seconds)
    assert phone_shopper.is_shown() if shows else phone_shopper.is_absent()


def test_the_back_button_is_left_alone(shop: Shop, phone_shopper: Shopper) -> None:
    shop.add_popup()
    page = phone_shopper.visit("/one")
    length = page.evaluate("history.length")
    page.goto(f"{ORIGIN}/two")
    phone_shopper.wait(SETTLED)
    assert page.evaluate("history.length") == length + 1
    page.go_back()
    phone_shopper.wait(SETTLED)
    assert page.url.endswith("/one")
    assert phone_shopper.is_absent()


def test_time_delay_shows_after_that_many_seconds(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "time_delay", "delay_seconds": 20})
    shopper.open()
    shopper.wait(19)
    assert shopper.is_absent()
    shopper.wait(2)
    assert shopper.is_shown()


def test_time_delay_waits_for_a_tab_that_nobody_looks_at(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "time_delay", "delay_seconds": 2})
    page = shopper.page
    shopper.open()
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    shopper.wait(5)
    assert shopper.is_absent()
    page.evaluate("delete document.hidden")
    shopper.wait(2)
    assert shopper.is_shown()


def test_scroll_percentage_shows_at_that_depth(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "scroll_percentage", "scroll_percentage": 60})
    page = shopper.visit()
    room = page.evaluate("document.documentElement.scrollHeight - innerHeight")
    scroll_to(shopper, int(room * 0.5), 0.1)
    assert shopper.is_absent()
    scroll_to(shopper, int(room * 0.65), 0.1)
    assert shopper.is_shown()


def test_inactivity_shows_when_nothing_was_touched_for_that_long(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "inactivity", "delay_seconds": 10})
    page = shopper.page
    shopper.open()
    shopper.wait(8)
    page.mouse.move(300, 300)
    shopper.wait(8)
    assert shopper.is_absent()
    shopper.wait(3)
    assert shopper.is_shown()


def test_a_click_on_the_selector_shows_and_stays_on_the_page(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "click", "selector": "#link, #offer"})
    page = shopper.visit()
    page.click("#link")
    assert shopper.is_shown()
    assert not page.url.endswith("#here")


def test_a_click_elsewhere_does_nothing(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "click", "selector": "#offer"})
    page = shopper.visit()
    page.click("#link")
    assert shopper.is_absent()
    assert page.url.endswith("#here")


def test_a_selector_that_is_none_does_no_harm(shop: Shop, shopper: Shopper) -> None:
    id_ = shop.add_popup(trigger={"type": "click", "selector": "#fits"})
    broken = """UPDATE popups SET trigger = trigger || '{"selector": "a[[["}' WHERE id = :id"""
    shop.database(broken, id=id_)  # The API refuses it.
    page = shopper.visit()
    page.click("#link")
    assert page.url.endswith("#here")


def test_a_single_page_shop_is_followed(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "time_delay", "delay_seconds": 3}, targeting={"include_pages": ["/sale"]})
    page = shopper.page
    shopper.open()
    shopper.wait(5)
    assert shopper.is_absent()
    page.evaluate("history.pushState({}, '', '/sale')")
    shopper.wait(2)
    assert shopper.is_absent()
    shopper.wait(2)
    assert shopper.is_shown()


def test_the_popup_with_the_highest_priority_shows_and_only_that_one(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(design={"heading": "Low"}, priority=1)
    shop.add_popup(design={"heading": "High"}, priority=9)
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown("High")
    expect(shopper.dialog).to_have_count(1)


def test_no_popup_covers_a_dialog_of_the_shop(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    page = shopper.visit(body="<dialog id=own>Size guide</dialog>")
    page.evaluate("document.getElementById('own').showModal()")
    shopper.leave()
    assert shopper.is_absent()


def test_a_click_that_asks_for_a_new_tab_is_left_alone(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "click", "selector": "#link"})
    page = shopper.visit()
    prevented = "new Promise(done => addEventListener('click', event => done(event.defaultPrevented), {once: true}))"
    for key in ("Control", "Meta", "Shift", "Alt"):
        page.evaluate(f"window.heard = {prevented}, null")
        page.click("#link", modifiers=[key])
        assert page.evaluate("heard") is False, key
        assert shopper.is_absent(), key


def test_a_click_with_the_middle_button_is_left_alone(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "click", "selector": "#link"})
    page = shopper.visit()
    page.click("#link", button="middle")
    assert shopper.is_absent()


def test_a_trigger_inside_a_component_is_found(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "click", "selector": ".offer"})
    component = """<x-card></x-card><script>
        document.querySelector("x-card").attachShadow({mode: "open"}).innerHTML =
            "<button class=offer><span id=words>Ten percent off</span></button>";</script>"""
    page = shopper.visit(body=component)
    page.locator("#words").click()
    assert shopper.is_shown()
