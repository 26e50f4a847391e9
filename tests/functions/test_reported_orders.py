"""Orders that browsers report: their word counts until the shop has a better one, and says whose an order was."""

import datetime
import itertools
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from common.postgres.driver import Connection
from common.shop.events import HOLDOUT, SHOP_HOLDOUT
from common.shop.orders import _recording
from tests.functions.test_orders import DAY, a_refund, an_order, at, credited, figures, listed, report, reported, touch
from tests.support.client import Client, assert_problem
from tests.support.clock import Clock
from tests.support.factories import (
    Shop,
    capture,
    conversion,
    insert,
    make_discount_code,
    make_popup,
    make_shop,
    purchase,
    uuid7,
    view,
)
from tests.support.stack import Database, FunctionProcess
from tests.support.tracking import assert_tallies_equal_events, at_once, send, send_each, statuses

HOUR = DAY / 24


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


def ago(event: dict[str, Any], days: float) -> dict[str, Any]:
    """Return the event with the id that a browser gave it so many days ago, at most 7."""
    return {**event, "event_id": uuid7(datetime.datetime.now(datetime.UTC) - days * DAY)}


def bought(shop: Shop, order_id: str, **fields: Any) -> dict[str, Any]:
    """Return a purchase that names its shop only."""
    event = purchase("", order_id, **fields) | {"shop_id": shop.id}
    del event["popup_id"]
    return event


def converters(database: Database, shop: Shop) -> dict[str, int]:
    """Viewers who bought, by popup."""
    rows = database(
        "SELECT popup_id::text, sum(converters) AS viewers FROM daily_converters"
        " WHERE shop_id = :shop AND type = 'purchase' GROUP BY popup_id HAVING sum(converters) <> 0",
        shop=shop.id,
    )
    return {row["popup_id"]: int(row["viewers"]) for row in rows}


def test_a_purchase_is_an_order_of_its_browser(
    track_conversion: FunctionProcess, merchant: Client, stats: FunctionProcess, shop: Shop, popup_id: str
) -> None:
    event = purchase(popup_id, "1", "12.50", visitor_id="ann", variant_id=None)
    assert send(track_conversion, event).status_code == 201
    (order,) = listed(merchant)
    assert {name: order[name] for name in order if name != "ordered_at"} == {
        "order_id": "1",
        "source": "browser",
        "confirmed": True,
        "revenue": "12.50",
        "currency": "USD",
        "refunded": "0.00",
        "recognised_by": "browser",
        "popup_id": popup_id,
        "variant_id": None,
        "reason": "report",
    }
    popup = report(stats, shop, f"/popups/{popup_id}")
    assert (popup["orders"], popup["revenue"], popup["conversions_by_type"]["purchase"]) == (1, "12.50", 1)


@pytest.mark.parametrize("first", ["browser", "shop"])
def test_the_shops_word_wins_whatever_came_first(
    track_conversion: FunctionProcess,
    merchant: Client,
    stats: FunctionProcess,
    database: Database,
    shop: Shop,
    popup_id: str,
    first: str,
) -> None:
    event = purchase(popup_id, "1", "1000000.00", visitor_id="ann")
    if first == "browser":
        said = send(track_conversion, event)
        assert said.status_code == 201
        assert merchant.post("/orders", an_order("1", revenue="20.00")).status_code == 201
    else:
        assert merchant.post("/orders", an_order("1", revenue="20.00")).status_code == 201
        said = send(track_conversion, event)
        assert said.status_code == 200
    again = send(track_conversion, purchase(popup_id, "1", "7.00"))
    assert (again.status_code, again.json()) == (200, said.json())
    (order,) = listed(merchant)
    assert [order[name] for name in ("source", "revenue", "recognised_by", "popup_id", "reason")] == [
        "api",
        "20.00",
        "browser",
        popup_id,
        "report",
    ]
    popup = report(stats, shop, f"/popups/{popup_id}")
    assert (popup["orders"], popup["revenue"], popup["conversions_by_type"]["purchase"]) == (1, "20.00", 1)
    assert credited(database, shop, "code", 7) == {"nobody": 1}


