"""Experiments: all arms are counted at the trigger, and a view, an exposure and a close are three things."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.support.shopper import Shop, Shopper

OFTEN = {"max_per_session": 9, "days_after_close": 0}
VARIANTS = [{"id": "a", "weight": 1}, {"id": "b", "weight": 0}]


def hold_out_of_shop(shop: Shop, percent: int) -> None:
    requests.patch(
        f"{shop.functions['manage_popups']}/shop",
        json={"holdout_percent": percent},
        headers=shop.authorization,
        timeout=10,
    ).raise_for_status()


def sent(shopper: Shopper, name: str) -> list[dict[str, Any]]:
    """Return the reported views (`events`), `exposures` or `closes`; of one that was sent twice, the last."""
    given = (event for function, body in shopper.sent if function == "track_view" for event in body.get(name, []))
    return list({event["event_id"]: event for event in given}.values())


ARMS: dict[str, tuple[dict[str, Any], int]] = {
    "a": ({"variants": VARIANTS}, 0),
    "holdout": ({"holdout_percent": 100}, 0),
    "shop_holdout": ({"variants": VARIANTS, "holdout_percent": 100}, 100),
}


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_is_counted_at_the_trigger_however_soon_it_is_closed(shop: Shop, shopper: Shopper, arm: str) -> None:
    popup, held_out_of_shop = ARMS[arm]
    popup_id = shop.add_popup(**popup)
    hold_out_of_shop(shop, held_out_of_shop)
    shopper.visit()
    shopper.leave()
    shopper.wait(0.2)
    if arm == "a":
        assert shopper.is_shown()
        shopper.close()
    expect(shopper.page.locator("dialog")).to_have_count(0)
    assert shopper.eventually(lambda: sent(shopper, "exposures"))
    (exposure,) = sent(shopper, "exposures")
    assert (exposure["popup_id"], exposure["variant_id"]) == (popup_id, arm)
    assert {"event_id", "session_id", "visitor_id", "device_type"} <= exposure.keys()
    assert shopper.reason() is not None  # Its clocks and caps run, in every arm.
    shopper.open("/other")
    assert sent(shopper, "events") == []
    closes = [(close["popup_id"], close["variant_id"]) for close in sent(shopper, "closes")]
    assert closes == ([(popup_id, "a")] if arm == "a" else [])


@pytest.mark.parametrize("arm", ARMS)
def test_an_order_is_reported_alike_in_every_arm(shop: Shop, shopper: Shopper, arm: str) -> None:
    popup, held_out_of_shop = ARMS[arm]
    popup_id = shop.add_popup(**popup)
    hold_out_of_shop(shop, held_out_of_shop)
    shopper.visit()
    shopper.leave()
    if arm == "a":
        assert shopper.is_shown()
        shopper.close()
    shopper.open("/thank-you")
    shopper.page.evaluate("exitIntent.purchase({order_id: 1, revenue: 9, currency: 'EUR'})")
    assert shopper.eventually(shopper.conversions)
    (order,) = shopper.conversions()
    assert (order["popup_id"], order["variant_id"]) == (popup_id, arm)


def test_an_exposure_is_noted_before_anything_is_drawn(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(variants=VARIANTS)
    page = shopper.visit()
    page.evaluate(
        """() => {
            const { showModal } = HTMLDialogElement.prototype;
            HTMLDialogElement.prototype.showModal = function () {
                window.noted = Object.values(localStorage).filter(text => text.startsWith('{"event":')).length;
                showModal.call(this);
            };
        }"""
    )
    shopper.leave()
    assert shopper.is_shown()
    assert page.evaluate("noted") == 1


def test_a_popup_that_is_not_compared_has_views_only(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()
    shopper.see()
    assert (len(sent(shopper, "events")), sent(shopper, "exposures")) == (1, [])


def test_a_view_follows_its_exposure_and_is_an_event_of_its_own(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(variants=VARIANTS)
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()
    assert shopper.eventually(lambda: sent(shopper, "events"))
    (exposure,), (view,) = sent(shopper, "exposures"), sent(shopper, "events")
    assert exposure["event_id"] != view["event_id"]
    assert {exposure[name] == view[name] for name in ("popup_id", "variant_id", "visitor_id", "session_id")} == {True}


@pytest.mark.parametrize("answered", [False, True])
def test_a_close_goes_with_what_comes_next_unless_the_popup_was_answered(
    shop: Shop, shopper: Shopper, answered: bool
) -> None:
    shop.add_popup(frequency=OFTEN)
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown()
    shopper.see()
    if answered:
        shopper.dialog.get_by_role("button", name="Yes, please").click()
    else:
        shopper.close("No, thanks")
    before = len(shopper.sent)
    shopper.wait(30)
    assert [body for name, body in shopper.sent[before:] if name == "track_view"] == []
    shopper.visit("/other")
    assert len(sent(shopper, "closes")) == (0 if answered else 1)


def test_what_a_function_refuses_that_knows_no_exposures_is_not_sent_again(shop: Shop, shopper: Shopper) -> None:
    """It takes the body for a view without a popup."""
    shop.add_popup(holdout_percent=100)
    problem = {"status": 422, "code": "validation_failed", "errors": {"popup_id": ["Missing."]}}
    shopper.context.route(shopper.address_of("track_view"), lambda route: route.fulfill(status=422, json=problem))
    shopper.visit()
    shopper.leave()
    assert shopper.eventually(lambda: sent(shopper, "exposures"))
    assert shopper.eventually(lambda: len(shopper.notes()) == 1)
    before = len(shopper.sent)
    shopper.visit("/other")
    assert len(shopper.sent) == before


def test_what_is_no_view_is_kept_so_that_older_scripts_do_not_send_it_as_one(shop: Shop, shopper: Shopper) -> None:
    """They send whatever they find that has a popup_id."""
    shop.add_popup(holdout_percent=100)
    shopper.context.route(shopper.address_of("track_view"), lambda route: route.abort())
    shopper.visit()
    shopper.leave()
    assert shopper.eventually(lambda: len(shopper.notes()) == 2)
    (kept,) = (note for key, note in shopper.notes().items() if key.count(":") > 1)
    assert list(kept) == ["event"]
    shopper.context.unroute(shopper.address_of("track_view"))
    shopper.visit("/other")
    assert shopper.eventually(lambda: len(shopper.notes()) == 1)
    exposure = {name: value for name, value in kept["event"].items() if name != "list"}
    assert exposure in sent(shopper, "exposures")
    assert sent(shopper, "events") == []
