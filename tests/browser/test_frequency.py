"""How often a shopper meets the same popup: sessions and the two clocks."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.support.shopper import Shop, Shopper

CLOSED = "frequency.days_after_close"
CONVERTED = "frequency.days_after_conversion"
DAY = 24 * 60 * 60


def show(shopper: Shopper) -> None:
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()


def put_forward(shopper: Shopper, seconds: float) -> None:
    """To a later visit."""
    shopper.page.clock.fast_forward(int(seconds * 1000))
    shopper.open()


@pytest.mark.parametrize("way", ["Close", "No, thanks", "Escape"])
def test_every_way_of_closing_starts_the_close_clock(shop: Shop, shopper: Shopper, way: str) -> None:
    shop.add_popup(frequency={"days_after_close": 3, "max_per_session": 100})
    show(shopper)
    shopper.close(way)
    put_forward(shopper, 3 * DAY - 60)
    assert shopper.reason() == CLOSED
    put_forward(shopper, 120)
    assert shopper.reason() is None


def test_leaving_the_page_is_no_closing(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(frequency={"days_after_close": 3, "max_per_session": 100})
    show(shopper)
    shopper.open("/second-page")
    assert shopper.reason() is None


def test_a_confirmed_email_starts_the_conversion_clock(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(offer={"type": "email_capture"}, frequency={"days_after_close": 0, "days_after_conversion": 20})
    show(shopper)
    shopper.leave_email()
    assert shopper.is_shown("Thank you!")
    shopper.close()
    put_forward(shopper, 20 * DAY - 60)
    assert shopper.reason() == CONVERTED
    put_forward(shopper, 120)
    assert shopper.reason() is None


def test_an_email_that_the_server_refused_starts_no_clock(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(offer={"type": "email_capture"}, frequency={"days_after_close": 0, "max_per_session": 9})
    show(shopper)
    shopper.leave_email("ada@example")
    shopper.page.get_by_role("alert").filter(has_text="valid").wait_for()
    shopper.open()
    assert shopper.reason() is None


def test_a_mere_click_starts_no_conversion_clock(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(frequency={"days_after_close": 0, "max_per_session": 9})
    show(shopper)
    shopper.page.get_by_role("button", name="Yes, please").click()
    expect(shopper.dialog).to_have_count(0)
    shopper.see()
    assert [event["type"] for event in shopper.conversions()] == ["click"]
    shopper.open()
    assert shopper.reason() is None


def test_a_session_shows_it_so_many_times(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(frequency={"days_after_close": 0, "max_per_session": 2})
    for _ in range(2):
        show(shopper)
        shopper.close()
    shopper.open()
    assert shopper.reason() == "frequency.max_per_session"


def test_a_session_ends_after_half_an_hour_of_silence(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(frequency={"days_after_close": 0, "max_per_session": 1})
    show(shopper)
    shopper.close()
    put_forward(shopper, 29 * 60)
    assert shopper.reason() == "frequency.max_per_session"
    put_forward(shopper, 29 * 60)
    assert shopper.reason() == "frequency.max_per_session"
    put_forward(shopper, 31 * 60)
    assert shopper.reason() is None


def test_a_session_goes_on_while_the_shopper_is_busy(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(frequency={"days_after_close": 0, "max_per_session": 1})
    show(shopper)
    shopper.close()
    for second in range(0, 35 * 60, 25):
        shopper.wait(25)
        shopper.page.mouse.move(100, 100 + second % 50)
    shopper.open()
    assert shopper.reason() == "frequency.max_per_session"


def test_each_popup_has_clocks_of_its_own(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(design={"heading": "First"}, priority=2)
    shop.add_popup(design={"heading": "Second"}, priority=1)
    for heading in ("First", "Second"):
        shopper.visit()
        shopper.leave()
        assert shopper.is_shown(heading)
        shopper.close()


def test_two_tabs_share_what_they_know(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    show(shopper)
    shopper.close()
    first_session = shopper.notes()[f"store-notes:{shop.id}"]["session"]["id"]
    shopper.page = shopper.context.new_page()
    shopper.open()
    assert shopper.reason() == CLOSED
    assert shopper.notes()[f"store-notes:{shop.id}"]["session"]["id"] == first_session


@pytest.mark.parametrize("field", ["closed_at", "converted_at"])
def test_what_a_wrong_clock_dated_in_the_future_is_long_past(shop: Shop, shopper: Shopper, field: str) -> None:
    popup_id = shop.add_popup(frequency={"days_after_close": 3, "days_after_conversion": 3})
    shopper.open()
    shopper.page.evaluate(
        """([key, id, field]) => {
            const note = JSON.parse(localStorage[key]);
            note.seen[id] = {[field]: Date.now() + 400 * 24 * 3600e3};
            localStorage[key] = JSON.stringify(note);
        }""",
        [f"store-notes:{shop.id}", popup_id, field],
    )
    assert shopper.reason() is None


def test_a_visit_that_a_wrong_clock_dated_in_the_future_is_over(shop: Shop, shopper: Shopper) -> None:
    shopper.open()
    key = f"store-notes:{shop.id}"
    before = shopper.notes()[key]["session"]["id"]
    change = """key => { const note = JSON.parse(localStorage[key]); note.session.at += 1e10;
        localStorage[key] = JSON.stringify(note); }"""
    shopper.page.evaluate(change, key)
    shopper.open("/second")
    assert shopper.notes()[key]["session"]["id"] != before
