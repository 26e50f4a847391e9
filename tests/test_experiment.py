"""stats /experiment: which variant converts best, how sure that is, and when to stop."""

import random
from typing import Any

import pytest
import requests

from functions.stats.experiment import Arm, estimate
from tests.client import assert_problem
from tests.factories import conversion, make_popup, make_shop, view
from tests.stack import Database, FunctionProcess

DRAWS = 20_000


def variant(id_: str, name: str) -> dict[str, Any]:
    return {"id": id_, "name": name, "weight": 50, "design": {}, "offer": {}}


def interval(arm: Arm, drawn: list[float]) -> tuple[float, float]:
    """What holds 95 % of the rates drawn: the middle, or what begins at 0 or ends at 1 where that is the rate seen."""
    if arm.conversions == 0:
        return 0.0, drawn[-DRAWS // 20]
    if arm.conversions == arm.viewers:
        return drawn[DRAWS // 20], 1.0
    return drawn[DRAWS // 40], drawn[-DRAWS // 40]


@pytest.mark.parametrize(
    "arms",
    [
        [Arm(1000, 50), Arm(1000, 65)],
        [Arm(10, 1), Arm(100_000, 8_000)],
        [Arm(0, 0), Arm(0, 0)],
        [Arm(500, 0), Arm(500, 500)],
        [Arm(300, 30), Arm(400, 44), Arm(500, 45)],
        [Arm(2, 2), Arm(3, 0), Arm(1, 0), Arm(4, 3)],
    ],
    ids=["close", "of unequal size", "nobody yet", "none and all", "three", "a handful"],
)
def test_the_estimates_are_those_that_drawing_from_the_posteriors_gives(arms: list[Arm]) -> None:
    drawer = random.Random(7)
    wins, losses = [0] * len(arms), [0.0] * len(arms)
    rates: list[list[float]] = [[] for _ in arms]
    for _ in range(DRAWS):
        drawn = [drawer.betavariate(arm.conversions + 1, arm.viewers - arm.conversions + 1) for arm in arms]
        wins[drawn.index(max(drawn))] += 1
        for index, rate in enumerate(drawn):
            losses[index] += max(drawn) - rate
            rates[index].append(rate)
    for index, known in enumerate(estimate(arms)):
        drawn = sorted(rates[index])
        spread = drawn[-DRAWS // 40] - drawn[DRAWS // 40]
        assert known.chance_to_be_best == pytest.approx(wins[index] / DRAWS, abs=0.02)
        assert known.expected_loss == pytest.approx(losses[index] / DRAWS, rel=0.05, abs=spread * 0.02)
        assert known.credible_interval == pytest.approx(interval(arms[index], drawn), abs=spread * 0.05)
        assert known.credible_interval[0] <= known.rate <= known.credible_interval[1]


def test_chances_add_up_to_one_with_the_most_variants_a_popup_may_have() -> None:
    known = estimate([Arm(200, 20 + index) for index in range(11)])
    assert sum(each.chance_to_be_best for each in known) == pytest.approx(1, abs=1e-3)


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


def test_a_clear_winner_is_named_and_the_experiment_may_stop(
    stats: FunctionProcess,
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    database: Database,
    shop: Any,
) -> None:
    popup_id = make_popup(database, shop, variants=[variant("a", "Control"), variant("b", "Bold")])
    record(track_view, track_conversion, popup_id, "a", 150, 3)
    record(track_view, track_conversion, popup_id, "b", 150, 60)
    answer = read(stats, shop, popup_id).json()
    assert (answer["goal"], answer["stop"], answer["best"]) == ("click", True, "b")
    control, bold = answer["variants"]
    assert (control["viewers"], control["conversions"], control["rate"]) == (150, 3, 0.02)
    assert (bold["viewers"], bold["conversions"], bold["rate"]) == (150, 60, 0.4)
    assert bold["credible_interval"][0] < 0.4 < bold["credible_interval"][1]
    assert bold["chance_to_be_best"] > 0.99 > control["chance_to_be_best"]
    assert bold["expected_loss"] < control["expected_loss"]


def test_with_a_handful_of_viewers_nothing_is_decided(
    stats: FunctionProcess,
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    database: Database,
    shop: Any,
) -> None:
    popup_id = make_popup(database, shop, variants=[variant("a", "Control"), variant("b", "Bold")])
    record(track_view, track_conversion, popup_id, "a", 5, 0)
    record(track_view, track_conversion, popup_id, "b", 5, 5)
    answer = read(stats, shop, popup_id).json()
    assert (answer["stop"], answer["best"]) == (False, None)
    assert "100 viewers" in answer["reason"]


def test_a_popup_without_variants_has_nothing_to_compare(stats: FunctionProcess, database: Database, shop: Any) -> None:
    answer = read(stats, shop, make_popup(database, shop)).json()
    assert (answer["variants"], answer["stop"], answer["best"]) == ([], False, None)


def test_the_holdout_is_compared_by_purchases_only(stats: FunctionProcess, database: Database, shop: Any) -> None:
    popup_id = make_popup(database, shop, variants=[variant("a", "Control")], holdout_percent=10)
    by_purchase = read(stats, shop, popup_id, "?goal=purchase").json()
    assert [each["variant_id"] for each in by_purchase["variants"]] == ["a", "holdout"]
    assert [each["variant_id"] for each in read(stats, shop, popup_id).json()["variants"]] == ["a"]


@pytest.mark.parametrize("query", ["?goal=fame", "?goal=", "?from=2026-01-01"], ids=["unknown", "empty", "a period"])
def test_a_goal_that_is_no_type_of_conversion_is_refused(
    stats: FunctionProcess, database: Database, shop: Any, query: str
) -> None:
    assert_problem(read(stats, shop, make_popup(database, shop), query), 422, "invalid", query[1:].partition("=")[0])


def test_another_shops_experiment_is_not_found(stats: FunctionProcess, database: Database, shop: Any) -> None:
    assert_problem(read(stats, make_shop(database), make_popup(database, shop)), 404, "popup_not_found")