@pytest.mark.parametrize(("days_ago", "recognised_by"), [(0.9, "browser"), (1.1, None)])
def test_a_browsers_report_says_whose_an_order_was_within_a_day_of_it(
    track_conversion: FunctionProcess, merchant: Client, shop: Shop, days_ago: float, recognised_by: str | None
) -> None:
    reported(merchant, an_order("1", ordered_at=at(days_ago)))
    assert send(track_conversion, bought(shop, "1", visitor_id="ann")).status_code == 200
    assert listed(merchant)[0]["recognised_by"] == recognised_by


def test_since_the_first_trusted_order_others_are_unconfirmed_and_left_out(
    track_conversion: FunctionProcess,
    track_view: FunctionProcess,
    merchant: Client,
    stats: FunctionProcess,
    database: Database,
    shop: Shop,
    popup_id: str,
) -> None:
    for visitor, days in (("ann", 5), ("bob", 3), ("carl", 0.2), ("dora", 0)):
        send(track_view, ago(view(popup_id, visitor_id=visitor), days))
        send(track_conversion, ago(purchase(popup_id, visitor, visitor_id=visitor), max(0, days - 0.1)))
    path = f"/popups/{popup_id}"
    assert figures(report(stats, shop, path))["orders"] == 4
    assert converters(database, shop) == {popup_id: 4, str(uuid.UUID(int=0)): 4}
    first = reported(merchant, an_order("trusted", ordered_at=at(2.5), revenue="1.00"))
    unconfirmed = {"orders": 2, "revenue": "20.00", "average_order_value": "10.00", "unconfirmed_orders": 2}
    assert {name: report(stats, shop, path, window_days=8)[name] for name in unconfirmed} == unconfirmed
    whole = report(stats, shop, window_days=8)
    assert [whole[name] for name in ("orders", "revenue", "unconfirmed_orders")] == [3, "21.00", 2]
    assert sorted(order["order_id"] for order in listed(merchant) if not order["confirmed"]) == ["carl", "dora"]
    assert converters(database, shop) == {popup_id: 2, str(uuid.UUID(int=0)): 2}
    merchant.post("/orders/carl/refunds", a_refund(amount="4.00"))
    assert report(stats, shop, path, window_days=9)["refunded"] == "0.00"
    reported(merchant, an_order("carl", revenue="11.00", ordered_at=at(0.1)))
    confirmed = {"orders": 3, "revenue": "31.00", "refunded": "4.00", "unconfirmed_orders": 1}
    assert {name: report(stats, shop, path, window_days=10)[name] for name in confirmed} == confirmed
    assert converters(database, shop)[popup_id] == 3
    assert merchant.patch("/shop", {"confirmed_since": None}).status_code == 200
    assert report(stats, shop, path, window_days=11)["orders"] == 4
    assert converters(database, shop)[popup_id] == 4
    assert merchant.patch("/shop", {"confirmed_since": first["ordered_at"]}).status_code == 200
    assert report(stats, shop, path, window_days=12)["unconfirmed_orders"] == 1
    assert converters(database, shop)[popup_id] == 3


def test_on_its_own_day_the_hour_decides_what_is_confirmed(
    track_conversion: FunctionProcess, merchant: Client, stats: FunctionProcess, shop: Shop, popup_id: str
) -> None:
    for order_id, days in (("before", 0.02), ("after", 0.005)):
        send(track_conversion, ago(purchase(popup_id, order_id), days))
    reported(merchant, an_order("trusted", ordered_at=at(0.01)))
    for path in ("/shop", f"/popups/{popup_id}"):
        answer = report(stats, shop, path)
        assert (answer["orders"], answer["unconfirmed_orders"]) == (2 if path == "/shop" else 1, 1)


