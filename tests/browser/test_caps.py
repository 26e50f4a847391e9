"""All popups together: how many a shopper meets unasked, how soon after each other, and where none at all."""

from __future__ import annotations

from typing import Any

from tests.browser.support.shopper import Shop, Shopper

OFTEN = {"max_per_session": 100, "days_after_close": 0, "days_after_conversion": 0}


def set_caps(shop: Shop, **settings: Any) -> None:
    """Past the cache: before the shop's first page."""
    for name, value in settings.items():
        shop.database(f"UPDATE shops SET {name} = :value WHERE id = :id", value=value, id=shop.id)


def met(shopper: Shopper, path: str) -> bool:
    """Whether a popup shows on that page; it is closed again."""
    shopper.visit(path)
    told = shopper.page.evaluate("exitIntent.explain()")
    is_due = any(each["would_show"] and each["trigger"] == "exit_intent" for each in told)
    shopper.leave()
    shown = shopper.is_shown() if is_due else not shopper.is_absent()
    if shown:
        shopper.close()
    return shown


def add_popups(shop: Shop, count: int) -> None:
    for _ in range(count):
        shop.add_popup(frequency=OFTEN)


def test_a_page_view_has_one_unasked_popup(shop: Shop, shopper: Shopper) -> None:
    add_popups(shop, 2)
    shop.add_popup(trigger={"type": "time_delay", "delay_seconds": 5}, frequency=OFTEN)
    page = shopper.visit()
    shopper.leave()
    assert shopper.is_shown()
    shopper.close()
    page.mouse.move(640, 400)
    shopper.leave()
    shopper.wait(30)
    assert shopper.is_absent()
    assert {told["reason"] for told in page.evaluate("exitIntent.explain()")} == {
        "already shown on this page",
        "another was shown on this page",
    }


def test_a_visit_has_two_unasked_popups_a_minute_apart_by_default(shop: Shop, shopper: Shopper) -> None:
    set_caps(shop, popups_per_visit=2, seconds_between_popups=60)
    add_popups(shop, 4)
    assert met(shopper, "/1")
    shopper.wait(50)
    assert not met(shopper, "/2")
    assert shopper.reason_of_first() == "shop.seconds_between_popups"
    shopper.wait(10)
    assert met(shopper, "/3")
    shopper.wait(600)
    assert not met(shopper, "/4")
    assert shopper.reason_of_first() == "shop.popups_per_visit"


def test_the_next_visit_has_its_own_two(shop: Shop, shopper: Shopper) -> None:
    set_caps(shop, popups_per_visit=1)
    add_popups(shop, 1)
    assert met(shopper, "/1")
    assert not met(shopper, "/2")
    shopper.page.clock.fast_forward(31 * 60 * 1000)
    assert met(shopper, "/3")


def test_a_shop_says_itself_how_many(shop: Shop, shopper: Shopper) -> None:
    set_caps(shop, popups_per_visit=0)
    add_popups(shop, 1)
    assert not met(shopper, "/1")


def test_a_popup_that_is_asked_for_is_not_capped_and_caps_nothing_but_the_pause(shop: Shop, shopper: Shopper) -> None:
    set_caps(shop, popups_per_visit=1, seconds_between_popups=60)
    shop.add_popup(trigger={"type": "click", "selector": "#offer"}, frequency=OFTEN, priority=1)
    add_popups(shop, 1)
    page = shopper.visit()
    for _ in range(3):
        page.click("#offer")
        assert shopper.is_shown()
        shopper.close()
    assert not met(shopper, "/2")
    shopper.wait(61)
    assert met(shopper, "/3")


def test_a_timed_popup_waits_for_the_pause_to_end(shop: Shop, shopper: Shopper) -> None:
    set_caps(shop, seconds_between_popups=60)
    shop.add_popup(targeting={"include_pages": ["/1"]}, priority=1)
    shop.add_popup(trigger={"type": "time_delay", "delay_seconds": 5}, targeting={"include_pages": ["/2"]})
    assert met(shopper, "/1")
    shopper.visit("/2")
    shopper.wait(50)
    assert shopper.is_absent()
    shopper.wait(10)
    assert shopper.is_shown()


def test_who_is_held_out_has_met_a_popup_as_well(shop: Shop, shopper: Shopper) -> None:
    set_caps(shop, popups_per_visit=1)
    shop.add_popup(holdout_percent=100, priority=1)
    add_popups(shop, 1)
    shopper.visit("/1")
    shopper.leave()
    assert shopper.is_absent()
    assert not met(shopper, "/2")


CHECKOUTS = ["/checkouts/cn/1", "/checkout", "/de/checkout/pay", "/kasse/", "/en/order-pay/7"]


def test_who_pays_is_left_alone(shop: Shop, shopper: Shopper) -> None:
    add_popups(shop, 1)
    shop.add_popup(trigger={"type": "time_delay", "delay_seconds": 5}, frequency=OFTEN)
    for path in CHECKOUTS:
        assert not met(shopper, path), path
        shopper.wait(30)
        assert shopper.is_absent(), path
        assert shopper.reason_of_first() == "shop.never_on_pages", path


def test_a_code_that_comes_late_is_not_shown_to_who_pays(shop: Shop, shopper: Shopper) -> None:
    """It waits for the next page."""
    code_id = shop.add_discount_code("FERN10")
    shop.add_popup(offer={"type": "email_capture", "discount_code_id": code_id})
    page = shopper.visit()
    shopper.leave()
    assert shopper.is_shown()
    page.evaluate(
        """id => { const note = JSON.parse(localStorage[id]);
            Object.values(note.seen)[0].due = {code: "FERN10"}; localStorage[id] = JSON.stringify(note); }""",
        f"store-notes:{shop.id}",
    )
    shopper.visit("/checkout")
    assert shopper.is_absent("Thank you!")
    shopper.visit("/")
    assert shopper.is_shown("Thank you!")


def test_a_merchant_may_have_popups_everywhere(shop: Shop, shopper: Shopper) -> None:
    set_caps(shop, never_on_pages=[])
    add_popups(shop, 1)
    assert met(shopper, "/checkout")
