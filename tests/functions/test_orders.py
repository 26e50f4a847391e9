"""POST, GET and DELETE /orders, and refunds: on whose word an order is, whose it was, and whose credit."""

import datetime
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.support.client import PROMISED_SECONDS, Client, assert_problem
from tests.support.factories import (
    Shop,
    insert,
    make_discount_code,
    make_popup,
    make_shop,
    uuid7,
)
from tests.support.stack import Database, FunctionProcess, eventually

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
NOBODY = uuid.UUID(int=0)


def an_order(order_id: str | None = None, **fields: Any) -> dict[str, Any]:
    named = order_id or f"order-{uuid.uuid4().hex[:8]}"
    return {"order_id": named, "revenue": "49.90", "currency": "USD", **fields}


def a_refund(refund_id: str = "r1", **fields: Any) -> dict[str, Any]:
    return {"refund_id": refund_id, "amount": "9.90", "currency": "USD", **fields}


def at(days_ago: float) -> str:
    # Of this moment, as events are: NOW is of when the tests were collected, many minutes ago on a busy machine.
    return (datetime.datetime.now(datetime.UTC) - days_ago * DAY).isoformat()


def touch(
    database: Database, shop: Shop, popup_id: str, visitor_id: str | None, days_ago: float, **fields: Any
) -> None:
    """Insert a view of so many days ago, or with a `type` a conversion."""
    instant = datetime.datetime.now(datetime.UTC) - days_ago * DAY
    row = {"shop_id": shop.id, "popup_id": popup_id, "session_id": "s", "visitor_id": visitor_id, **fields}
    if "type" in fields:
        insert(database, "popup_conversions", event_id=uuid7(instant), converted_at=instant, **row)
    else:
        insert(database, "popup_views", event_id=uuid7(instant), viewed_at=instant, **row)