@pytest.mark.parametrize("type_", ["view", "click", "email_capture"])
def test_a_touch_that_comes_late_is_credited_as_if_it_had_been_in_time(
    track_conversion: FunctionProcess,
    track_view: FunctionProcess,
    merchant: Client,
    database: Database,
    shop: Shop,
    popup_id: str,
    type_: str,
) -> None:
    reported(merchant, an_order("1", visitor_id="ann", ordered_at=at(1)))
    reported(merchant, an_order("other", visitor_id="bob", ordered_at=at(1)))
    send(track_view, ago(view(popup_id, visitor_id="ann"), 0.5))
    assert credited(database, shop, "last_touch", 7) == {"nobody": 2}
    if type_ == "view":
        send(track_view, {"events": [ago(view(popup_id, visitor_id="ann"), 3.5)]})
    elif type_ == "click":
        send(track_conversion, ago(conversion(popup_id, visitor_id="ann"), 3.5))
    else:
        send(track_conversion, ago(capture(popup_id, "ann@example.com", visitor_id="ann"), 3.5))
    assert credited(database, shop, "last_touch", 2) == {"nobody": 2}
    assert credited(database, shop, "last_touch", 3) == {popup_id: 1, "nobody": 1}
    assert {order["order_id"]: order["popup_id"] for order in listed(merchant)} == {"1": popup_id, "other": None}
    assert database("SELECT * FROM orders_to_credit WHERE shop_id = :shop", shop=shop.id) == []


