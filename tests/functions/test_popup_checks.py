"""What a popup is refused for beyond its fields: addresses that never match, amounts nobody pays, no CSS.

And that what is stored so already hinders no other edit.
"""

from typing import Any

import pytest

from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, make_popup, make_shop
from tests.support.stack import ROOT, Database, FunctionProcess


def create(merchant: Client, **fields: Any) -> dict[str, Any]:
    answer = merchant.post("/popups", {"name": "x", **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


# Addresses


def test_addresses_are_stored_as_they_are_compared(merchant: Client) -> None:
    written = {
        "include_pages": ["https://shop.example/kasse/%C3%BCbersicht"],
        "exclude_pages": ["checkout*"],
        "referrers": ["https://www.google.com"],
    }
    compared = {
        "include_pages": ["/kasse/übersicht"],
        "exclude_pages": ["/checkout*"],
        "referrers": ["www.google.com"],
    }
    popup = create(merchant, targeting=written)
    assert popup["targeting"] | compared == popup["targeting"]
    changed = merchant.patch(f"/popups/{create(merchant)['id']}", {"targeting": written}).json()
    assert changed["targeting"] | compared == changed["targeting"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a page of which # is a part": ({"targeting": {"include_pages": ["/a", "/#/cart"]}}, "targeting.include_pages.1"),
    "a page that may be a host": ({"targeting": {"exclude_pages": ["shop.example/x"]}}, "targeting.exclude_pages.0"),
    "a referrer with a query": ({"targeting": {"referrers": ["google.com/?q=fern"]}}, "targeting.referrers.0"),
    "a referrer too long once escaped": (
        {"targeting": {"referrers": ["a.example/" + "界" * 100]}},
        "targeting.referrers.0",
    ),
    "a selector of blanks": ({"trigger": {"selector": "  "}}, "trigger.selector"),
    "a selector with an open bracket": ({"trigger": {"type": "click", "selector": "a[href"}}, "trigger.selector"),
    "a selector with an open quote": ({"trigger": {"type": "click", "selector": "a[x='1]"}}, "trigger.selector"),
    "an element for a selector": ({"trigger": {"type": "click", "selector": "<a>"}}, "trigger.selector"),
}


@pytest.mark.parametrize(("fields", "path"), REFUSED.values(), ids=REFUSED)
def test_what_would_never_match_is_refused(merchant: Client, fields: dict[str, Any], path: str) -> None:
    assert_problem(merchant.post("/popups", {"name": "x", **fields}), 422, "invalid", path)
    assert_problem(merchant.patch(f"/popups/{create(merchant)['id']}", fields), 422, "invalid", path)


def test_all_that_is_wrong_is_told_at_once(merchant: Client) -> None:
    targeting = {"include_pages": ["/#a", "/b", "/c#"], "min_cart_value": "0.005"}
    answer = merchant.post("/popups", {"name": "x", "targeting": targeting, "trigger": {"selector": "#"}})
    paths = ("targeting.include_pages.0", "targeting.include_pages.2", "targeting.min_cart_value", "trigger.selector")
    assert_problem(answer, 422, "invalid", *paths)


def test_a_popup_stored_before_with_what_is_refused_today_is_edited_all_the_same(
    merchant: Client, database: Database, shop: Shop
) -> None:
    old = {"include_pages": ["/#/cart", "/caf%C3%A9"], "referrers": ["https://google.com/?q="]}
    popup_id = make_popup(database, shop, targeting=old, trigger={"type": "click", "selector": "#"})
    paused = merchant.patch(f"/popups/{popup_id}", {"status": "paused"})
    assert paused.status_code == 200, paused.text
    assert paused.json()["targeting"]["include_pages"] == ["/#/cart", "/café"]
    assert paused.json()["targeting"]["referrers"] == old["referrers"]
    assert merchant.post(f"/popups/{popup_id}/duplicate").status_code == 201
    assert merchant.post(f"/popups/{popup_id}/rollback", {"version": 2}).status_code == 200
    added = merchant.patch(f"/popups/{popup_id}", {"targeting": {"include_pages": ["/#/cart", "/#/new"]}})
    assert_problem(added, 422, "invalid", "targeting.include_pages.1")


def test_what_was_stored_before_is_served_as_it_is_compared(
    get_active_popups: FunctionProcess, database: Database, shop: Shop
) -> None:
    make_popup(database, shop, targeting={"include_pages": ["/caf%C3%A9", "/#x"], "referrers": ["https://Google.com/"]})
    (popup,) = Client(get_active_popups).get(f"/?shop_id={shop.id}").json()["popups"]
    assert (popup["targeting"]["include_pages"], popup["targeting"]["referrers"]) == (["/café", "/#x"], ["google.com"])


def test_an_events_origin_is_compared_without_the_default_port(
    merchant: Client, track_view: FunctionProcess, database: Database, shop: Shop
) -> None:
    origins = ["https://Shop.example:443", "http://localhost:3000"]
    assert merchant.patch("/shop", {"allowed_origins": origins}).json()["allowed_origins"] == [
        "https://shop.example",
        "http://localhost:3000",
    ]
    seen = {"popup_id": make_popup(database, shop), "session_id": "s"}
    for origin, status in (("https://shop.example", 202), ("https://other.example", 403)):
        assert Client(track_view).post(json=seen, headers={"Origin": origin}).status_code == status


def test_origins_stored_before_lose_the_port_that_browsers_leave_out(database: Database) -> None:
    before = ["https://a.example:443", "https://a.example:8443", "http://a.example:80", "http://a.example:443"]
    old, fine = make_shop(database, allowed_origins=before), make_shop(database, allowed_origins=before[1:2])
    database((ROOT / "sql" / "0011_origins.sql").read_text())
    stored = "SELECT allowed_origins FROM shops WHERE id = :id"
    assert database.value(stored, id=old.id) == ["https://a.example", before[1], "http://a.example", before[3]]
    assert database.value(stored, id=fine.id) == before[1:2]


# Amounts

AMOUNTS = [("EUR", "50", "50.00"), ("EUR", "49.9000", "49.90"), ("KWD", "1.25", "1.250"), ("JPY", "1000.00", "1000")]


@pytest.mark.parametrize(("currency", "written", "stored"), AMOUNTS)
def test_a_cart_value_has_the_decimals_of_the_shops_currency(
    manage_popups: FunctionProcess, database: Database, currency: str, written: str, stored: str
) -> None:
    merchant = Client(manage_popups, make_shop(database, currency=currency).write_key)
    popup = create(merchant, targeting={"min_cart_value": written})
    assert popup["targeting"]["min_cart_value"] == stored
    patched = merchant.patch(f"/popups/{popup['id']}", {"targeting": {"max_cart_value": written}}).json()
    assert (patched["targeting"]["min_cart_value"], patched["targeting"]["max_cart_value"]) == (stored, stored)


@pytest.mark.parametrize(
    ("currency", "value"), [("EUR", "0.005"), ("JPY", "0.5"), ("KWD", "1.0001"), ("CLF", "0.00001")]
)
def test_a_cart_value_that_nobody_can_pay_is_refused_and_not_rounded(
    manage_popups: FunctionProcess, database: Database, currency: str, value: str
) -> None:
    merchant = Client(manage_popups, make_shop(database, currency=currency).write_key)
    for name in ("min_cart_value", "max_cart_value"):
        answer = merchant.post("/popups", {"name": "x", "targeting": {name: value}})
        assert_problem(answer, 422, "invalid", f"targeting.{name}")


def test_a_cart_value_stays_when_the_shop_changes_its_currency(merchant: Client) -> None:
    popup = create(merchant, targeting={"min_cart_value": "49.90"})
    assert merchant.patch("/shop", {"currency": "JPY"}).status_code == 200
    paused = merchant.patch(f"/popups/{popup['id']}", {"status": "paused"}).json()
    assert paused["targeting"] == popup["targeting"]
    changed = merchant.patch(f"/popups/{popup['id']}", {"targeting": {"min_cart_value": "49.80"}})
    assert_problem(changed, 422, "invalid", "targeting.min_cart_value")


# Currencies


@pytest.mark.parametrize("currency", ["ZZZ", "XAU", "XTS", "DEM", "usd"])
def test_a_shop_has_a_currency_that_people_pay_in(merchant: Client, currency: str) -> None:
    assert_problem(merchant.patch("/shop", {"currency": currency}), 422, "invalid", "currency")


def test_a_shop_with_a_currency_of_its_own_making_is_edited_all_the_same(
    manage_popups: FunctionProcess, database: Database
) -> None:
    merchant = Client(manage_popups, make_shop(database, currency="ZZZ").write_key)
    assert merchant.patch("/shop", {"name": "Still here"}).json()["currency"] == "ZZZ"
    assert merchant.patch("/shop", {"currency": "EUR"}).json()["currency"] == "EUR"
