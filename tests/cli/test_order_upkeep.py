"""Orders beside releases that know none, and what of a person stays in them: `popups recount`, `retain` and erasure."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from cli.connection import open_connection
from cli.upkeep.recount import recount
from cli.upkeep.retain import retain
from common.config import load
from tests.functions.test_orders import DAY, NOW, an_order, at, credited, listed, reported, touch
from tests.support.client import Client
from tests.support.factories import Shop, capture, insert, make_popup, make_shop, purchase, uuid7, view
from tests.support.stack import Database, FunctionProcess, Stack, create_database, open_database
from tests.support.tracking import send


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[Database]:
    """One of its own: `retain` goes through all shops."""
    with open_database(create_database(stack.postgres, f"orders-{uuid.uuid4().hex[:8]}")) as opened:
        yield opened


@pytest.fixture(scope="module")
def functions(stack: Stack, database: Database) -> Iterator[dict[str, FunctionProcess]]:
    environ = {"DATABASE_URL": database.url, "REDIS_URL": None}
    names = ("track_view", "track_conversion", "manage_popups")
    started = {name: stack.start_function(name, **environ) for name in names}
    yield started
    for function in started.values():
        function.stop()


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture
def merchant(functions: dict[str, FunctionProcess], shop: Shop) -> Client:
    return Client(functions["manage_popups"], shop.write_key)


def names_in_orders(database: Database, shop: Shop) -> set[str | None]:
    rows = database("SELECT viewer_name, reported_viewer FROM orders WHERE shop_id = :shop", shop=shop.id)
    return {name for row in rows for name in row.values()}


def test_purchases_that_a_release_without_orders_stored_become_orders_as_they_were_credited(
    database: Database, shop: Shop, merchant: Client, functions: dict[str, FunctionProcess]
) -> None:
    popup_id, seen = make_popup(database, shop), make_popup(database, shop)
    touch(database, shop, seen, "ann", 0.5)
    bought = {"shop_id": shop.id, "order_id": "1", "event_id": uuid7()}
    conversion = {"session_id": "s", "visitor_id": "ann", "type": "purchase", "revenue": 5, "currency": "USD"}
    insert(database, "popup_conversions", popup_id=popup_id, **bought, **conversion)
    insert(database, "purchases", **bought)
    for _ in range(2):
        with open_connection(load({"DATABASE_URL": database.url})) as connection:
            recount(connection, shop.id, say=lambda line: None)
        assert credited(database, shop, "stored", 1, "revenue") == {popup_id: 5}
        assert credited(database, shop, "view", 7) == {}
    assert [(order["popup_id"], order["reason"]) for order in listed(merchant)] == [(popup_id, "stored")]
    again = send(functions["track_conversion"], purchase(popup_id, "1"))
    assert (again.status_code, again.json()["conversion_id"]) == (200, bought["event_id"])


def test_a_recount_credits_orders_whose_touches_a_release_without_orders_stored_late(
    database: Database, shop: Shop, merchant: Client
) -> None:
    popup_id = make_popup(database, shop)
    reported(merchant, an_order("1", visitor_id="ann", ordered_at=at(1)))
    touch(database, shop, popup_id, "ann", 2)
    assert credited(database, shop, "view", 7) == {"nobody": 1}
    with open_connection(load({"DATABASE_URL": database.url})) as connection:
        recount(connection, shop.id, say=lambda line: None)
    assert credited(database, shop, "view", 7) == {popup_id: 1}


# What is stored of a purchase of before there were orders: an order as the migration made it, or none at all.
@pytest.mark.parametrize("is_migrated", [True, False])
def test_who_bought_before_there_were_orders_is_a_buyer_after_a_recount(
    database: Database, shop: Shop, merchant: Client, is_migrated: bool
) -> None:
    popup_id, other = make_popup(database, shop), make_popup(database, shop)
    touch(database, shop, popup_id, "ann", 3)
    touch(database, shop, popup_id, "bob", 3)
    touch(database, shop, other, "ann", 12)  # more than 7 days before the order
    bought = {"shop_id": shop.id, "order_id": "1", "event_id": uuid7(NOW - 2 * DAY)}
    paid = {"revenue": 5, "currency": "USD"}
    conversion = {"session_id": "s", "visitor_id": "ann", "type": "purchase", "converted_at": at(2), **paid}
    insert(database, "popup_conversions", popup_id=popup_id, **bought, **conversion)
    insert(database, "purchases", **bought)
    if is_migrated:
        of_order = {"source": "browser", "report_id": bought["event_id"], "conversion_id": bought["event_id"], **paid}
        times = {"ordered_at": at(2), "received_at": at(2), "reported_at": at(2), "day": (NOW - 2 * DAY).date()}
        stored = {"reported_popup_id": popup_id, "is_credited": True, "is_credited_as_stored": True}
        insert(database, "orders", shop_id=shop.id, order_id="1", **of_order, **times, **stored)
    for _ in range(2):
        with open_connection(load({"DATABASE_URL": database.url})) as connection:
            recount(connection, shop.id, say=lambda line: None)
        buyers = database(
            "SELECT popup_id::text, sum(converters)::integer AS converters FROM daily_converters"
            " WHERE shop_id = :shop AND type = 'purchase' GROUP BY popup_id HAVING sum(converters) <> 0",
            shop=shop.id,
        )
        assert buyers == [{"popup_id": popup_id, "converters": 1}]  # ann was first seen in the shop 12 days ago
        (order,) = listed(merchant)
        assert (order["recognised_by"], order["reason"], order["popup_id"]) == ("browser", "stored", popup_id)
    assert merchant.patch("/shop", {"confirmed_since": at(4)}).status_code == 200
    assert listed(merchant)[0]["confirmed"] is False
    left = "SELECT coalesce(sum(converters), 0) FROM daily_converters WHERE shop_id = :shop AND type = 'purchase'"
    assert database.value(left, shop=shop.id) == 0


def test_every_purchase_becomes_an_order_however_many_there_are(database: Database, shop: Shop) -> None:
    popup_id = make_popup(database, shop)
    for n in range(250):
        bought = {"shop_id": shop.id, "order_id": f"{n}", "event_id": uuid7()}
        insert(database, "purchases", **bought)
        conversion = {"session_id": "s", "visitor_id": f"v{n}", "type": "purchase", "revenue": 5, "currency": "USD"}
        insert(database, "popup_conversions", popup_id=popup_id, **bought, **conversion)
    with open_connection(load({"DATABASE_URL": database.url})) as connection:
        recount(connection, shop.id, say=lambda line: None)
        assert recount(connection, shop.id, say=lambda line: None) == 0
    assert credited(database, shop, "stored", 1) == {popup_id: 250}
    viewers = "SELECT count(DISTINCT viewer) FROM orders WHERE shop_id = :shop AND recognised_by = 'browser'"
    assert database.value(viewers, shop=shop.id) == 250


@pytest.mark.parametrize("days_ago", [1, 8, 25])
def test_a_recount_credits_orders_of_any_age(database: Database, shop: Shop, merchant: Client, days_ago: int) -> None:
    popup_id = make_popup(database, shop)
    reported(merchant, an_order("1", visitor_id="ann", ordered_at=at(days_ago)))
    touch(database, shop, popup_id, "ann", days_ago + 1)
    with open_connection(load({"DATABASE_URL": database.url})) as connection:
        assert recount(connection, shop.id, say=lambda line: None) > 0
        assert credited(database, shop, "view", 7) == {popup_id: 1}
        database("DELETE FROM popup_views WHERE shop_id = :shop", shop=shop.id)  # as `popups retain` does
        database(
            "UPDATE orders SET ordered_at = ordered_at - interval '90 days', day = day - 90 WHERE shop_id = :shop",
            shop=shop.id,
        )
        recount(connection, shop.id, say=lambda line: None)
        assert credited(database, shop, "view", 7) == {popup_id: 1}


def test_a_recount_makes_every_tally_what_the_orders_say(database: Database, shop: Shop, merchant: Client) -> None:
    popup_id = make_popup(database, shop)
    touch(database, shop, popup_id, "ann", 3)
    reported(merchant, an_order("1", visitor_id="ann", ordered_at=at(1)))
    merchant.post("/orders/1/refunds", {"refund_id": "1", "amount": "2.00", "currency": "USD"})
    reported(merchant, an_order("2"))
    all_rows = "SELECT * FROM daily_orders WHERE shop_id = :shop AND (orders, revenue, refunded) <> (0, 0, 0)"
    before = sorted(map(str, database(all_rows, shop=shop.id)))
    database("UPDATE daily_orders SET orders = orders + 1, refunded = 7 WHERE shop_id = :shop", shop=shop.id)
    database("UPDATE daily_orders SET step = 9 WHERE shop_id = :shop AND step = 2", shop=shop.id)
    for expected in (True, False):
        with open_connection(load({"DATABASE_URL": database.url})) as connection:
            assert (recount(connection, shop.id, say=lambda line: None) > 0) is expected
        assert sorted(map(str, database(all_rows, shop=shop.id))) == before


def test_the_names_of_viewers_leave_orders_with_the_events_and_the_credit_stays(
    database: Database, shop: Shop, merchant: Client, functions: dict[str, FunctionProcess]
) -> None:
    popup_id = make_popup(database, shop)
    touch(database, shop, popup_id, "ann", 2)
    reported(merchant, an_order("1", visitor_id="ann"))
    send(functions["track_conversion"], purchase(popup_id, "1", visitor_id="bob"))
    assert names_in_orders(database, shop) == {"ann", "bob"}
    database("UPDATE orders SET received_at = now() - interval '31 days' WHERE shop_id = :shop", shop=shop.id)
    with open_connection(load({"DATABASE_URL": database.url})) as connection:
        retain(connection, 30, say=lambda line: None)
    assert names_in_orders(database, shop) == {None}
    insert(database, "orders_to_credit", shop_id=shop.id, order_id="1")
    with open_connection(load({"DATABASE_URL": database.url})) as connection:
        retain(connection, 30, say=lambda line: None)
    assert credited(database, shop, "view", 7) == {popup_id: 1}


LATER_ACTS: dict[str, dict[str, Any]] = {
    "the shop reports that order": {"order_id": "1"},
    "the shop reports another order": {"order_id": "2", "visitor_id": "ann"},
    "a browser reports another order": {"browser": "2"},
    "a view comes late": {"late": True},
    "a recount": {},
}


@pytest.mark.parametrize("act", LATER_ACTS)
def test_what_a_visitor_has_paid_stays_in_experiments_after_the_names_have_left(
    database: Database, shop: Shop, merchant: Client, functions: dict[str, FunctionProcess], act: str
) -> None:
    popup_id = make_popup(database, shop, variants=[{"id": "a"}, {"id": "b"}])
    met = {"visitor_id": "ann", "variant_id": "a"}
    assert send(functions["track_view"], {"exposures": [view(popup_id, **met)]}).ok
    assert send(functions["track_conversion"], purchase(popup_id, "1", "20.00", **met)).ok
    database("UPDATE orders SET received_at = received_at - interval '31 days' WHERE shop_id = :shop", shop=shop.id)
    with open_connection(load({"DATABASE_URL": database.url})) as connection:
        retain(connection, 30, say=lambda line: None)
        assert names_in_orders(database, shop) == {None}
        later = LATER_ACTS[act]
        if "order_id" in later:
            reported(merchant, an_order(revenue="20.00", **later))
        if "browser" in later:
            assert send(functions["track_conversion"], purchase(popup_id, later["browser"], "20.00", **met)).ok
        if "late" in later:
            assert send(functions["track_view"], view(popup_id, **met) | {"event_id": uuid7(NOW - DAY)}).ok
        recount(connection, shop.id, say=lambda line: None)
    orders = 2 if "2" in later.values() else 1
    (arm,) = database(
        "SELECT variant_id, bought, paid, capped FROM stretch_tallies WHERE shop_id = :shop AND met_by = 2",
        shop=shop.id,
    )
    assert arm == {"variant_id": "a", "bought": 1, "paid": 20 * orders, "capped": 20 * orders}


def test_an_erased_person_is_in_no_order_and_the_credit_stays(
    database: Database, shop: Shop, merchant: Client, functions: dict[str, FunctionProcess]
) -> None:
    popup_id = make_popup(database, shop)
    send(functions["track_conversion"], capture(popup_id, "ann@example.com", visitor_id="ann"))
    reported(merchant, an_order("1", email="ann@example.com"))
    reported(merchant, an_order("2", visitor_id="bob"))
    send(functions["track_conversion"], purchase(popup_id, "2", visitor_id="ann"))
    (person,) = merchant.get("/subscribers").json()["subscribers"]
    assert merchant.delete(f"/subscribers/{person['id']}").status_code == 204
    assert "ann" not in names_in_orders(database, shop)
    assert "bob" in names_in_orders(database, shop)
    assert credited(database, shop, "click", 7) == {popup_id: 1, "nobody": 1}
    viewers = database("SELECT viewer FROM viewers_of_popups WHERE shop_id = :shop", shop=shop.id)
    assert {
        row["viewer"]
        for row in database("SELECT viewer FROM orders WHERE shop_id = :shop AND order_id = '1'", shop=shop.id)
    } <= {row["viewer"] for row in viewers}
