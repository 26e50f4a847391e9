"""stats /experiment and /experiment-plan: what an experiment has found, and when it may stop."""

from typing import Any

import pytest
import requests

from tests.support.client import Client, assert_problem
from tests.support.factories import conversion, make_popup, make_shop, view
from tests.support.stack import Database, FunctionProcess


def variant(id_: str, name: str, weight: int = 50) -> dict[str, Any]:
    return {"id": id_, "name": name, "weight": weight, "design": {}, "offer": {}}


A_WEEK_AGO = """
    UPDATE experiment_stretches
    SET viewed_at = viewed_at - interval '7 days'
    WHERE popup_id = :popup_id
"""


@pytest.fixture
def shop(database: Database) -> Any:
    return make_shop(database)


def record(
    track_view: FunctionProcess, track_conversion: FunctionProcess, popup_id: Any, id_: str, viewers: int, clicks: int
) -> None:
    people = [f"{id_}-{number}" for number in range(viewers)]
    for start in range(0, viewers, 50):
        events = [view(popup_id, visitor_id=person, variant_id=id_) for person in people[start : start + 50]]
        assert requests.post(track_view.url, json={"events": events}, timeout=10).status_code == 202
    for person in people[:clicks]:
        event = conversion(popup_id, visitor_id=person, variant_id=id_)
        assert requests.post(track_conversion.url, json=event, timeout=10).status_code == 201


def read(stats: FunctionProcess, shop: Any, popup_id: Any, query: str = "") -> requests.Response:
    headers = {"Authorization": f"Bearer {shop.read_key}"}
    return requests.get(f"{stats.url}/popups/{popup_id}/experiment{query}", headers=headers, timeout=10)


def test_a_clear_winner_is_named_after_a_week_and_the_experiment_may_stop(
    stats: FunctionProcess,
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    database: Database,
    shop: Any,
) -> None:
    popup_id = make_popup(database, shop, variants=[variant("a", "Control"), variant("b", "Bold")])
    record(track_view, track_conversion, popup_id, "a", 400, 40)
    record(track_view, track_conversion, popup_id, "b", 400, 200)
    early = read(stats, shop, popup_id).json()
    assert (early["verdict"], early["stop"], early["best"]) == ("collecting", False, None)
    assert [note["code"] for note in early["health"]] == ["less_than_a_week"]
    database(A_WEEK_AGO, popup_id=popup_id)
    answer = read(stats, shop, popup_id, "?goal=click").json()
    assert (answer["goal"], answer["verdict"], answer["stop"], answer["best"]) == ("click", "winner", True, "b")
    assert answer["reason"].startswith("Bold is better")
    assert answer["health"] == []
    control, bold = answer["variants"]
    assert (control["viewers"], control["converters"], control["rate"]) == (400, 40, 0.1)
    assert (bold["viewers"], bold["converters"], bold["rate"]) == (400, 200, 0.5)
    assert (control["lift"], control["lift_interval"], control["beats_first"]) == (None, None, False)
    assert bold["beats_first"]
    assert 0 < bold["lift_interval"][0] < bold["lift"] < bold["lift_interval"][1]
    assert bold["credible_interval"][0] < bold["rate"] < bold["credible_interval"][1]
    assert bold["chance_to_be_best"] > 0.99 > control["chance_to_be_best"]
    assert bold["expected_loss"] < control["expected_loss"]
    assert answer["viewers_needed"] > 1000


def test_three_people_who_click_50_times_are_three_converters(
    stats: FunctionProcess,
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    database: Database,
    shop: Any,
) -> None:
    popup_id = make_popup(database, shop, variants=[variant("a", "Control"), variant("b", "Bold")])
    record(track_view, track_conversion, popup_id, "a", 100, 60)
    record(track_view, track_conversion, popup_id, "b", 100, 3)
    for person in ("b-0", "b-1", "b-2"):
        for _ in range(49):
            click = conversion(popup_id, visitor_id=person, variant_id="b")
            assert requests.post(track_conversion.url, json=click, timeout=10).status_code == 201
    database(A_WEEK_AGO, popup_id=popup_id)
    answer = read(stats, shop, popup_id).json()
    assert [each["converters"] for each in answer["variants"]] == [60, 3]
    assert answer["best"] is None