def listed(merchant: Client, **query: str) -> list[dict[str, Any]]:
    answer = merchant.get("/orders", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["orders"]


def reported(merchant: Client, order: dict[str, Any]) -> dict[str, Any]:
    answer = merchant.post("/orders", order)
    assert answer.status_code == 201, answer.text
    return answer.json()


def credited(database: Database, shop: Shop, rule: str, window_days: int, column: str = "orders") -> dict[str, Any]:
    """Return each popup's credit under a rule, as the reports add it up."""
    rows = database(
        f"SELECT popup_id, sum({column}) AS amount FROM daily_orders"
        " WHERE shop_id = :shop AND rule = :rule AND step <= :window_days GROUP BY popup_id HAVING sum(orders) <> 0",
        shop=shop.id,
        rule=rule,
        window_days=window_days,
    )
    return {str(row["popup_id"]) if row["popup_id"] != NOBODY else "nobody": row["amount"] for row in rows}


def test_the_first_report_is_new_and_later_ones_change_nothing(merchant: Client) -> None:
    first = merchant.post("/orders", an_order("1", revenue="10.00", email=None, visitor_id=None, ordered_at=None))
    again = merchant.post("/orders", an_order("1", revenue="99.00", currency="EUR"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == listed(merchant)[0]
    assert first.json() | {"ordered_at": ""} == {
        "order_id": "1",
        "source": "api",
        "confirmed": True,
        "revenue": "10.00",
        "currency": "USD",
        "refunded": "0.00",
        "ordered_at": "",
        "recognised_by": None,
        "popup_id": None,
        "variant_id": None,
        "reason": None,
    }


BAD_ORDERS: dict[str, tuple[dict[str, Any], str]] = {
    "no id": ({"order_id": ""}, "order_id"),
    "an id of 101 characters": ({"order_id": "x" * 101}, "order_id"),
    "an id that is a number": ({"order_id": 17}, "order_id"),
    "no revenue": ({"revenue": None}, "revenue"),
    "negative revenue": ({"revenue": "-0.01"}, "revenue"),
    "too much revenue": ({"revenue": "1000000000000.01"}, "revenue"),
    "more decimals than the currency has": ({"revenue": "10.001"}, "revenue"),
    "decimals behind many zeros": ({"revenue": "20." + "0" * 27 + "1"}, "revenue"),
    "decimals in a currency without": ({"revenue": "10.5", "currency": "JPY"}, "revenue"),
    "a revenue that is a word": ({"revenue": "ten"}, "revenue"),
    "no currency": ({"currency": None}, "currency"),
    "a currency that does not exist": ({"currency": "XYZ"}, "currency"),
    "codes that are no list": ({"discount_codes": "TEN"}, "discount_codes"),
    "21 codes": ({"discount_codes": [f"C{n}" for n in range(21)]}, "discount_codes"),
    "a code of 101 characters": ({"discount_codes": ["x" * 101]}, "discount_codes.0"),
    "an address that is none": ({"email": "ann"}, "email"),
    "a visitor of 65 characters": ({"visitor_id": "v" * 65}, "visitor_id"),
    "a day instead of a time": ({"ordered_at": "2026-11-01"}, "ordered_at"),
    "a time of the last century": ({"ordered_at": "1999-12-31T23:59:59Z"}, "ordered_at"),
    "a time in two days": ({"ordered_at": (NOW + 2 * DAY).isoformat()}, "ordered_at"),
    "an unknown field": ({"popup_id": str(uuid.uuid4())}, "popup_id"),
}


@pytest.mark.parametrize(("wrong", "field"), BAD_ORDERS.values(), ids=BAD_ORDERS)
def test_a_bad_order_is_refused_by_its_field(merchant: Client, wrong: dict[str, Any], field: str) -> None:
    assert_problem(merchant.post("/orders", an_order() | wrong), 422, "invalid", field)
    assert listed(merchant) == []


@pytest.mark.parametrize(
    ("path", "body"), [("/orders", an_order("1")), ("/orders/1/refunds", a_refund())], ids=["order", "refund"]
)
def test_an_id_and_money_must_be_there(merchant: Client, path: str, body: dict[str, Any]) -> None:
    for field in body:
        rest = {name: value for name, value in body.items() if name != field}
        assert_problem(merchant.post(path, rest), 422, "invalid", field)
    assert listed(merchant) == []


# At every bound, and just inside those of time.
EXTREME_ORDERS: dict[str, dict[str, Any]] = {
    "the most": {
        "order_id": "x" * 100,
        "revenue": "1000000000000.00",
        "discount_codes": [f"{n:0100}" for n in range(20)],
        "email": f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.com",
        "visitor_id": "v" * 64,
        "ordered_at": (NOW + DAY).isoformat(),
    },
    "the least": {
        "order_id": "1",
        "revenue": "0",
        "discount_codes": ["1"],
        "visitor_id": "v",
        "ordered_at": "2000-01-01T00:00:00+00:00",
    },
}


@pytest.mark.parametrize("extreme", EXTREME_ORDERS.values(), ids=EXTREME_ORDERS)
def test_an_order_may_have_the_most_and_the_least_of_everything(merchant: Client, extreme: dict[str, Any]) -> None:
    order = reported(merchant, an_order(**extreme))
    refund = a_refund("r" * len(extreme["order_id"]), amount="0.01", refunded_at=extreme["ordered_at"])
    assert merchant.post(f"/orders/{extreme['order_id']}/refunds", refund).status_code == 201
    assert listed(merchant) == [order | {"refunded": "0.01"}]
    assert order["ordered_at"][:19] == extreme["ordered_at"][:19]


BAD_REFUNDS: dict[str, tuple[dict[str, Any], str]] = {
    "no id": ({"refund_id": ""}, "refund_id"),
    "an id of 101 characters": ({"refund_id": "x" * 101}, "refund_id"),
    "nothing": ({"amount": "0"}, "amount"),
    "a negative amount": ({"amount": "-1"}, "amount"),
    "too much": ({"amount": "1000000000001"}, "amount"),
    "too many decimals": ({"amount": "1.001"}, "amount"),
    "a currency that does not exist": ({"currency": "usd"}, "currency"),
    "another currency than its order": ({"currency": "EUR"}, "currency"),
    "a time in two days": ({"refunded_at": (NOW + 2 * DAY).isoformat()}, "refunded_at"),
    "a time of the last century": ({"refunded_at": "1999-12-31T23:59:59Z"}, "refunded_at"),
}


@pytest.mark.parametrize(("wrong", "field"), BAD_REFUNDS.values(), ids=BAD_REFUNDS)
def test_a_bad_refund_is_refused_by_its_field(merchant: Client, wrong: dict[str, Any], field: str) -> None:
    reported(merchant, an_order("1"))
    assert_problem(merchant.post("/orders/1/refunds", a_refund() | wrong), 422, "invalid", field)
    assert listed(merchant)[0]["refunded"] == "0.00"


@pytest.mark.parametrize("order_id", ["#1001", "a/b", "a/refunds", "ä 1%2F", "?x=1", "x" * 100, "1/"])
def test_an_order_id_is_any_text_percent_encoded_in_paths(merchant: Client, order_id: str) -> None:
    reported(merchant, an_order(order_id))
    path = f"/orders/{quote(order_id, safe='')}"
    assert merchant.post(f"{path}/refunds", a_refund()).status_code == 201
    (order,) = listed(merchant)
    assert (order["order_id"], order["refunded"]) == (order_id, "9.90")
    assert merchant.delete(path).status_code == 204
    assert listed(merchant) == []


@pytest.mark.parametrize("path", ["/orders/nowhere", "/orders/" + "x" * 101, "/orders/%00"])
def test_an_order_that_is_not_there_is_a_404(merchant: Client, path: str) -> None:
    assert_problem(merchant.delete(path), 404, "order_not_found")
    if path != "/orders/nowhere":  # an order may come after its refund, and these never
        assert_problem(merchant.post(f"{path}/refunds", a_refund()), 404, "order_not_found")


def test_another_shops_order_is_not_there(merchant: Client, manage_popups: FunctionProcess, database: Database) -> None:
    other = Client(manage_popups, make_shop(database).write_key)
    reported(other, an_order("1"))
    assert_problem(merchant.delete("/orders/1"), 404, "order_not_found")
    assert listed(merchant) == []
    reported(merchant, an_order("1"))  # the same id is another order in another shop
    assert [len(listed(client)) for client in (merchant, other)] == [1, 1]


def test_a_key_that_reads_may_list_orders_only(manage_popups: FunctionProcess, shop: Shop) -> None:
    reader = Client(manage_popups, shop.read_key)
    assert listed(reader) == []
    assert_problem(reader.post("/orders", an_order()), 403, "key_lacks_right")
    assert_problem(reader.post("/orders/1/refunds", a_refund()), 403, "key_lacks_right")
    assert_problem(reader.delete("/orders/1"), 403, "key_lacks_right")


def test_an_idempotency_key_replays_the_first_answer(merchant: Client) -> None:
    headers = {"Idempotency-Key": "once"}
    order = an_order("1")
    first, again = (merchant.post("/orders", order, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert_problem(merchant.post("/orders", an_order("2"), headers=headers), 409, "idempotency_key_reused")
    assert len(listed(merchant)) == 1


def test_refunds_count_once_each_and_may_come_before_their_order(
    merchant: Client, database: Database, shop: Shop
) -> None:
    statuses = [merchant.post("/orders/1/refunds", a_refund("r1", refunded_at=at(3))).status_code for _ in range(2)]
    assert statuses == [201, 200]
    assert credited(database, shop, "last_touch", 7) == {}
    reported(merchant, an_order("1", ordered_at=at(5)))
    assert merchant.post("/orders/1/refunds", a_refund("r2", amount="1.00")).status_code == 201
    assert listed(merchant)[0]["refunded"] == "10.90"
    assert database("SELECT FROM orders WHERE shop_id = :shop AND NOT is_credited", shop=shop.id) == []
    days = database(
        "SELECT day, sum(orders) AS orders, sum(refunded) AS refunded FROM daily_orders"
        " WHERE shop_id = :shop AND rule = 'code' GROUP BY day ORDER BY day",
        shop=shop.id,
    )
    assert [(row["day"], row["orders"], str(row["refunded"])) for row in days] == [
        ((NOW - 5 * DAY).date(), 1, "0"),
        ((NOW - 3 * DAY).date(), 0, "9.90"),
        (NOW.date(), 0, "1.00"),
    ]


def test_an_order_has_a_thousand_refunds_at_most(merchant: Client, database: Database, shop: Shop) -> None:
    reported(merchant, an_order("1"))
    database(
        "INSERT INTO refunds (shop_id, order_id, refund_id, amount, currency, refunded_at, day)"
        " SELECT :shop, '1', 'r' || number, 0.01, 'USD', now(), now()::date FROM generate_series(1, 999) AS number",
        shop=shop.id,
    )
    path = "/orders/1/refunds"
    assert merchant.post(path, a_refund("last")).status_code == 201
    assert_problem(merchant.post(path, a_refund("too many")), 409, "conflict")
    assert merchant.post(path, a_refund("last")).status_code == 200
    assert listed(merchant)[0]["refunded"] == "19.89"


def test_a_refund_in_another_currency_that_came_first_is_not_counted(merchant: Client) -> None:
    assert merchant.post("/orders/1/refunds", a_refund(currency="EUR")).status_code == 201
    assert reported(merchant, an_order("1"))["refunded"] == "0.00"


def test_a_deleted_order_leaves_with_its_refunds_and_comes_back_by_a_new_report_alone(
    merchant: Client, database: Database, shop: Shop
) -> None:
    reported(merchant, an_order("1"))
    merchant.post("/orders/1/refunds", a_refund())
    assert merchant.delete("/orders/1").status_code == 204
    assert_problem(merchant.delete("/orders/1"), 404, "order_not_found")
    assert listed(merchant) == []
    assert credited(database, shop, "last_touch", 7) == {}
    assert database.value("SELECT sum(refunded) FROM daily_orders WHERE shop_id = :shop", shop=shop.id) == 0
    corrected = reported(merchant, an_order("1", revenue="5.00"))
    assert (corrected["revenue"], corrected["refunded"]) == ("5.00", "0.00")
    assert credited(database, shop, "last_touch", 7, "revenue") == {"nobody": 5}


# When a visitor clicked in popup A and viewed popup B, in days before the order, and whose credit it is by window.
STEPS: dict[str, tuple[float | None, float | None, dict[str, dict[int, str]]]] = {
    "nothing": (
        None,
        None,
        {"last_touch": {1: "nobody", 30: "nobody"}, "click": {30: "nobody"}, "view": {30: "nobody"}},
    ),
    "a view": (
        None,
        2.5,
        {"last_touch": {2: "nobody", 3: "B", 30: "B"}, "click": {30: "nobody"}, "view": {2: "nobody", 3: "B"}},
    ),
    "a click": (
        4.5,
        None,
        {"last_touch": {4: "nobody", 5: "A"}, "click": {4: "nobody", 5: "A"}, "view": {30: "nobody"}},
    ),
    "a view after a click": (
        5.5,
        1.5,
        {
            "last_touch": {1: "nobody", 2: "B", 5: "B", 6: "A", 30: "A"},
            "click": {5: "nobody", 6: "A"},
            "view": {2: "B"},
        },
    ),
    "a click after a view": (
        1.5,
        5.5,
        {"last_touch": {1: "nobody", 2: "A", 6: "A"}, "click": {2: "A"}, "view": {5: "nobody", 6: "B"}},
    ),
    "both too long ago": (30.5, 31, {"last_touch": {30: "nobody"}, "click": {30: "nobody"}, "view": {30: "nobody"}}),
}


@pytest.mark.parametrize(("click", "view", "expected"), STEPS.values(), ids=STEPS)
def test_the_credit_moves_with_the_rule_and_the_window(
    merchant: Client,
    database: Database,
    shop: Shop,
    click: float | None,
    view: float | None,
    expected: dict[str, dict[int, str]],
) -> None:
    popups = {"A": make_popup(database, shop), "B": make_popup(database, shop), "nobody": "nobody"}
    if click:
        touch(database, shop, popups["A"], "ann", click, type="email_capture")
    if view:
        touch(database, shop, popups["B"], "ann", view)
    touch(database, shop, popups["A"], "bob", 0.5)
    for held_out in ("holdout", "shop_holdout"):
        touch(database, shop, popups["A"], "ann", 0.5, variant_id=held_out)
    reported(merchant, an_order(visitor_id="ann", ordered_at=at(0)))
    for rule, windows in expected.items():
        for window_days, whose in windows.items():
            assert credited(database, shop, rule, window_days) == {popups[whose]: 1}, (rule, window_days)


def test_a_touch_after_the_order_has_no_part_in_it(merchant: Client, database: Database, shop: Shop) -> None:
    popup_id = make_popup(database, shop)
    touch(database, shop, popup_id, "ann", 1, type="click")
    assert reported(merchant, an_order(visitor_id="ann", ordered_at=at(1.1)))["popup_id"] is None
    assert reported(merchant, an_order(visitor_id="ann", ordered_at=at(0.9)))["popup_id"] == popup_id


# Seconds from a click to the order, and the least window in which it has the credit.
EDGES = {0: 1, 1: 1, 86_400: 1, 86_401: 2, 7 * 86_400: 7, 7 * 86_400 + 1: 8, 30 * 86_400: 30, 30 * 86_400 + 1: None}


@pytest.mark.parametrize(("seconds", "window_days"), EDGES.items())
def test_a_window_includes_the_second_in_which_it_begins_and_the_order_s_own(
    merchant: Client, database: Database, shop: Shop, seconds: int, window_days: int | None
) -> None:
    ordered_at = NOW.replace(microsecond=0)
    clicked_at = ordered_at - datetime.timedelta(seconds=seconds)
    popup_id = make_popup(database, shop)
    who = {"shop_id": shop.id, "popup_id": popup_id, "session_id": "s", "visitor_id": "ann", "type": "click"}
    insert(database, "popup_conversions", event_id=uuid7(clicked_at), converted_at=clicked_at, **who)
    reported(merchant, an_order(visitor_id="ann", ordered_at=ordered_at.isoformat()))
    assert credited(database, shop, "click", window_days or 30) == {popup_id if window_days else "nobody": 1}
    if window_days and window_days > 1:
        assert credited(database, shop, "click", window_days - 1) == {"nobody": 1}


@pytest.mark.parametrize("type_", ["view", "click"])
def test_of_several_touches_on_a_day_the_last_has_the_credit(
    merchant: Client, database: Database, shop: Shop, type_: str
) -> None:
    kind = {} if type_ == "view" else {"type": type_}
    popups = [make_popup(database, shop) for _ in range(3)]
    for popup_id, days_ago in zip(popups, (0.3, 0.2, 0.4), strict=True):
        touch(database, shop, popup_id, "ann", days_ago, **kind)
    order = reported(merchant, an_order(visitor_id="ann", ordered_at=at(0.1)))
    assert (order["popup_id"], order["reason"]) == (popups[1], type_)


@pytest.mark.parametrize("type_", ["view", "click"])
def test_the_credit_is_the_variants_and_the_devices_of_the_touch(
    merchant: Client, database: Database, shop: Shop, type_: str
) -> None:
    popup_id = make_popup(database, shop)
    met = {"variant_id": "b", "device_type": "tablet"} | ({} if type_ == "view" else {"type": type_})
    touch(database, shop, popup_id, "ann", 1, **met)
    assert reported(merchant, an_order(visitor_id="ann"))["variant_id"] == "b"
    where = database(
        "SELECT DISTINCT variant_id, device_type FROM daily_orders WHERE popup_id = :popup AND rule = :rule",
        popup=popup_id,
        rule=type_,
    )
    assert where == [{"variant_id": "b", "device_type": "tablet"}]


@pytest.fixture
def offers(database: Database, shop: Shop) -> dict[str, str]:
    """Popups by the codes they offer: A and B the code TEN, C the code FIVE, as one that is deleted, D a pool."""
    ten, five = make_discount_code(database, shop, code="TEN"), make_discount_code(database, shop, code="FIVE")
    pool = make_discount_code(database, shop, ["pool-1", "POOL-2"])
    offer = {"type": "discount", "discount_code_id": ten}
    variants = [{"id": "a", "offer": {"discount_code_id": five}}]
    deleted = make_popup(database, shop, offer={"type": "discount", "discount_code_id": five})
    database("UPDATE popups SET deleted_at = now() WHERE id = :id", id=deleted)
    return {
        "A": make_popup(database, shop, offer=offer),
        "B": make_popup(database, shop, offer=offer),
        "C": make_popup(database, shop, offer={"type": "discount"}, variants=variants),
        "D": make_popup(database, shop, offer={"type": "email_capture", "discount_code_id": pool}),
        "E": make_popup(database, shop),
        "deleted": deleted,
    }


# The codes of an order; the popups that the visitor met, with the days since, or None for somebody unknown; the credit.
CODES: dict[str, tuple[list[str], dict[str, float] | None, str | None]] = {
    "of one popup, by somebody unknown": (["five"], None, "C"),
    "of one popup that was not met": (["FIVE"], {"E": 1}, "C"),
    "of one popup that was not met, and one that is deleted": (["FIVE"], {"deleted": 1}, "C"),
    "of two popups, by somebody unknown": (["TEN"], None, None),
    "of two popups, of which one was met long ago": ([" ten "], {"B": 300, "E": 1}, "B"),
    "of two popups, the one met last": (["TEN"], {"B": 5, "A": 6}, "B"),
    "of two popups, neither met": (["TEN"], {"E": 1}, None),
    "two codes, the popup met last": (["TEN", "FIVE"], {"C": 9, "A": 8}, "A"),
    "two codes, by somebody unknown": (["TEN", "FIVE"], None, "C"),
    "two codes of one popup each, the first": (["POOL-1", "FIVE"], None, "D"),
    "that nobody offers": (["OTHER"], {"A": 1}, None),
}


@pytest.mark.parametrize(("codes", "met", "expected"), CODES.values(), ids=CODES)
def test_a_code_gives_the_credit_to_a_popup_that_offers_it(
    merchant: Client,
    database: Database,
    shop: Shop,
    offers: dict[str, str],
    codes: list[str],
    met: dict[str, float] | None,
    expected: str | None,
) -> None:
    for name, days_ago in (met or {}).items():
        touch(database, shop, offers[name], "ann", days_ago)
    order = reported(merchant, an_order(discount_codes=codes, visitor_id="ann" if met else None, ordered_at=at(0)))
    popup_id = offers[expected] if expected else None
    assert credited(database, shop, "code", 1) == {popup_id or "nobody": 1}
    if expected:
        assert (order["popup_id"], order["reason"]) == (popup_id, "code")
        assert credited(database, shop, "last_touch", 1) == {popup_id: 1}


def test_each_code_of_an_order_counts_as_used_once(
    merchant: Client, database: Database, shop: Shop, offers: Any
) -> None:
    pools_own = "SELECT code FROM discount_codes WHERE shop_id = :shop AND single_use"
    for codes in (["TEN", "ten", "POOL-1", database.value(pools_own, shop=shop.id)], ["FIVE"]):
        merchant.post("/orders", an_order("1", discount_codes=codes))
    merchant.delete("/orders/1")
    reported(merchant, an_order("1", discount_codes=["TEN", "FIVE"]))
    codes = merchant.get("/discount-codes").json()["discount_codes"]
    assert sorted(code["usage_count"] for code in codes) == [1, 1, 1]
    used = "SELECT code FROM single_use_codes WHERE shop_id = :shop AND used_at IS NOT NULL"
    assert database.value(used, shop=shop.id) == "pool-1"


def test_a_visitor_of_the_report_comes_before_all_others(merchant: Client, database: Database, shop: Shop) -> None:
    pool = make_discount_code(database, shop, ["POOL-1"])
    database("UPDATE single_use_codes SET claimed_by = 'viewer:bob' WHERE discount_code_id = :pool", pool=pool)
    subscribed(database, shop, make_popup(database, shop), "carl@example.com", "carl")
    person: dict[str, Any] = {"visitor_id": "ann", "discount_codes": ["pool-1"], "email": " CARL@Example.com "}
    for whose in (("visitor_id", "ann"), ("code", "bob"), ("email", "carl")):
        order = reported(merchant, an_order(**person))
        assert (order["recognised_by"], viewer_of(database, shop, order)) == whose
        del person[next(iter(person))]


def subscribed(database: Database, shop: Shop, popup_id: str, email: str, visitor_id: str, **fields: Any) -> None:
    """Somebody who left the address, in the form in which it is stored, a day ago."""
    person = {"id": uuid7(), "shop_id": shop.id, "email": email, "email_normalized": email, "popup_id": popup_id}
    insert(database, "email_subscribers", **person, **fields)
    touch(database, shop, popup_id, visitor_id, 1, type="email_capture", subscriber_id=person["id"])


def viewer_of(database: Database, shop: Shop, order: dict[str, Any]) -> str | None:
    rows = database(
        "SELECT viewer_name FROM orders WHERE shop_id = :shop AND order_id = :id", shop=shop.id, id=order["order_id"]
    )
    return rows[0]["viewer_name"]


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        ("ann@example.com", "ANN@example.COM"),
        ("ren\u00e9@m\u00fcnchen.example", "rene\u0301@M\u00dcNCHEN.example"),
        ("ann@m\u00fcnchen.example", "ann@xn--mnchen-3ya.example"),
        ("ann@xn--mnchen-3ya.example", "ann@m\u00fcnchen.example"),
    ],
)
def test_a_subscriber_is_recognised_by_every_spelling_of_the_address_which_is_not_stored(
    merchant: Client, database: Database, shop: Shop, stored: str, named: str
) -> None:
    subscribed(database, shop, make_popup(database, shop), stored, "ann")
    order = reported(merchant, an_order(email=named))
    assert (order["recognised_by"], order["reason"]) == ("email", "click")
    text = database.value("SELECT orders::text FROM orders WHERE shop_id = :shop", shop=shop.id)
    assert "example" not in text


def test_an_unknown_address_recognises_nobody(merchant: Client) -> None:
    assert reported(merchant, an_order(email="nobody@example.com"))["recognised_by"] is None


def test_the_holder_of_a_pools_code_is_who_left_the_address_for_it(
    merchant: Client, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop)
    make_discount_code(database, shop, ["POOL-1"])
    database("UPDATE single_use_codes SET claimed_by = 'email:ann@example.com' WHERE shop_id = :shop", shop=shop.id)
    subscribed(database, shop, popup_id, "ann+shop@example.com", "ann", claimer="email:ann@example.com")
    order = reported(merchant, an_order(discount_codes=["POOL-1"]))
    assert (order["recognised_by"], order["popup_id"]) == ("code", popup_id)


def test_of_several_holders_it_is_the_order_of_who_holds_the_code_named_first(
    merchant: Client, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop)
    make_discount_code(database, shop, ["pool-a", "pool-b", "POOL-C", "pool-d"])
    claims = {"pool-a": "viewer:ann", "pool-b": "viewer:bob", "POOL-C": "email:c@example.com", "pool-d": "email:d@x"}
    for code, claimer in claims.items():
        database("UPDATE single_use_codes SET claimed_by = :by WHERE shop_id = :shop AND code = :code",
                 by=claimer, shop=shop.id, code=code)  # fmt: skip
    subscribed(database, shop, popup_id, "c@example.com", "carl", claimer="email:c@example.com")
    subscribed(database, shop, popup_id, "d@example.com", "dora", claimer="email:d@x")
    for codes, whose in ((["POOL-B", "POOL-A"], "bob"), (["pool-d", "POOL-C"], "dora")):
        order = reported(merchant, an_order(discount_codes=codes))
        assert (order["recognised_by"], viewer_of(database, shop, order)) == ("code", whose)


def test_a_person_is_who_left_the_address_last_before_the_order(
    merchant: Client, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop)
    make_discount_code(database, shop, ["POOL-1"])
    database("UPDATE single_use_codes SET claimed_by = 'email:ann' WHERE shop_id = :shop", shop=shop.id)
    subscribed(database, shop, popup_id, "ann@example.com", "phone", claimer="email:ann")
    (person,) = database("SELECT id FROM email_subscribers WHERE shop_id = :shop", shop=shop.id)
    subscribed(database, shop, popup_id, "bob@example.com", "bob", claimer="email:bob")
    bob = database.value(
        "SELECT id FROM email_subscribers WHERE shop_id = :shop AND claimer = 'email:bob'", shop=shop.id
    )
    touch(database, shop, popup_id, "bob", 0.7, type="email_capture", subscriber_id=bob)
    for visitor_id, days_ago in ((None, 2.0), ("tablet", 3.0)):
        captured = {"type": "email_capture", "subscriber_id": person["id"], "session_id": "visit"}
        touch(database, shop, popup_id, visitor_id, days_ago, **captured)
    for told in ({"email": "ann@example.com"}, {"discount_codes": ["POOL-1"]}):
        for days_ago, whose in ((0.5, "phone"), (1.5, "visit"), (2.5, "tablet"), (3.5, "phone")):
            order = reported(merchant, an_order(ordered_at=at(days_ago), **told))
            assert viewer_of(database, shop, order) == whose, (told, days_ago)


def test_orders_are_listed_newest_first_by_popup_and_source_page_by_page(
    merchant: Client, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop)
    touch(database, shop, popup_id, "ann", 3)
    for n in range(5):
        reported(merchant, an_order(f"{n}", visitor_id="ann" if n % 2 else None, ordered_at=at(2 - n / 9)))
    reported(merchant, an_order("same time", ordered_at=at(2)))
    assert [order["order_id"] for order in listed(merchant)] == ["4", "3", "2", "1", "same time", "0"]
    for query in ({"popup_id": popup_id}, {"popup_id": popup_id, "source": "api"}):
        assert [order["order_id"] for order in listed(merchant, **query)] == ["3", "1"]
    assert listed(merchant, popup_id=popup_id, source="shopify") == listed(merchant, source="shopify") == []
    assert len(listed(merchant, source="api")) == 6
    paged: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = merchant.get("/orders", params={"limit": "2", **({"cursor": cursor} if cursor else {})}).json()
        paged += [order["order_id"] for order in page["orders"]]
        cursor = page["next_cursor"]
    assert (paged, cursor) == (["4", "3", "2", "1", "same time", "0"], None)
    assert_problem(merchant.get("/orders?source=ebay"), 422, "invalid", "source")


def test_the_first_trusted_order_confirms_from_its_own_time_on(merchant: Client) -> None:
    before = merchant.get("/shop")
    assert before.json()["confirmed_since"] is None
    first = reported(merchant, an_order("first", ordered_at=at(2)))
    reported(merchant, an_order(ordered_at=at(9)))
    assert merchant.get("/shop").json()["confirmed_since"] == first["ordered_at"]
    assert merchant.get("/shop").headers["ETag"] != before.headers["ETag"]
    assert merchant.patch("/shop", {"confirmed_since": None}).json()["confirmed_since"] is None
    assert merchant.post("/orders", an_order("first", ordered_at=at(2))).status_code == 200  # known, so no news
    assert merchant.patch("/shop", {"name": "Other"}).json()["confirmed_since"] is None
    third = reported(merchant, an_order())
    assert merchant.patch("/shop", {"name": "Same"}).json()["confirmed_since"] == third["ordered_at"]
    assert_problem(merchant.patch("/shop", {"confirmed_since": "today"}), 422, "invalid", "confirmed_since")


def figures(answer: dict[str, Any]) -> dict[str, Any]:
    names = ("orders", "revenue", "refunded", "net_revenue", "unconfirmed_orders", "revenue_per_viewer")
    return {name: answer[name] for name in names}


def report(stats: FunctionProcess, shop: Shop, path: str = "/shop", **query: Any) -> dict[str, Any]:
    """Return a report on today and the 29 days before it, for a window that is not cached yet."""
    answer = Client(stats, shop.read_key).get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_reports_add_up_orders_by_rule_and_window_for_popups_and_the_shop(
    merchant: Client, stats: FunctionProcess, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop)
    touch(database, shop, popup_id, "ann", 2.5, type="click", variant_id="a", device_type="mobile")
    reported(merchant, an_order("1", revenue="30.00", visitor_id="ann", ordered_at=at(0)))
    reported(merchant, an_order("2", revenue="12.00"))
    reported(merchant, an_order("3", revenue="5.00", currency="EUR"))
    merchant.post("/orders/1/refunds", a_refund(amount="10.00"))
    merchant.post("/orders/2/refunds", a_refund(amount="2.00"))
    database(
        "INSERT INTO daily_views VALUES (:shop, :popup, :day, 'a', 'mobile', 9, 4)",
        shop=shop.id, popup=popup_id, day=NOW.date(),
    )  # fmt: skip
    popup = report(stats, shop, f"/popups/{popup_id}")
    of_popup = {
        "orders": 1,
        "revenue": "30.00",
        "refunded": "10.00",
        "net_revenue": "20.00",
        "unconfirmed_orders": 0,
        "revenue_per_viewer": "7.500000",
    }
    assert figures(popup) == of_popup
    assert figures(popup["by_day"][-1]) == figures(popup["by_variant"][0]) == figures(popup["by_device"][0]) == of_popup
    assert (popup["attribution"], popup["window_days"]) == ("last_touch", 7)
    assert report(stats, shop, f"/popups/{popup_id}", window_days=3)["orders"] == 1
    for nothing in ({"window_days": 2}, {"attribution": "view"}, {"attribution": "code"}):
        assert figures(report(stats, shop, f"/popups/{popup_id}", **nothing)) | {"revenue_per_viewer": None} == {
            "orders": 0,
            "revenue": "0.00",
            "refunded": "0.00",
            "net_revenue": "0.00",
            "unconfirmed_orders": 0,
            "revenue_per_viewer": None,
        }
    for query in ({}, {"attribution": "code"}, {"attribution": "view", "window_days": 30}):
        whole = report(stats, shop, **query)
        assert figures(whole) | {"revenue_per_viewer": None} == {
            "orders": 3,
            "revenue": "42.00",
            "refunded": "12.00",
            "net_revenue": "30.00",
            "unconfirmed_orders": 0,
            "revenue_per_viewer": None,
        }
        assert whole["revenue_by_currency"] == {"EUR": "5.00", "USD": "42.00"}
        assert whole["refunded_by_currency"] == {"USD": "12.00"}
        assert whole["popups"][0]["orders"] == (0 if query else 1)


def test_what_is_done_with_orders_shows_in_reports_within_two_seconds(
    merchant: Client, stats: FunctionProcess, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop)
    touch(database, shop, popup_id, "ann", 1)
    acts: list[tuple[Callable[[], requests.Response], tuple[int, str]]] = [
        (lambda: merchant.get("/orders"), (0, "0.00")),
        (lambda: merchant.post("/orders", an_order("1", visitor_id="ann")), (1, "49.90")),
        (lambda: merchant.post("/orders/1/refunds", a_refund()), (1, "40.00")),
        (lambda: merchant.delete("/orders/1"), (0, "0.00")),
    ]
    for act, expected in acts:
        assert act().ok

        def told(expected: tuple[int, str] = expected) -> bool:
            reports = [report(stats, shop, path) for path in ("/shop", f"/popups/{popup_id}")]
            return all((each["orders"], each["net_revenue"]) == expected for each in reports)

        eventually(told, seconds=PROMISED_SECONDS)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ("attribution=first_touch", "attribution"),
        ("window_days=0", "window_days"),
        ("window_days=31", "window_days"),
        ("window_days=7.5", "window_days"),
    ],
)
def test_a_rule_or_a_window_that_does_not_exist_is_refused(
    stats: FunctionProcess, shop: Shop, wrong: str, field: str
) -> None:
    assert_problem(Client(stats, shop.read_key).get(f"/shop?{wrong}"), 422, "invalid", field)
