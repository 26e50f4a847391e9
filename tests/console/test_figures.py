"""Figures are of people, of the shop's days, and sure only once the server says so."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.support.shopper import Shop
from tests.console.conftest import Merchant
from tests.console.test_builder import EMAIL, stored
from tests.console.test_pages import post, see, subscribe

# Its days begin 25 hours apart from those of the browser.
FAR_WEST, FAR_EAST = "Pacific/Pago_Pago", "Pacific/Kiritimati"


def variant(id_: str, name: str, **design: str) -> dict[str, Any]:
    return {"id": id_, "name": name, "weight": 50, "design": design, "offer": {}}


def compare(shop: Shop, popup_id: str, arm: str, viewers: int, converters: int) -> None:
    """So many people see that variant, and the first of them press its button."""
    people = [f"{arm}-{number}" for number in range(viewers)]
    seen = [{"popup_id": popup_id, "session_id": one, "visitor_id": one, "variant_id": arm} for one in people]
    for start in range(0, viewers, 50):
        post(shop, "track_view", events=seen[start : start + 50])
    for event in seen[:converters]:
        post(shop, "track_conversion", **event, type="click")


@pytest.fixture
def compared(shop: Shop) -> str:
    """Return the id of a popup whose second variant does far better, since today."""
    arms = [variant("a", "As it is"), variant("b", "Bolder", heading="Stay!")]
    popup_id = shop.add_popup(name="Autumn", variants=arms)
    compare(shop, popup_id, "a", 400, 40)
    compare(shop, popup_id, "b", 400, 200)
    return popup_id


def test_nothing_is_called_better_before_the_server_says_stop(merchant: Merchant, compared: str) -> None:
    page = merchant.open(f"#/popups/{compared}/experiment")
    expect(page.get_by_role("heading", name="It is too early to say anything.")).to_be_visible()
    expect(page.get_by_text("It has run for less than a week")).to_be_visible()
    expect(page.get_by_text("is better")).to_be_hidden()
    expect(page.get_by_role("button", name="Show the better one to everyone")).to_be_hidden()


def test_the_winner_is_applied_in_one_step_and_that_is_undone(merchant: Merchant, shop: Shop, compared: str) -> None:
    shop.database(
        "UPDATE experiment_stretches SET viewed_at = viewed_at - interval '7 days' WHERE popup_id = :id", id=compared
    )
    page = merchant.open(f"#/popups/{compared}/experiment")
    expect(page.get_by_role("heading", name="“Bolder” is better. You can stop.")).to_be_visible()
    page.get_by_role("button", name="Show the better one to everyone").click()
    expect(page.get_by_role("status")).to_have_text("Everyone sees the better one now.")
    assert (stored(shop, compared)["design"]["heading"], stored(shop, compared)["variants"]) == ("Stay!", [])
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_have_text("The comparison is as it was.")
    assert stored(shop, compared)["design"]["heading"] == "Before you go"
    assert [each["id"] for each in stored(shop, compared)["variants"]] == ["a", "b"]


@pytest.mark.parametrize(("zone", "browser_zone"), [(FAR_WEST, FAR_EAST), (FAR_EAST, FAR_WEST)])
def test_days_are_the_shops_wherever_the_browser_is(
    new_merchant: Callable[..., Merchant], shop: Shop, zone: str, browser_zone: str
) -> None:
    shop.database("UPDATE shops SET time_zone = :zone WHERE id = :id", zone=zone, id=shop.id)
    popup_id = shop.add_popup()
    before = datetime.now(UTC)
    see(shop, popup_id, str(uuid.uuid4()))
    page = new_merchant(timezone_id=browser_zone).open(f"#/popups/{popup_id}/results")
    page.get_by_text("The days as a table").click()
    last = page.get_by_role("region", name="The days", exact=True).get_by_role("row").last
    expect(last).to_be_visible()
    days = {f"{at:%-d %b}" for at in (before.astimezone(ZoneInfo(zone)), datetime.now(ZoneInfo(zone)))}
    assert last.get_by_role("rowheader").inner_text() in days
    expect(page.get_by_text(f"in {zone}.").first).to_be_visible()


def test_only_the_shops_today_is_drawn_as_unfinished(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup()
    see(shop, popup_id, str(uuid.uuid4()))
    page = merchant.open(f"#/popups/{popup_id}/results")
    unfinished = page.get_by_text("Dashed: today, which is not over.")
    expect(unfinished).to_be_visible()
    page = merchant.open(f"#/popups/{popup_id}/results?from=2026-01-01&to=2026-01-31")
    expect(page.get_by_text("1 Jan", exact=True).first).to_be_visible()
    expect(unfinished).to_be_hidden()


def test_no_rate_is_over_100_percent_however_much_one_person_does(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup(name="Autumn", offer=EMAIL)
    visitor = str(uuid.uuid4())
    see(shop, popup_id, visitor)
    event = {"popup_id": popup_id, "session_id": visitor, "visitor_id": visitor}
    for _ in range(3):
        post(shop, "track_conversion", **event, type="click")
    subscribe(shop, popup_id, visitor, "ada@example.com")
    post(shop, "track_conversion", **event, type="purchase", revenue="20.00", currency="USD", order_id=uuid.uuid4().hex)
    page = merchant.open()
    row = page.get_by_role("row", name="Autumn")
    expect(row.get_by_role("cell", name="100.0 %")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Rate")).to_have_attribute("title", "Converters of 100 viewers")
    page = merchant.open(f"#/popups/{popup_id}/results")
    expect(page.get_by_text("1 of 1 viewer left their e-mail address (100.0 %)")).to_be_visible()


def test_a_chart_is_read_without_seeing_it(merchant: Merchant, shop: Shop) -> None:
    """It has a name that says what it shows, its days are told by keys, and a table is one key away."""
    popup_id = shop.add_popup()
    for _ in range(2):
        see(shop, popup_id, str(uuid.uuid4()))
    page = merchant.open(f"#/popups/{popup_id}/results")
    expect(page.get_by_role("img", name="Viewers by day, from")).to_be_visible()
    day = page.get_by_role("slider", name="Day")
    day.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text(": 0", exact=False).first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text(": 2 (unfinished)")).to_be_visible()
    page.get_by_text("The days as a table").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="The days", exact=True).get_by_role("table")).to_be_visible()


def test_an_edit_is_marked_on_the_chart(merchant: Merchant, shop: Shop) -> None:
    popup_id = shop.add_popup()
    address = f"{shop.functions['manage_popups']}/popups/{popup_id}"
    change = {"design": {"heading": "Later"}}
    assert requests.patch(address, json=change, headers=shop.authorization, timeout=10).ok
    page = merchant.open(f"#/popups/{popup_id}/results")
    expect(page.get_by_text("Points above: edits.")).to_be_visible()
    day = page.get_by_role("slider", name="Day")
    day.focus()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    expect(page.locator(".chart .hint")).to_contain_text("Version 2")