def test_viewers_that_the_weights_do_not_explain_block_the_verdict(
    stats: FunctionProcess,
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    database: Database,
    shop: Any,
) -> None:
    popup_id = make_popup(database, shop, variants=[variant("a", "Control"), variant("b", "Bold")])
    record(track_view, track_conversion, popup_id, "a", 150, 30)
    record(track_view, track_conversion, popup_id, "b", 250, 150)
    database(A_WEEK_AGO, popup_id=popup_id)
    answer = read(stats, shop, popup_id).json()
    assert (answer["verdict"], answer["stop"], answer["best"]) == ("collecting", False, None)
    assert [note["code"] for note in answer["health"]] == ["sample_ratio"]
    assert not any(each["beats_first"] for each in answer["variants"])


def test_a_variant_that_is_not_shown_is_listed_and_not_compared(
    stats: FunctionProcess, database: Database, shop: Any
) -> None:
    variants = [variant("a", "Control"), variant("b", "Bold", 0)]
    answer = read(stats, shop, make_popup(database, shop, variants=variants)).json()
    assert [each["weight"] for each in answer["variants"]] == [50, 0]
    assert "nothing to compare" in answer["reason"]


def test_a_popup_without_variants_has_nothing_to_compare(stats: FunctionProcess, database: Database, shop: Any) -> None:
    answer = read(stats, shop, make_popup(database, shop)).json()
    assert (answer["variants"], answer["verdict"], answer["stop"], answer["best"]) == ([], "collecting", False, None)
    assert (answer["holdout"], answer["experiment_started_at"]) == (None, None)


def test_no_increment_is_told_of_a_holdout_that_was_measured_at_another_moment(
    stats: FunctionProcess, track_view: FunctionProcess, database: Database, shop: Any
) -> None:
    popup_id = make_popup(database, shop, variants=[variant("a", "Control")], holdout_percent=10)
    early = read(stats, shop, popup_id, "?goal=purchase").json()["holdout"]
    assert (early["increment"], "fewer than 7 whole days" in early["refused"]) == (None, True)
    assert requests.post(track_view.url, json=view(popup_id, variant_id="a"), timeout=10).status_code == 202
    holdout = read(stats, shop, popup_id, "?goal=click").json()["holdout"]
    assert (holdout["increment"], "another moment" in holdout["refused"]) == (None, True)


@pytest.mark.parametrize("query", ["?goal=fame", "?goal=", "?goal=discount_code_used", "?from=2026-01-01"])
def test_a_goal_that_variants_are_not_compared_by_is_refused(
    stats: FunctionProcess, database: Database, shop: Any, query: str
) -> None:
    assert_problem(read(stats, shop, make_popup(database, shop), query), 422, "invalid", query[1:].partition("=")[0])


def test_another_shops_experiment_is_not_found(stats: FunctionProcess, database: Database, shop: Any) -> None:
    assert_problem(read(stats, make_shop(database), make_popup(database, shop)), 404, "popup_not_found")


def plan(stats: FunctionProcess, shop: Any, query: str) -> requests.Response:
    return Client(stats, shop.read_key).get(f"/experiment-plan?{query}")


def test_a_plan_says_how_many_viewers_and_days_the_verdict_needs(stats: FunctionProcess, shop: Any) -> None:
    answer = plan(stats, shop, "rate=0.03&lift=0.1&viewers_per_day=10000&variants=2")
    assert answer.status_code == 200
    assert answer.json() == {"viewers_per_variant": 91_705, "viewers": 183_410, "days": 19}
    assert plan(stats, shop, "rate=0.03&viewers_per_day=10000").json() == answer.json()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("lift=0.1&viewers_per_day=100", "rate"),
        ("rate=0.1", "viewers_per_day"),
        ("rate=0&viewers_per_day=100", "rate"),
        ("rate=1&viewers_per_day=100", "rate"),
        ("rate=nan&viewers_per_day=100", "rate"),
        ("rate=0.0_3&viewers_per_day=100", "rate"),
        ("rate=0.1&viewers_per_day=1_0", "viewers_per_day"),
        ("rate=0.6&lift=0.7&viewers_per_day=100", "lift"),
        ("rate=0.1&lift=0&viewers_per_day=100", "lift"),
        ("rate=0.1&lift=inf&viewers_per_day=100", "lift"),
        ("rate=0.1&viewers_per_day=0", "viewers_per_day"),
        ("rate=0.1&viewers_per_day=100&variants=1", "variants"),
        ("rate=0.1&viewers_per_day=100&variants=11", "variants"),
    ],
)
def test_a_plan_for_the_impossible_is_refused(stats: FunctionProcess, shop: Any, query: str, field: str) -> None:
    assert_problem(plan(stats, shop, query), 422, "invalid", field)
