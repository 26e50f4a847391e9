"""Shops whose pages change without loading, and pages to which the browser returns as they were left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Route

from tests.browser.support.shopper import SETTLED, Shop, Shopper, wait_until
from tests.browser.test_delivery import answer_really, answer_with, stored_events


def go(shopper: Shopper, path: str) -> None:
    shopper.page.evaluate("path => history.pushState({}, '', path)", path)
    shopper.wait(SETTLED)


def test_popups_that_did_not_load_are_asked_for_again_on_the_next_page(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.context.route(f"{shopper.address_of('get_active_popups')}*", lambda route: route.fulfill(status=503))
    shopper.visit()
    shopper.context.unroute(f"{shopper.address_of('get_active_popups')}*")
    go(shopper, "/second")
    wait_until(shopper.page, "exitIntent.explain().length")
    shopper.settle()
    shopper.leave()
    assert shopper.is_shown()


def test_a_popup_does_not_stay_over_a_page_it_excludes(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(targeting={"exclude_pages": ["/checkout"]}, frequency={"max_per_session": 2})
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()
    go(shopper, "/cart")
    assert shopper.is_shown()
    go(shopper, "/checkout")
    assert shopper.is_absent()
    go(shopper, "/cart")
    assert shopper.reason() is None  # nobody has closed it


def test_a_code_that_a_shopper_asked_for_stays_wherever_they_go(shop: Shop, shopper: Shopper) -> None:
    offer = {"type": "discount", "discount_code_id": shop.add_discount_code("FERN10")}
    shop.add_popup(targeting={"exclude_pages": ["/checkout"]}, offer=offer)
    shopper.visit()
    shopper.leave()
    shopper.page.get_by_role("button", name="Yes, please").click()
    assert shopper.is_shown("Thank you!")
    go(shopper, "/checkout")
    assert shopper.is_shown("Thank you!")


RETURN = (
    """for (const type of ["pagehide", "pageshow"]) dispatchEvent(new PageTransitionEvent(type, {persisted: true}))"""
)


def test_triggers_are_armed_anew_when_the_browser_brings_a_page_back(shop: Shop, shopper: Shopper) -> None:
    """Chromium keeps no pages for Playwright, which therefore says that it did."""
    shop.add_popup(frequency={"max_per_session": 9, "days_after_close": 0})
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()
    shopper.close()
    shopper.page.evaluate(RETURN)
    shopper.leave()
    assert shopper.is_absent()  # in the first second of the return
    shopper.wait(SETTLED)
    shopper.leave()
    assert shopper.is_shown()


def test_the_time_until_the_browser_brings_a_page_back_is_no_inactivity(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(trigger={"type": "inactivity", "delay_seconds": 10})
    page = shopper.open()
    shopper.wait(5)
    page.clock.set_system_time(datetime.now(UTC) + timedelta(minutes=5))  # Timers stand still meanwhile.
    page.evaluate(RETURN)
    shopper.wait(8)
    assert shopper.is_absent()
    shopper.wait(3)
    assert shopper.is_shown()


def test_what_has_no_trigger_does_not_hide_the_other_popups(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()

    def add_garbage(route: Route) -> None:
        answer = route.fetch().json()
        route.fulfill(json={"popups": [None, 5, {}, {"id": "1", "trigger": None}, *answer["popups"]]})

    shopper.context.route(f"{shopper.address_of('get_active_popups')}*", add_garbage)
    shopper.answer_pages()
    shopper.page.goto("http://shop.localhost/")
    shopper.wait(SETTLED)
    wait_until(shopper.page, "exitIntent.explain().length === 1")
    shopper.wait(SETTLED)
    shopper.leave()
    assert shopper.is_shown()


def ask_for_code_in_an_outage(shopper: Shopper) -> None:
    answer_with(shopper, "track_conversion", 503)
    shopper.visit("/")
    shopper.leave()
    shopper.page.get_by_role("button", name="Yes, please").click()
    shopper.page.get_by_role("alert").filter(has_text="Please try again").wait_for()
    shopper.close()


def test_a_late_code_waits_until_another_popup_is_closed(shop: Shop, shopper: Shopper) -> None:
    offer = {"type": "discount", "discount_code_id": shop.add_discount_code("FERN10")}
    shop.add_popup(priority=9, offer=offer, design={"background_color": "#112233", "text_color": "#ffffff"})
    shop.add_popup(design={"heading": "Second"})
    ask_for_code_in_an_outage(shopper)
    go(shopper, "/second")
    shopper.leave()
    assert shopper.is_shown("Second")
    answer_really(shopper, "track_conversion")
    assert shopper.eventually(lambda: stored_events(shopper) == [])
    assert shopper.is_shown("Second")
    shopper.page.keyboard.press("Escape")
    shopper.dialog.get_by_text("FERN10").wait_for()
    background = shopper.dialog.evaluate("dialog => getComputedStyle(dialog).backgroundColor")
    assert background == "rgb(17, 34, 51)"


def test_a_late_code_waits_for_a_page_that_its_popup_does_not_exclude(shop: Shop, shopper: Shopper) -> None:
    offer = {"type": "discount", "discount_code_id": shop.add_discount_code("FERN10")}
    shop.add_popup(offer=offer, targeting={"exclude_pages": ["/checkout"]})
    ask_for_code_in_an_outage(shopper)
    answer_really(shopper, "track_conversion")
    shopper.open("/checkout")
    assert shopper.eventually(lambda: stored_events(shopper) == [])
    assert shopper.is_absent("Thank you!")
    shopper.open("/cart")
    shopper.dialog.get_by_text("FERN10").wait_for()
    shopper.close()
    shopper.open("/cart")
    assert shopper.is_absent("Thank you!")


@pytest.mark.parametrize("status", [503, 429, 0])
def test_after_an_outage_the_popups_are_asked_for_again_with_patience(
    shop: Shop, shopper: Shopper, status: int
) -> None:
    shop.add_popup()
    asked: list[str] = []
    address = f"{shopper.address_of('get_active_popups')}*"

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if status:
            route.fulfill(status=status, headers={"Access-Control-Allow-Origin": "*"})
        else:
            route.abort()

    shopper.context.route(address, answer)
    shopper.answer_pages()
    shopper.page.goto("http://shop.localhost/")
    for _ in range(60):
        shopper.wait(1)
        shopper.page.wait_for_timeout(10)
    assert 3 <= len(asked) <= 7
    shopper.context.unroute(address)
    for _ in range(60):
        shopper.wait(2)
        shopper.page.wait_for_timeout(10)
    assert shopper.eventually(lambda: shopper.page.evaluate("exitIntent.explain().length"))
    shopper.settle()
    shopper.leave()
    assert shopper.is_shown()


def test_a_shop_that_is_unknown_is_not_asked_for_again(shop: Shop, shopper: Shopper) -> None:
    asked: list[str] = []
    shopper.page.on("request", lambda request: asked.append(request.url) if "shop_id=" in request.url else None)
    shop.id = "no-such-shop"
    shopper.visit()
    for _ in range(30):
        shopper.wait(20)
    assert len(asked) == 1
