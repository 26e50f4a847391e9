"""Exposures, stretches and holdouts: who is compared with whom, as track_view and track_conversion store it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions.stats.experiments.queries import SELECT_ARMS, SELECT_EXPERIMENT
from tests.support.client import Client, assert_problem
from tests.support.factories import (
    Shop,
    capture,
    conversion,
    make_discount_code,
    make_popup,
    make_shop,
    purchase,
    uuid7,
    view,
)
from tests.support.proxy import proxy_to
from tests.support.stack import Database, FunctionProcess, Stack, eventually
from tests.support.tracking import NO_POPUP

VARIANTS = [{"id": "a", "name": "Control"}, {"id": "b", "name": "Bold"}]
CHANGES: dict[str, tuple[dict[str, Any], bool]] = {
    "a weight": ({"variants": [{"id": "a", "weight": 10}, {"id": "b", "weight": 50}]}, True),
    "a third variant": ({"variants": [*VARIANTS, {"id": "c"}]}, True),
    "a variant's design": ({"variants": [{"id": "a", "design": {"heading": "Hello"}}, {"id": "b"}]}, True),
    "the design of all": ({"design": {"heading": "Hello"}}, True),
    "the offer": ({"offer": {"type": "newsletter"}}, True),
    "a holdout": ({"holdout_percent": 10}, True),
    "the plan": ({"experiment": {"planned_viewers": 9000}}, True),
    "a variant's name": ({"variants": [{"id": "a", "name": "Old"}, {"id": "b", "name": "New"}]}, False),
    "the popup's name": ({"name": "Other"}, False),
    "the trigger": ({"trigger": {"type": "inactivity"}}, False),
    "the schedule": ({"ends_at": "2099-01-01T00:00:00Z"}, False),
}


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop, variants=VARIANTS)


@pytest.fixture
def merchant(manage_popups: FunctionProcess, shop: Shop) -> Client:
    return Client(manage_popups, shop.write_key)


def exposure(popup_id: str, visitor: str, variant: str) -> dict[str, Any]:
    return view(popup_id, visitor_id=visitor, variant_id=variant)


def send(track_view: FunctionProcess, **lists: list[dict[str, Any]]) -> Any:
    answer = Client(track_view).post(json=lists)
    assert answer.status_code == 202, answer.text
    return answer.json()


def convert(track_conversion: FunctionProcess, popup_id: str, visitor: str, variant: str, type_: str = "click") -> None:
    event = conversion(popup_id, type_, visitor_id=visitor, variant_id=variant)
    assert Client(track_conversion).post(json=event).status_code == 201


def experiment(reader: Client, popup_id: str, query: str = "") -> Any:
    answer = reader.get(f"/popups/{popup_id}/experiment{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def viewers(report: Any) -> dict[str, tuple[int, int]]:
    return {each["variant_id"]: (each["viewers"], each["converters"]) for each in report["variants"]}


def assert_sums(database: Database, shop: Shop) -> None:
    """Assert that the tallies are the sums over the viewers."""
    names = (
        "viewers, in_two, clicked, captured, used_code, bought, left_out, paid, paid_squares, capped, capped_squares"
    )
    of_key = "popup_id, stretch, variant_id, met_by"
    counted = database(
        f"SELECT {of_key}, count(*) AS viewers, count(*) FILTER (WHERE is_in_two) AS in_two, sum(did & 1) AS clicked,"
        " sum(did >> 1 & 1) AS captured, sum(did >> 2 & 1) AS used_code, sum(least(orders, 1)) AS bought,"
        " sum(left_out) AS left_out, sum(paid) AS paid, sum(paid * paid) AS paid_squares, sum(capped) AS capped,"
        f" sum(capped * capped) AS capped_squares FROM stretch_viewers WHERE shop_id = :shop AND met_by > 0"
        f" GROUP BY {of_key} ORDER BY {of_key}",
        shop=shop.id,
    )
    tallied = database(
        f"SELECT {of_key}, {names} FROM stretch_tallies WHERE shop_id = :shop AND viewers > 0 ORDER BY {of_key}",
        shop=shop.id,
    )
    assert tallied == counted


# Exposures and closes


def test_exposures_and_closes_are_accepted_and_are_no_views(
    track_view: FunctionProcess, reader: Client, database: Database, popup_id: str
) -> None:
    answer = send(
        track_view,
        events=[exposure(popup_id, "v", "a")],
        exposures=[exposure(popup_id, "v", "a"), exposure(popup_id, "w", "b")],
        closes=[exposure(popup_id, "v", "a")],
    )
    assert answer == {"accepted": 4}
    report = reader.get(f"/popups/{popup_id}").json()
    assert (report["views"], report["unique_viewers"]) == (1, 1)
    kinds = database("SELECT kind, variant_id FROM popup_signals WHERE popup_id = :id ORDER BY kind", id=popup_id)
    assert [row["kind"] for row in kinds] == ["close", "exposure", "exposure"]


@pytest.mark.parametrize("times", ["in one request", "in two requests", "of another version"])
def test_an_exposure_counts_once_however_often_it_is_sent(
    track_view: FunctionProcess, database: Database, popup_id: str, times: str
) -> None:
    event = exposure(popup_id, "v", "a")
    if times == "of another version":
        event["event_id"] = "11111111-1111-4111-8111-" + event["event_id"][-12:]
    if times == "in one request":
        assert send(track_view, exposures=[event, event]) == {"accepted": 2}
    else:
        for _ in range(2):
            assert send(track_view, exposures=[event]) == {"accepted": 1}
    tallied = database.value("SELECT sum(signals) FROM daily_signals WHERE popup_id = :id", id=popup_id)
    assert tallied == 1
    # An id is one of each kind.
    send(track_view, closes=[event], events=[event])
    assert database.value("SELECT count(*) FROM popup_signals WHERE popup_id = :id", id=popup_id) == 2
    assert database.value("SELECT count(*) FROM popup_views WHERE popup_id = :id", id=popup_id) == 1


@pytest.mark.parametrize(
    "lists",
    [
        {"events": [], "exposures": []},
        {"events": 30, "exposures": 21},
        {"closes": 51},
        {"exposures": {}},
        {"exposures": [{"popup_id": "x"}]},
    ],
    ids=["none", "more than 50 together", "more than 50 of one", "no list", "no exposure"],
)
def test_lists_that_cannot_be_are_refused(track_view: FunctionProcess, popup_id: str, lists: dict[str, Any]) -> None:
    body = {
        name: [exposure(popup_id, "v", "a") for _ in range(given)] if isinstance(given, int) else given
        for name, given in lists.items()
    }
    assert_problem(Client(track_view).post(json=body), 422, "invalid")


def test_what_is_refused_is_named_by_its_list(track_view: FunctionProcess, popup_id: str) -> None:
    lost = exposure(uuid7(), "v", "a")
    answer = send(
        track_view, events=[lost, exposure(popup_id, "v", "a")], exposures=[exposure(popup_id, "v", "a"), lost]
    )
    assert answer == {
        "accepted": 2,
        "rejected": [
            {"index": 0, "code": "popup_not_found"},
            {"index": 1, "code": "popup_not_found", "list": "exposures"},
        ],
    }


# Who is compared


def test_viewers_of_an_arm_are_the_exposed_once_exposures_are_sent(
    track_view: FunctionProcess, track_conversion: FunctionProcess, reader: Client, popup_id: str
) -> None:
    send(track_view, events=[exposure(popup_id, "old-1", "a"), exposure(popup_id, "old-2", "b")])
    convert(track_conversion, popup_id, "old-1", "a")
    before = experiment(reader, popup_id)
    assert viewers(before) == {"a": (1, 1), "b": (1, 0)}
    send(track_view, exposures=[exposure(popup_id, "new-1", "b"), exposure(popup_id, "new-2", "b")])
    convert(track_conversion, popup_id, "new-1", "b")
    after = experiment(reader, popup_id, "?goal=click")
    assert viewers(after) == {"a": (0, 0), "b": (2, 1)}
    assert after["experiment_started_at"] > before["experiment_started_at"]


def test_whoever_comes_first_exposure_view_or_conversion_a_viewer_counts_once(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    reader: Client,
    database: Database,
    shop: Shop,
    popup_id: str,
) -> None:
    convert(track_conversion, popup_id, "v", "a")
    send(track_view, events=[exposure(popup_id, "v", "a")])
    assert viewers(experiment(reader, popup_id)) == {"a": (1, 1), "b": (0, 0)}
    send(track_view, exposures=[exposure(popup_id, "v", "a")])
    send(track_view, exposures=[exposure(popup_id, "v", "a")], events=[exposure(popup_id, "v", "a")])
    for _ in range(3):
        convert(track_conversion, popup_id, "v", "a")
    assert viewers(experiment(reader, popup_id, "?goal=click")) == {"a": (1, 1), "b": (0, 0)}
    assert_sums(database, shop)


def test_who_meets_two_variants_counts_for_the_first_and_is_told(
    track_view: FunctionProcess, reader: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    send(track_view, exposures=[exposure(popup_id, "v", "a")])
    send(track_view, exposures=[exposure(popup_id, "v", "b"), exposure(popup_id, "w", "b")])
    report = experiment(reader, popup_id)
    assert viewers(report) == {"a": (1, 0), "b": (1, 0)}
    assert "viewers_in_two_variants" in [note["code"] for note in report["health"]]
    assert_sums(database, shop)


def test_a_view_of_the_holdout_counts_as_an_exposure_once_there_are_exposures(
    track_view: FunctionProcess, reader: Client, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop, variants=[{"id": "a"}], holdout_percent=50)
    send(track_view, events=[exposure(popup_id, "old", "holdout"), exposure(popup_id, "seen", "a")])
    assert experiment(reader, popup_id)["holdout"]["refused"]
    send(track_view, exposures=[exposure(popup_id, "shown", "a"), exposure(popup_id, "held", "holdout")])
    send(track_view, events=[exposure(popup_id, "older script", "holdout")])
    holdout = experiment(reader, popup_id, "?goal=purchase")["holdout"]
    assert (holdout["viewers"], holdout["shown_viewers"]) == (2, 1)
    assert_sums(database, shop)


@pytest.mark.parametrize(("sent", "begun"), [("events", "viewed_at"), ("exposures", "exposed_at")])
def test_a_stretch_begins_with_the_first_who_is_shown_the_popup(
    track_view: FunctionProcess, database: Database, shop: Shop, sent: str, begun: str
) -> None:
    popup_id = make_popup(database, shop, variants=VARIANTS, holdout_percent=50)
    begun_at = f"SELECT {begun} FROM experiment_stretches WHERE popup_id = :id"
    for variant, has_begun in (("holdout", False), ("a", True)):
        send(track_view, **{sent: [exposure(popup_id, f"shown {variant}", variant)]})
        assert (database.value(begun_at, id=popup_id) is not None) == has_begun


def test_the_split_of_shown_and_held_out_is_checked(
    track_view: FunctionProcess, reader: Client, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop, variants=[], holdout_percent=50)
    for start in range(0, 60, 20):
        shown = [exposure(popup_id, f"s{number}", "") for number in range(start, start + 20)]
        send(track_view, exposures=[{**each, "variant_id": None} for each in shown])
    send(track_view, exposures=[exposure(popup_id, f"h{number}", "holdout") for number in range(10)])
    report = experiment(reader, popup_id)
    assert "sample_ratio" in [note["code"] for note in report["health"]]
    assert report["holdout"]["increment"] is None


# Stretches


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_stretch_begins_with_a_change_of_what_is_compared(
    track_view: FunctionProcess, merchant: Client, reader: Client, popup_id: str, change: str
) -> None:
    send(track_view, exposures=[exposure(popup_id, "v", "a")])
    patch, begins = CHANGES[change]
    assert merchant.patch(f"/popups/{popup_id}", patch).status_code == 200
    send(track_view, exposures=[exposure(popup_id, "w", "b")])
    report = experiment(reader, popup_id)
    assert report["stretch"] == (2 if begins else 1)
    assert viewers(report)["b"] == (1, 0)
    assert viewers(report)["a"] == ((0, 0) if begins else (1, 0))
    earlier = experiment(reader, popup_id, "?stretch=1")
    assert viewers(earlier)["a"] == (1, 0)


def test_a_viewer_of_an_earlier_stretch_is_met_anew(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    merchant: Client,
    reader: Client,
    database: Database,
    shop: Shop,
    popup_id: str,
) -> None:
    send(track_view, exposures=[exposure(popup_id, "v", "a")])
    assert merchant.patch(f"/popups/{popup_id}", {"holdout_percent": 10}).status_code == 200
    convert(track_conversion, popup_id, "v", "a")
    assert viewers(experiment(reader, popup_id))["a"] == (0, 0)
    send(track_view, exposures=[exposure(popup_id, "v", "b")])
    report = experiment(reader, popup_id, "?goal=click")
    assert viewers(report) == {"a": (0, 0), "b": (1, 1)}
    assert "viewers_in_two_variants" not in [note["code"] for note in report["health"]]
    assert viewers(experiment(reader, popup_id, "?stretch=1")) == {"a": (1, 0), "b": (0, 0)}
    assert_sums(database, shop)


def test_a_change_for_all_alike_is_told_and_begins_nothing(
    track_view: FunctionProcess, merchant: Client, reader: Client, popup_id: str
) -> None:
    assert merchant.patch(f"/popups/{popup_id}", {"frequency": {"max_per_session": 2}}).status_code == 200
    send(track_view, exposures=[exposure(popup_id, "v", "a")])
    assert "changed_midway" not in [note["code"] for note in experiment(reader, popup_id)["health"]]
    assert merchant.patch(f"/popups/{popup_id}", {"targeting": {"visitors": "new"}}).status_code == 200
    assert merchant.patch(f"/popups/{popup_id}", {"starts_at": "2026-01-01T00:00:00Z"}).status_code == 200

    def told() -> str:
        return "".join(note["detail"] for note in experiment(reader, popup_id)["health"])

    eventually(lambda: "schedule, targeting" in told())
    assert experiment(reader, popup_id)["stretch"] == 1


def test_a_stretch_that_has_not_begun_cannot_be_read(reader: Client, popup_id: str) -> None:
    assert_problem(reader.get(f"/popups/{popup_id}/experiment?stretch=2"), 422, "invalid", "stretch")
    assert_problem(reader.get(f"/popups/{popup_id}/experiment?stretch=0"), 422, "invalid", "stretch")


def test_the_plan_is_that_of_the_start(
    track_view: FunctionProcess, merchant: Client, reader: Client, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop, variants=VARIANTS, experiment={"planned_viewers": 1000})
    assert merchant.get(f"/popups/{popup_id}").json()["experiment"] == {"planned_viewers": 1000}
    send(track_view, exposures=[exposure(popup_id, "v", "a")])
    (row,) = database("SELECT experiment, variants FROM experiment_stretches WHERE popup_id = :id", id=popup_id)
    assert row["experiment"] == {"planned_viewers": 1000}
    assert [variant["id"] for variant in row["variants"]] == ["a", "b"]


# The shop-wide holdout


def test_the_shop_wide_holdout_is_compared_in_the_shops_report_and_in_no_popups(
    track_view: FunctionProcess, merchant: Client, reader: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    assert reader.get("/shop").json()["holdout"] is None
    assert merchant.patch("/shop", {"holdout_percent": 50}).status_code == 200
    other = make_popup(database, shop)
    send(track_view, exposures=[exposure(id_, "v", "shop_holdout") for id_ in (popup_id, other)])
    begun_at = (
        "SELECT coalesce(exposed_at, viewed_at) FROM experiment_stretches"
        " WHERE shop_id = :shop AND popup_id = :whole_shop"
    )
    assert database.value(begun_at, shop=shop.id, whole_shop=NO_POPUP) is None, "nobody was shown anything"
    send(
        track_view,
        exposures=[exposure(popup_id, "w", "a"), exposure(other, "w", "a"), exposure(other, "x", "a")],
    )
    assert database.value(begun_at, shop=shop.id, whole_shop=NO_POPUP) is not None

    def holdout() -> Any:
        return reader.get("/shop").json()["holdout"]

    eventually(lambda: holdout() and holdout()["viewers"] == 1)
    assert (holdout()["viewers"], holdout()["shown_viewers"], holdout()["increment"]) == (1, 2, None)
    assert holdout()["refused"]
    assert viewers(experiment(reader, popup_id)) == {"a": (1, 0), "b": (0, 0)}
    assert merchant.patch("/shop", {"holdout_percent": 20}).status_code == 200
    eventually(lambda: holdout()["viewers"] == 0)
    assert_sums(database, shop)


# Orders


def order(manage_popups: Client, order_id: str, revenue: str, **fields: Any) -> None:
    body = {"order_id": order_id, "revenue": revenue, "currency": "USD", **fields}
    answer = manage_popups.post("/orders", body)
    assert answer.status_code == 201, answer.text


def test_an_order_counts_in_every_comparison_that_its_viewer_has_met_whatever_gets_the_credit(
    track_view: FunctionProcess, merchant: Client, reader: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    other = make_popup(database, shop, variants=VARIANTS, holdout_percent=50)
    send(
        track_view,
        exposures=[exposure(popup_id, "v", "b"), exposure(popup_id, "w", "a")],
        events=[exposure(popup_id, "v", "b")],
    )
    send(track_view, exposures=[exposure(other, "v", "holdout"), exposure(other, "w", "b")])
    order(merchant, "1", "10.00", visitor_id="v")
    order(merchant, "2", "30.00", visitor_id="v")
    order(merchant, "3", "5.00", visitor_id="somebody who met nothing")
    revenue = experiment(reader, popup_id, "?goal=revenue")
    assert [each["revenue_per_viewer"] for each in revenue["variants"]] == ["0.0000", "40.0000"]
    assert viewers(experiment(reader, popup_id, "?goal=purchase")) == {"a": (1, 0), "b": (1, 1)}
    assert database(
        "SELECT variant_id, bought, paid FROM stretch_tallies WHERE popup_id = :id AND bought > 0", id=other
    ) == [{"variant_id": "holdout", "bought": 1, "paid": 40}]
    assert_sums(database, shop)
    assert merchant.delete("/orders/2").status_code == 204
    eventually(lambda: experiment(reader, popup_id, "?goal=revenue")["variants"][1]["revenue_per_viewer"] == "10.0000")
    assert_sums(database, shop)


def test_a_browsers_purchase_counts_for_its_visitor(
    track_view: FunctionProcess, track_conversion: FunctionProcess, reader: Client, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop, variants=VARIANTS, holdout_percent=50)
    send(track_view, exposures=[exposure(popup_id, "v", "a"), exposure(popup_id, "h", "holdout")])
    for number, visitor in enumerate(["v", "h", "h"]):
        event = purchase(popup_id, f"order-{number}", "7.50", visitor_id=visitor)
        assert Client(track_conversion).post(json=event).status_code == 201
    assert viewers(experiment(reader, popup_id, "?goal=purchase"))["a"] == (1, 1)
    rows = database("SELECT variant_id, bought, paid FROM stretch_tallies WHERE popup_id = :id ORDER BY 1", id=popup_id)
    assert rows == [{"variant_id": "a", "bought": 1, "paid": 7.5}, {"variant_id": "holdout", "bought": 1, "paid": 15}]
    assert_sums(database, shop)


def test_an_unconfirmed_order_makes_nobody_a_buyer(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    merchant: Client,
    reader: Client,
    database: Database,
    shop: Shop,
    popup_id: str,
) -> None:
    order(merchant, "trusted", "10.00", ordered_at="2026-01-01T00:00:00Z")
    send(track_view, exposures=[exposure(popup_id, "v", "a"), exposure(popup_id, "w", "b")])
    event = purchase(popup_id, "1", "20.00", visitor_id="v", variant_id="a")
    assert Client(track_conversion).post(json=event).status_code == 201
    assert viewers(experiment(reader, popup_id, "?goal=purchase")) == {"a": (1, 0), "b": (1, 0)}
    order(merchant, "1", "25.00")
    assert viewers(experiment(reader, popup_id, "?goal=revenue"))["a"] == (1, 1)
    assert_sums(database, shop)


def test_orders_known_by_an_address_only_are_left_out_in_every_arm_and_told(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    merchant: Client,
    reader: Client,
    database: Database,
    shop: Shop,
    popup_id: str,
) -> None:
    send(track_view, exposures=[exposure(popup_id, "v", "a")], events=[exposure(popup_id, "v", "a")])
    event = capture(popup_id, "ann@example.com", visitor_id="v", variant_id="a")
    assert Client(track_conversion).post(json=event).status_code == 201
    order(merchant, "1", "10.00", email="ann@example.com")
    report = experiment(reader, popup_id, "?goal=purchase")
    assert (viewers(report)["a"], report["orders_left_out"]) == ((1, 0), 1)
    assert_sums(database, shop)


@pytest.mark.parametrize("known_by", ["code", "email"])
@pytest.mark.parametrize("first", ["the shop", "the browser"])
@pytest.mark.parametrize("variant", ["a", "holdout"])
def test_an_order_that_a_code_or_an_address_gives_to_somebody_counts_for_the_visitor_who_reported_it(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    merchant: Client,
    reader: Client,
    database: Database,
    shop: Shop,
    variant: str,
    first: str,
    known_by: str,
) -> None:
    popup_id = make_popup(database, shop, variants=VARIANTS, holdout_percent=50)
    make_discount_code(database, shop, ["POOL"])
    database("UPDATE single_use_codes SET claimed_by = 'viewer:friend' WHERE shop_id = :shop", shop=shop.id)
    send(track_view, exposures=[exposure(popup_id, "v", variant), exposure(popup_id, "friend", "b")])
    assert Client(track_conversion).post(json=capture(popup_id, "friend@example.com", visitor_id="friend")).ok
    told: dict[str, dict[str, Any]] = {"code": {"discount_codes": ["POOL"]}, "email": {"email": "friend@example.com"}}

    def report() -> None:
        event = purchase(popup_id, "1", "20.00", visitor_id="v", variant_id=variant)
        assert Client(track_conversion).post(json=event).ok

    if first == "the browser":
        report()
    order(merchant, "1", "25.00", **told[known_by])
    if first == "the shop":
        report()
    listed = merchant.get("/orders").json()["orders"]
    assert [each["recognised_by"] for each in listed] == [known_by]
    bought = "SELECT variant_id, bought, paid, left_out FROM stretch_tallies WHERE popup_id = :id AND bought > 0"
    assert database(bought, id=popup_id) == [{"variant_id": variant, "bought": 1, "paid": 25, "left_out": 0}]
    assert experiment(reader, popup_id, "?goal=purchase")["orders_left_out"] == 0
    assert_sums(database, shop)
    assert merchant.delete("/orders/1").status_code == 204
    assert database(bought, id=popup_id) == []
    assert_sums(database, shop)


def test_an_order_whose_visitor_the_shop_names_counts_for_that_visitor_whoever_reports_it(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    merchant: Client,
    reader: Client,
    database: Database,
    shop: Shop,
    popup_id: str,
) -> None:
    send(track_view, exposures=[exposure(popup_id, "v", "a"), exposure(popup_id, "w", "b")])
    order(merchant, "1", "25.00", visitor_id="v")
    event = purchase(popup_id, "1", "20.00", visitor_id="w", variant_id="b")
    assert Client(track_conversion).post(json=event).status_code == 200
    assert viewers(experiment(reader, popup_id, "?goal=purchase")) == {"a": (1, 1), "b": (1, 0)}
    assert_sums(database, shop)


def test_orders_of_before_the_meeting_and_of_later_stretches_do_not_count(
    track_view: FunctionProcess, merchant: Client, reader: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    order(merchant, "before", "10.00", visitor_id="v", ordered_at="2026-01-01T00:00:00Z")
    send(track_view, exposures=[exposure(popup_id, "v", "a")])
    order(merchant, "in it", "20.00", visitor_id="v")
    assert merchant.patch(f"/popups/{popup_id}", {"holdout_percent": 20}).status_code == 200
    send(track_view, exposures=[exposure(popup_id, "v", "a")])
    order(merchant, "after", "40.00", visitor_id="v")
    paid = database("SELECT stretch, paid FROM stretch_tallies WHERE popup_id = :id ORDER BY stretch", id=popup_id)
    assert paid == [{"stretch": 1, "paid": 20}, {"stretch": 2, "paid": 40}]
    assert_sums(database, shop)


@pytest.mark.parametrize("turns", [(0, 1, 2), (0, 2, 1), (2, 0, 1), (2, 1, 0), (1, 2, 0)], ids=str)
def test_an_order_counts_from_the_first_meeting_on_whichever_comes_first(
    track_view: FunctionProcess, merchant: Client, database: Database, shop: Shop, popup_id: str, turns: tuple[int, ...]
) -> None:
    def hours_ago(hours: int) -> datetime:
        return datetime.now(UTC) - timedelta(hours=hours)

    acts = [
        lambda: send(track_view, exposures=[exposure(popup_id, "v", "a") | {"event_id": uuid7(hours_ago(3))}]),
        lambda: order(merchant, "1", "20.00", visitor_id="v", ordered_at=hours_ago(2).isoformat()),
        lambda: send(track_view, exposures=[exposure(popup_id, "v", "a") | {"event_id": uuid7(hours_ago(1))}]),
    ]
    for turn in turns:
        acts[turn]()
    rows = database("SELECT viewers, bought, paid FROM stretch_tallies WHERE popup_id = :id", id=popup_id)
    assert rows == [{"viewers": 1, "bought": 1, "paid": 20}]


def test_a_trusted_report_after_the_end_of_a_stretch_leaves_the_money_where_it_came(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    merchant: Client,
    database: Database,
    shop: Shop,
    popup_id: str,
) -> None:
    send(track_view, exposures=[exposure(popup_id, "v", "a")])
    event = purchase(popup_id, "1", "20.00", visitor_id="v")
    assert Client(track_conversion).post(json=event).status_code == 201
    assert merchant.patch(f"/popups/{popup_id}", {"holdout_percent": 20}).status_code == 200
    order(merchant, "1", "25.00")
    rows = database("SELECT stretch, bought, paid FROM stretch_tallies WHERE popup_id = :id", id=popup_id)
    assert rows == [{"stretch": 1, "bought": 1, "paid": 25}]


def test_amounts_above_the_99th_percentile_of_before_the_comparison_are_cut(
    track_view: FunctionProcess, merchant: Client, reader: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    database(
        "INSERT INTO orders (shop_id, order_id, source, report_id, revenue, currency, ordered_at, day, is_credited)"
        " SELECT :shop, 'old-' || n, 'api', gen_random_uuid(), n, 'USD', now() - interval '10 days', current_date, true"
        " FROM generate_series(1, 200) AS n",
        shop=shop.id,
    )
    send(track_view, exposures=[exposure(popup_id, "v", "a"), exposure(popup_id, "w", "b")])
    order(merchant, "large", "5000.00", visitor_id="v")
    order(merchant, "small", "50.00", visitor_id="w")
    (large, small) = database(
        "SELECT paid, capped, capped_squares FROM stretch_tallies WHERE popup_id = :id ORDER BY variant_id", id=popup_id
    )
    assert large == {"paid": 5000, "capped": 198, "capped_squares": 198**2}
    assert small == {"paid": 50, "capped": 50, "capped_squares": 2500}
    database("UPDATE orders SET revenue = revenue * 10 WHERE shop_id = :shop AND order_id LIKE 'old-%'", shop=shop.id)
    order(merchant, "larger", "6000.00", visitor_id="v")
    capped = "SELECT capped FROM stretch_tallies WHERE popup_id = :id AND variant_id = 'a'"
    assert database.value(capped, id=popup_id) == 2 * 198  # fixed with the first order


def test_an_increment_is_told_with_200_buyers_in_the_holdout(reader: Client, database: Database, shop: Shop) -> None:
    popup_id = make_popup(database, shop, holdout_percent=50)
    database(
        "INSERT INTO experiment_stretches (shop_id, popup_id, stretch, variants, holdout_percent, experiment, currency,"
        " viewed_at, exposed_at) VALUES (:shop, :id, 1, '[]', 50, '{}', 'USD', now() - interval '8 days',"
        " now() - interval '8 days')",
        shop=shop.id, id=popup_id,
    )  # fmt: skip
    for variant, bought in (("", 600), ("holdout", 200)):
        database(
            "INSERT INTO stretch_tallies (shop_id, popup_id, stretch, variant_id, met_by, viewers, bought, paid,"
            " capped, capped_squares, capped_cubes) VALUES (:shop, :id, 1, :variant, 2, 10000, :bought, :paid, :paid,"
            " :squares, :cubes)",
            shop=shop.id, id=popup_id, variant=variant, bought=bought, paid=bought * 20, squares=bought * 400,
            cubes=bought * 8000,
        )  # fmt: skip
    holdout = experiment(reader, popup_id, "?goal=purchase")["holdout"]
    assert (holdout["viewers"], holdout["shown_viewers"], holdout["refused"]) == (10_000, 10_000, None)
    assert holdout["increment"]["conversions"]["value"] == 400
    low, high = holdout["increment"]["conversions"]["interval"]
    assert 0 < low < 400 < high
    assert holdout["increment"]["revenue"]["value"] == "8000.00"


# What it costs


def test_a_report_takes_three_round_trips_at_most(stack: Stack, shop: Shop, popup_id: str) -> None:
    """Of sums: it reads no event. The first call prepares the statements."""
    port = urlsplit(stack.database_url).port or 5432
    with proxy_to(port) as proxy:
        url = stack.database_url.replace(f":{port}", f":{proxy.port}")
        function = stack.start_function("stats", DATABASE_URL=url, DB_POOL_MAX="1", DB_POOL_MIN="1")
        try:
            reader = Client(function, shop.read_key)
            experiment(reader, popup_id, "?goal=click")
            experiment(reader, popup_id, "?goal=email_capture")
            proxy.reset()
            experiment(reader, popup_id, "?goal=purchase")
            assert proxy.round_trips <= 3
        finally:
            function.stop()
    assert not re.search(r"popup_(views|conversions|signals)", SELECT_EXPERIMENT + SELECT_ARMS)
