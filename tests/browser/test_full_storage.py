"""A shop may have filled localStorage: what we note finds another place, and goes home when there is room."""

from __future__ import annotations

from tests.browser.support.shopper import Shop, Shopper

FULL = """const setItem = Storage.prototype.setItem;
Storage.prototype.setItem = function (key, value) {
    if (this === window.localStorage && !window.name) throw new DOMException("full", "QuotaExceededError");
    setItem.call(this, key, value);
}"""


def close_one(shopper: Shopper) -> None:
    shopper.page.add_init_script(FULL)
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()
    shopper.see()
    shopper.close()


def test_a_closed_popup_does_not_come_back_for_want_of_room(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    close_one(shopper)
    shopper.open("/second")
    assert shopper.reason() == "frequency.days_after_close"


def test_a_view_is_delivered_for_want_of_room_too(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    close_one(shopper)
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 1)
    assert shop.stats(popup_id)["unique_viewers"] == 1


def test_notes_go_home_when_there_is_room_again(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(targeting={"visitors": "new"})
    close_one(shopper)
    shopper.page.evaluate("window.name = 'room'")
    shopper.open("/second")
    assert shopper.reason() == "frequency.days_after_close"  # and not a returning visitor
    # Events have notes of their own until they are delivered.
    assert shopper.eventually(lambda: list(shopper.notes()) == [f"store-notes:{shop.id}"])
    assert shopper.notes("sessionStorage") == {}
