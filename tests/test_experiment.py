"""stats /experiment: which variant converts best, how sure that is, and when to stop."""

import random
from math import exp, lgamma
from typing import Any

import pytest
import requests

from functions.stats.experiment import MIN_VIEWERS, TOLERATED_LOSS, Arm, Estimate, estimate, verdict
from tests.support.client import assert_problem
from tests.support.factories import conversion, make_popup, make_shop, view
from tests.support.stack import Database, FunctionProcess

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


def log_beta(alpha: float, beta: float) -> float:
    return lgamma(alpha) + lgamma(beta) - lgamma(alpha + beta)


def chance_above(alpha: int, beta: int, other_alpha: int, other_beta: int) -> float:
    """That a rate from the first posterior is above one from the other, in closed form.

    (E. Miller, "Formulas for Bayesian A/B Testing", 2015, formula 6)
    """
    return sum(
        exp(
            log_beta(other_alpha + step, other_beta + beta)
            - log_beta(1 + step, beta)
            - log_beta(other_alpha, other_beta)
        )
        / (beta + step)
        for step in range(alpha)
    )


def posterior(arm: Arm) -> tuple[int, int]:
    """Alpha and beta."""
    return arm.conversions + 1, arm.viewers - arm.conversions + 1


def expected_lead(first: Arm, other: Arm) -> float:
    """How far the first one's rate is above the other's, in expectation, and counted as 0 where it is below."""
    (alpha, beta), (other_alpha, other_beta) = posterior(first), posterior(other)
    won = first.mean * chance_above(alpha + 1, beta, other_alpha, other_beta)
    return won - other.mean * chance_above(alpha, beta, other_alpha + 1, other_beta)


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (Arm(1000, 50), Arm(1000, 65)),
        (Arm(10, 1), Arm(100_000, 8_000)),
        (Arm(100_000, 20), Arm(120_000, 30)),
        (Arm(400, 399), Arm(400, 390)),
        (Arm(0, 0), Arm(7, 3)),
    ],
    ids=["close", "of unequal size", "rare", "nearly all", "one without viewers"],
)
def test_of_two_the_chance_and_the_loss_are_those_of_the_closed_form(first: Arm, other: Arm) -> None:
    for arm, rival in ((first, other), (other, first)):
        known, _ = estimate([arm, rival])
        chance = chance_above(*posterior(arm), *posterior(rival))
        assert known.chance_to_be_best == pytest.approx(chance, abs=1e-4)
        assert known.expected_loss == pytest.approx(expected_lead(rival, arm), rel=1e-2, abs=1e-6 * arm.mean)


def test_a_rate_that_nobody_has_seen_is_0_and_may_be_any() -> None:
    known, _ = estimate([Arm(0, 0), Arm(10, 5)])
    assert known.rate == 0
    assert known.credible_interval == pytest.approx((0, 0.95), abs=1e-3)


def test_a_fortieth_of_the_probability_is_left_out_on_each_side() -> None:
    """One of two: the distribution function of Beta(2, 2) is 3 x² - 2 x³."""
    (known,) = estimate([Arm(2, 1)])
    below = [3 * rate**2 - 2 * rate**3 for rate in known.credible_interval]
    assert below == pytest.approx([0.025, 0.975], abs=1e-5)


def test_without_rivals_an_arm_is_the_best_and_choosing_it_costs_nothing() -> None:
    for arm in (Arm(0, 0), Arm(1000, 10), Arm(100, 99), Arm(10**6, 10)):
        (known,) = estimate([arm])
        assert known.chance_to_be_best == pytest.approx(1)
        assert 0 <= known.expected_loss < TOLERATED_LOSS * arm.mean / 10


def test_no_chance_is_above_1_and_no_loss_below_0() -> None:
    for leader in (Arm(100, 99), Arm(10_000, 9_999), Arm(10**6, 500_000), Arm(10**7, 9 * 10**6)):
        best, worst = estimate([leader, Arm(100, 0)])
        assert 0.999 < best.chance_to_be_best <= 1
        assert worst.chance_to_be_best >= 0
        assert 0 <= best.expected_loss < 1e-6


def losing(*losses: float) -> list[Estimate]:
    return [Estimate(0.1, (0.0, 1.0), 0.5, loss) for loss in losses]


class TestVerdict:
    """When to stop; by estimates that are given."""

    @pytest.mark.parametrize("arms", [[], [Arm(1000, 500)]], ids=["none", "one"])
    def test_fewer_than_two_variants_are_no_experiment(self, arms: list[Arm]) -> None:
        assert verdict(arms, losing(*(0.0 for _ in arms))) == (
            False,
            "There is nothing to compare: the popup has fewer than two variants.",
        )

    def test_more_than_two_variants_are_compared_as_well(self) -> None:
        assert verdict([Arm(1000, 500)] * 3, losing(0.0, 0.5, 0.5))[0]

    def test_with_99_viewers_of_one_variant_nothing_is_decided_and_with_100_it_is(self) -> None:
        assert MIN_VIEWERS == 100
        few, enough = [Arm(1000, 500), Arm(99, 0)], [Arm(1000, 500), Arm(100, 0)]
        assert verdict(few, losing(0.0, 0.5)) == (False, "Every variant needs 100 viewers at least.")
        assert verdict(enough, losing(0.0, 0.5))[0]

    def test_the_leader_may_be_chosen_once_that_costs_a_hundredth_of_its_own_rate_or_less(self) -> None:
        tenth, half = Arm(998, 99), Arm(998, 499)
        for arms in ([tenth, half], [half, tenth]):
            leads = [0.001 if arm is tenth else 0.2 for arm in arms]
            assert verdict(arms, losing(*leads)) == (
                True,
                "Choosing the leader costs less than a hundredth of its rate, in expectation.",
            )
            leads = [0.00101 if arm is tenth else 0.2 for arm in arms]
            assert verdict(arms, losing(*leads)) == (
                False,
                "Choosing the leader now could still cost more than a hundredth of its rate.",
            )


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