def test_a_late_touch_changes_no_order_of_more_than_a_week_ago(
    track_view: FunctionProcess, merchant: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    reported(merchant, an_order("1", visitor_id="ann", ordered_at=at(6.9)))
    reported(merchant, an_order("2", visitor_id="ann", ordered_at=at(7.1)))
    send(track_view, ago(view(popup_id, visitor_id="ann"), 6.95))
    reported(merchant, an_order("3", ordered_at=at(10)))
    assert {order["order_id"]: order["popup_id"] for order in listed(merchant)} == {
        "1": popup_id,
        "2": None,
        "3": None,
    }


# How many of five orders that wait a call credits in batches of two, by the seconds that each batch takes.
CREDITED_BY_A_CALL = {0.0: 5, 0.6: 4, 1.0: 2}


@pytest.mark.parametrize(("seconds", "orders"), CREDITED_BY_A_CALL.items())
def test_what_waits_is_credited_in_batches_for_as_long_as_a_call_may_take(
    merchant: Client,
    database: Database,
    shop: Shop,
    popup_id: str,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    orders: int,
) -> None:
    for number in range(5):
        reported(merchant, an_order(f"{number}", visitor_id="ann", ordered_at=at(0)))
    touch(database, shop, popup_id, "ann", 1)
    for number in range(5):
        insert(database, "orders_to_credit", shop_id=shop.id, order_id=f"{number}")
    forgotten: list[frozenset[uuid.UUID]] = []

    def forget(shop_id: str, recorded: _recording.Recorded) -> None:
        clock.now += seconds
        forgotten.append(recorded.popup_ids)

    monkeypatch.setattr(_recording, "BATCH_ORDERS", 2)
    monkeypatch.setattr(_recording, "forget_figures", forget)
    _recording.credit_for_a_while(Connection(database._connection), shop.id)
    credit = {popup_id: orders, "nobody": 5 - orders}
    assert credited(database, shop, "last_touch", 7) == {whose: count for whose, count in credit.items() if count}
    assert [uuid.UUID(popup_id) in popups for popups in forgotten] == [True] * -(-orders // 2)


def test_touches_and_orders_at_once_never_miss_each_other(
    track_view: FunctionProcess, track_conversion: FunctionProcess, merchant: Client, database: Database, shop: Shop
) -> None:
    popups = [make_popup(database, shop) for _ in range(3)]
    visitors = [f"visitor-{number}" for number in range(40)]
    calls: list[Callable[[], Any]] = []
    for number, visitor in enumerate(visitors):
        calls.append(partial(send, track_view, ago(view(popups[0], visitor_id=visitor), 2)))
        calls.append(partial(send, track_conversion, ago(conversion(popups[1], visitor_id=visitor), 1)))
        calls.append(partial(merchant.post, "/orders", an_order(visitor, visitor_id=visitor, ordered_at=at(0.5))))
        if number % 2:
            calls.append(partial(send, track_conversion, bought(shop, visitor, visitor_id=visitor)))
    assert {answer.status_code for answer in at_once(calls, threads=16)} <= {200, 201, 202}
    assert credited(database, shop, "last_touch", 7) == {popups[1]: 40}
    assert credited(database, shop, "view", 7) == {popups[0]: 40}
    assert database("SELECT * FROM orders_to_credit WHERE shop_id = :shop", shop=shop.id) == []


def test_an_order_reported_a_hundred_times_at_once_is_one(
    track_conversion: FunctionProcess, merchant: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    posts = [partial(merchant.post, "/orders", an_order("1", revenue=f"{n}.00")) for n in range(50)]
    events = [partial(send, track_conversion, purchase(popup_id, "1")) for _ in range(50)]
    answers = at_once([call for pair in zip(posts, events, strict=True) for call in pair], threads=16)
    new = [answer.status_code for answer in answers if "order_id" in answer.json() and answer.status_code == 201]
    assert len(new) == 1
    assert len({answer.json()["conversion_id"] for answer in answers if "conversion_id" in answer.json()}) == 1
    assert sum(credited(database, shop, "last_touch", 7).values()) == 1
    (order,) = listed(merchant)
    assert credited(database, shop, "last_touch", 7, "revenue") == {popup_id: int(float(order["revenue"]))}


def test_a_deleted_order_is_not_brought_back_by_a_browser(
    track_conversion: FunctionProcess, merchant: Client, stats: FunctionProcess, shop: Shop, popup_id: str
) -> None:
    event = purchase(popup_id, "1", visitor_id="ann")
    first = send(track_conversion, event)
    reported(merchant, an_order("2"))
    for order_id in ("1", "2"):
        assert merchant.delete(f"/orders/{order_id}").status_code == 204
    assert send(track_conversion, event).json() == first.json()
    for order_id in ("1", "2"):
        assert send(track_conversion, purchase(popup_id, order_id)).status_code == 200
    assert listed(merchant) == []
    popup = report(stats, shop, f"/popups/{popup_id}")
    assert (popup["orders"], popup["conversions"], popup["unconfirmed_orders"]) == (0, 0, 0)


def test_the_conversion_of_a_deleted_order_leaves_its_own_tally_and_no_other(
    track_conversion: FunctionProcess, merchant: Client, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop, variants=[{"id": "a"}, {"id": "b"}])
    deleted = {"variant_id": "a", "device_type": "mobile", "currency": "USD"}
    for order_id, other in enumerate([{}, {"variant_id": "b"}, {"device_type": "tablet"}, {"currency": "EUR"}]):
        assert send(track_conversion, purchase(popup_id, f"{order_id}") | deleted | other).status_code == 201
    assert merchant.delete("/orders/0").status_code == 204
    assert_tallies_equal_events(database, shop.id)


def test_what_an_order_made_of_a_visitor_is_undone_with_it(
    track_conversion: FunctionProcess, track_view: FunctionProcess, merchant: Client, database: Database, shop: Shop
) -> None:
    popups = [make_popup(database, shop) for _ in range(3)]
    for popup_id, days in zip(popups, (6, 3, 0), strict=True):
        send(track_view, ago(view(popup_id, visitor_id="ann"), days))
    reported(merchant, an_order("1", visitor_id="ann", ordered_at=at(1)))
    whole = str(uuid.UUID(int=0))
    assert converters(database, shop) == {popups[0]: 1, popups[1]: 1, whole: 1}
    reported(merchant, an_order("2", visitor_id="ann"))
    assert converters(database, shop) == {popups[0]: 1, popups[1]: 1, popups[2]: 1, whole: 1}
    merchant.delete("/orders/2")
    assert converters(database, shop) == {popups[0]: 1, popups[1]: 1, whole: 1}
    merchant.delete("/orders/1")
    assert converters(database, shop) == {}


def test_a_buyer_of_the_shop_bought_in_a_week_after_the_popup_that_was_first_seen_whichever_came_first(
    track_view: FunctionProcess, merchant: Client, database: Database, shop: Shop
) -> None:
    """The shop's buyers and those of the popup whose view came first are not the same: late views may be older."""
    early, late, too_early = (make_popup(database, shop) for _ in range(3))
    seen = [("ann", early, 2), ("ann", too_early, 6.9), ("bob", late, 1), ("bob", early, 5)]
    for visitor, popup_id, days in seen:
        assert send(track_view, ago(view(popup_id, visitor_id=visitor), days)).status_code == 202
    database(
        "UPDATE viewers_by_popup SET first_seen_at = first_seen_at - interval '1 day' WHERE popup_id = :id",
        id=too_early,
    )
    reported(merchant, an_order("of ann", visitor_id="ann"))
    assert converters(database, shop) == {early: 1}
    reported(merchant, an_order("of bob", visitor_id="bob", ordered_at=at(2)))
    assert converters(database, shop) == {early: 2, str(uuid.UUID(int=0)): 1}


def test_a_purchase_that_names_its_shop_is_the_popups_that_has_the_credit(
    track_conversion: FunctionProcess, track_view: FunctionProcess, merchant: Client, shop: Shop, popup_id: str
) -> None:
    send(track_view, view(popup_id, visitor_id="ann"))
    assert send(track_conversion, bought(shop, "1", visitor_id="ann")).status_code == 201
    assert send(track_conversion, bought(shop, "2", visitor_id="bob")).status_code == 201
    assert send(track_conversion, bought(shop, "2", visitor_id="bob")).status_code == 200
    assert {order["order_id"]: (order["popup_id"], order["reason"]) for order in listed(merchant)} == {
        "1": (popup_id, "view"),
        "2": (None, None),
    }


# What a visitor met: the popup, the act, days ago, the variant. Then the code of the purchase, and whose that is.
MET: dict[str, tuple[list[tuple[str, str, float, str | None]], str | None, str | None]] = {
    "a view within a week": ([("P", "view", 6.9, None)], None, "P"),
    "a view of longer ago": ([("P", "view", 7.1, None)], None, None),
    "the last of two views": ([("P", "view", 3, None), ("Q", "view", 4, None)], None, "P"),
    "the last of two clicks": ([("P", "click", 4, None), ("Q", "click", 3, None)], None, "Q"),
    "a click, and a view since": ([("P", "email_capture", 3, None), ("Q", "view", 1, None)], None, "P"),
    "a code used is no click": ([("P", "discount_code_used", 1, None)], None, None),
    "held out from the popup": ([("P", "view", 1, "holdout")], None, None),
    "held out from all popups": ([("P", "click", 1, "shop_holdout")], None, None),
    "a popup that is deleted": ([("deleted", "click", 1, None), ("P", "view", 2, None)], None, "P"),
    "a code's popup met last, whenever": ([("A", "view", 9, None), ("B", "view", 20, None)], "TEN", "A"),
    "a code's popup before a click": ([("B", "view", 9, None), ("P", "click", 1, None)], "ten", "B"),
    "a code of two popups, of which none was met": ([("P", "click", 1, None)], "TEN", "P"),
    "a code of one popup, which was not met": ([("P", "click", 1, None)], "FIVE", "C"),
    "a code of a pool": ([("P", "click", 1, None)], "POOL-1", "D"),
}


def test_a_purchase_that_names_its_shop_is_of_the_popup_that_the_buyer_met_last(
    track_conversion: FunctionProcess, database: Database, shop: Shop
) -> None:
    """Of those that offer the code, if any was met or there is one; else by a click; else by a view in a week."""
    ten, five = (make_discount_code(database, shop, code=code) for code in ("TEN", "FIVE"))
    offers = {"A": ten, "B": ten, "C": five, "D": make_discount_code(database, shop, ["POOL-1"])}
    popups = {
        name: make_popup(database, shop, offer={"type": "discount", "discount_code_id": offers.get(name)})
        for name in ("P", "Q", "deleted", *offers)
    }
    database("UPDATE popups SET deleted_at = now() WHERE id = :id", id=popups["deleted"])
    for visitor, (touches, code, _) in MET.items():
        for name, act, days_ago, variant in touches:
            of_type = {} if act == "view" else {"type": act}
            touch(database, shop, popups[name], visitor, days_ago, variant_id=variant, **of_type)
        event = bought(shop, visitor, visitor_id=visitor, discount_code=code)
        assert send(track_conversion, event).status_code == 201
    rows = database(
        "SELECT visitor_id, popup_id::text FROM popup_conversions WHERE shop_id = :shop AND type = 'purchase'",
        shop=shop.id,
    )
    no_popup = {None: str(uuid.UUID(int=0))}
    assert {row["visitor_id"]: row["popup_id"] for row in rows} == {
        visitor: (popups | no_popup)[expected] for visitor, (_, _, expected) in MET.items()
    }


@pytest.mark.parametrize(("window_days", "orders"), [(2, 0), (4, 1), (30, 1)])
def test_a_purchase_that_names_its_shop_is_no_popups_outside_the_window(
    track_conversion: FunctionProcess,
    track_view: FunctionProcess,
    stats: FunctionProcess,
    shop: Shop,
    popup_id: str,
    window_days: int,
    orders: int,
) -> None:
    send(track_view, ago(view(popup_id, visitor_id="ann"), 3))
    assert send(track_conversion, bought(shop, "1", visitor_id="ann")).status_code == 201
    for attribution in ("last_touch", "view"):
        answer = report(stats, shop, f"/popups/{popup_id}", attribution=attribution, window_days=window_days)
        assert answer["orders"] == orders


def test_a_purchase_that_names_its_shop_and_comes_late_is_no_popups_that_was_met_since(
    track_conversion: FunctionProcess,
    track_view: FunctionProcess,
    merchant: Client,
    stats: FunctionProcess,
    shop: Shop,
    popup_id: str,
) -> None:
    send(track_view, ago(view(popup_id, visitor_id="ann"), 2))
    assert send(track_conversion, ago(bought(shop, "1", visitor_id="ann"), 3)).status_code == 201
    assert [(order["popup_id"], order["reason"]) for order in listed(merchant)] == [(None, None)]
    assert report(stats, shop, f"/popups/{popup_id}")["conversions_by_type"]["purchase"] == 0


def test_a_code_used_that_names_its_shop_counts_for_the_popup_that_offers_it(
    track_conversion: FunctionProcess, stats: FunctionProcess, database: Database, shop: Shop, merchant: Client
) -> None:
    code_id = make_discount_code(database, shop, code="TEN")
    popup_id = make_popup(database, shop, offer={"type": "discount", "discount_code_id": code_id})
    for code in ("ten", "OTHER"):
        event = conversion("", "discount_code_used", discount_code=code, shop_id=shop.id)
        del event["popup_id"]
        assert send(track_conversion, event).status_code == 201
    assert report(stats, shop, f"/popups/{popup_id}")["conversions_by_type"]["discount_code_used"] == 1
    assert report(stats, shop)["conversions_by_type"]["discount_code_used"] == 2
    assert merchant.get(f"/discount-codes/{code_id}").json()["usage_count"] == 1


BAD_PURCHASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "neither shop nor popup": ({"shop_id": None}, 422, "popup_id"),
    "a click": ({"type": "click"}, 422, "popup_id"),
    "a shop that does not exist": ({"shop_id": "nowhere"}, 404, "shop_not_found"),
    "a shop id that is too long": ({"shop_id": "s" * 65}, 422, "shop_id"),
}


@pytest.mark.parametrize(("wrong", "status", "what"), BAD_PURCHASES.values(), ids=BAD_PURCHASES)
def test_an_event_without_a_popup_must_name_an_existing_shop(
    track_conversion: FunctionProcess, shop: Shop, wrong: dict[str, Any], status: int, what: str
) -> None:
    answer = Client(track_conversion).post(json=bought(shop, "1") | wrong)
    assert_problem(answer, status, *([what] if status == 404 else ["invalid", what]))


def test_a_shops_origins_hold_for_events_that_name_it(track_conversion: FunctionProcess, database: Database) -> None:
    shop = make_shop(database, allowed_origins=["https://shop.example"])
    refused = send(track_conversion, bought(shop, "1"), Origin="https://other.example")
    assert_problem(refused, 403, "origin_not_allowed")
    assert send(track_conversion, bought(shop, "1"), Origin="https://shop.example").status_code == 201


def test_a_code_named_after_its_order_counts_for_the_credit(
    track_conversion: FunctionProcess, merchant: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    code_id = make_discount_code(database, shop, code="TEN")
    offering = make_popup(database, shop, offer={"type": "discount", "discount_code_id": code_id})
    send(track_conversion, purchase(popup_id, "another", discount_code="TEN"))
    send(track_conversion, purchase(popup_id, "1"))
    assert {order["order_id"]: order["popup_id"] for order in listed(merchant)} == {"another": offering, "1": popup_id}
    send(track_conversion, conversion(popup_id, "discount_code_used", discount_code="TEN", order_id="1"))
    assert [(order["popup_id"], order["reason"]) for order in listed(merchant)] == [(offering, "code")] * 2


def test_the_codes_of_an_order_that_the_shop_has_reported_are_the_shops_word(
    track_conversion: FunctionProcess, merchant: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    code_id = make_discount_code(database, shop, code="TEN")
    make_popup(database, shop, offer={"type": "discount", "discount_code_id": code_id})
    reported(merchant, an_order("1"))
    send(track_conversion, conversion(popup_id, "discount_code_used", discount_code="TEN", order_id="1"))
    send(track_conversion, purchase(popup_id, "1"))
    send(track_conversion, purchase(popup_id, "2", discount_code="TEN", visitor_id="ann"))
    assert listed(merchant)[0]["reason"] == "code"
    reported(merchant, an_order("2", visitor_id="ann"))
    assert [(order["popup_id"], order["reason"]) for order in listed(merchant)] == [(popup_id, "report")] * 2


@pytest.mark.parametrize("variant_id", [HOLDOUT, SHOP_HOLDOUT])
def test_an_order_of_a_held_out_visitor_is_no_popups(
    track_conversion: FunctionProcess,
    merchant: Client,
    stats: FunctionProcess,
    shop: Shop,
    popup_id: str,
    variant_id: str,
) -> None:
    send(track_conversion, purchase(popup_id, "1", variant_id=variant_id))
    send(track_conversion, conversion(popup_id, "click", variant_id=variant_id))
    (order,) = listed(merchant)
    assert (order["popup_id"], order["variant_id"]) == (None, None)
    told = report(stats, shop, f"/popups/{popup_id}")
    assert (told["conversions"], told["converters"], told["revenue"]) == (0, 0, "0.00")


def test_orders_of_several_shops_in_one_flush_are_each_their_own(
    track_conversion: FunctionProcess, database: Database
) -> None:
    shops = [make_shop(database) for _ in range(5)]
    popups = [make_popup(database, shop) for shop in shops]
    events = [
        purchase(popup_id, f"{number}") for number, popup_id in enumerate(itertools.islice(itertools.cycle(popups), 50))
    ]
    assert statuses(send_each((track_conversion, event) for event in events)) == {201: 50}
    assert [credited(database, shop, "last_touch", 7) for shop in shops] == [{popup_id: 10} for popup_id in popups]


def test_a_refund_of_a_browsers_order_counts_with_it(
    track_conversion: FunctionProcess, merchant: Client, stats: FunctionProcess, shop: Shop, popup_id: str
) -> None:
    send(track_conversion, purchase(popup_id, "1", "10.00"))
    assert merchant.post("/orders/1/refunds", a_refund(amount="3.00")).status_code == 201
    assert report(stats, shop, f"/popups/{popup_id}")["net_revenue"] == "7.00"
