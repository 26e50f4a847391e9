"""A trigger that came at a bad moment gets another chance."""

from __future__ import annotations

import pytest

from tests.browser.support.shopper import Shop, Shopper

OWN = "<dialog id=own>Size guide</dialog>"


def own_dialog(shopper: Shopper, act: str) -> None:
    shopper.page.evaluate(f"document.getElementById('own').{act}()")


def test_time_delay_waits_for_another_dialog_to_close(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "time_delay", "delay_seconds": 5})
    shopper.open(body=OWN)
    own_dialog(shopper, "showModal")
    shopper.wait(10)
    assert shopper.is_absent()
    own_dialog(shopper, "close")
    shopper.wait(2)
    assert shopper.is_shown()


def test_inactivity_that_was_refused_shows_at_the_next_one(shop: Shop, shopper: Shopper) -> None:
    trigger = {"type": "inactivity", "delay_seconds": 10}
    shop.add_popup(trigger=trigger, targeting={"min_cart_items": 1})
    page = shopper.open()
    shopper.wait(12)
    page.evaluate("exitIntent.cart({items: 1})")
    shopper.wait(30)
    assert shopper.is_absent()  # the same inactivity
    page.mouse.move(300, 300)
    shopper.wait(8)
    assert shopper.is_absent()
    shopper.wait(4)
    assert shopper.is_shown()


@pytest.mark.parametrize(("seconds", "shows"), [(5, True), (25, False)])
def test_a_timed_popup_that_the_cart_allows_shows_when_it_is_due_unless_that_is_over(
    shop: Shop, shopper: Shopper, seconds: int, *, shows: bool
) -> None:
    shop.add_popup(trigger={"type": "time_delay", "delay_seconds": 20}, targeting={"min_cart_items": 1})
    page = shopper.open()
    shopper.wait(seconds)
    page.evaluate("exitIntent.cart({items: 1})")
    shopper.settle()
    shopper.wait(10)
    assert shopper.is_absent()
    shopper.wait(10)
    assert shopper.is_shown() if shows else shopper.is_absent()


def test_a_timed_popup_counts_from_the_arrival_at_a_page_that_was_not_loaded(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "time_delay", "delay_seconds": 20})
    page = shopper.open()
    shopper.wait(15)
    page.evaluate("history.pushState({}, '', '/second')")
    shopper.settle()
    shopper.wait(10)
    assert shopper.is_absent()
    shopper.wait(11)
    assert shopper.is_shown()


def test_an_inactive_shoppers_visit_ends_although_a_popup_waits(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "inactivity", "delay_seconds": 10}, targeting={"min_cart_items": 1})
    shopper.open()
    session = shopper.notes()[f"store-notes:{shop.id}"]["session"]["id"]
    shopper.wait(31 * 60)
    shopper.page.evaluate("exitIntent.cart({items: 1})")
    assert shopper.notes()[f"store-notes:{shop.id}"]["session"]["id"] != session


def test_scrolling_under_another_dialog_uses_nothing_up(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "scroll_percentage", "scroll_percentage": 60})
    page = shopper.visit(body=OWN)
    room = page.evaluate("document.documentElement.scrollHeight - innerHeight")
    scroll = "y => new Promise(done => { addEventListener('scroll', done, {once: true}); scrollTo(0, y) })"
    own_dialog(shopper, "showModal")
    page.evaluate(scroll, room * 0.7)
    assert shopper.is_absent()
    own_dialog(shopper, "close")
    page.evaluate(scroll, room * 0.71)
    assert shopper.is_shown()


def test_who_asks_by_a_click_gets_the_popup_however_often_it_was_closed(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "click", "selector": "#offer"}, frequency={"max_per_session": 1})
    page = shopper.visit()
    for _ in range(2):
        page.click("#offer")
        assert shopper.is_shown()
        shopper.close()
    shopper.visit("/second")
    assert shopper.reason() is None
    page.click("#offer")
    assert shopper.is_shown()


def test_opening_the_developer_tools_is_no_exit(shop: Shop, shopper: Shopper) -> None:
    """By the context menu: the pointer goes to the tools, and the page shrinks."""
    shop.add_popup()
    page = shopper.visit()
    page.mouse.click(640, 300, button="right")
    shopper.wait(2)
    page.set_viewport_size({"width": 1280, "height": 400})
    page.mouse.move(640, -10)
    assert shopper.is_absent()
