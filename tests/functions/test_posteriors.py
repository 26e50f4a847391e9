"""The Bayesian notes: equal to drawing from the posteriors, and to the closed forms."""

import random
from math import exp, lgamma, sqrt

import pytest
import scipy  # its stats, which take a second to import, come when they are asked for

from functions.stats.experiments.arms import Arm, arm_of_people
from functions.stats.experiments.posteriors import Money, Rate, estimate, estimate_posteriors

DRAWS = 20_000


def interval(arm: Rate, drawn: list[float]) -> tuple[float, float]:
    """Return the interval of 95 % of the rates drawn: the middle, or one from 0 or to 1 if that is the rate seen."""
    if arm.converters == 0:
        return 0.0, drawn[-DRAWS // 20]
    if arm.converters == arm.viewers:
        return drawn[DRAWS // 20], 1.0
    return drawn[DRAWS // 40], drawn[-DRAWS // 40]


@pytest.mark.parametrize(
    "arms",
    [
        [Rate(1000, 50), Rate(1000, 65)],
        [Rate(10, 1), Rate(100_000, 8_000)],
        [Rate(0, 0), Rate(0, 0)],
        [Rate(500, 0), Rate(500, 500)],
        [Rate(300, 30), Rate(400, 44), Rate(500, 45)],
        [Rate(2, 2), Rate(3, 0), Rate(1, 0), Rate(4, 3)],
    ],
    ids=["close", "of unequal size", "nobody yet", "none and all", "three", "a handful"],
)
def test_the_estimates_are_those_that_drawing_from_the_posteriors_gives(arms: list[Rate]) -> None:
    drawer = random.Random(7)
    wins, losses = [0] * len(arms), [0.0] * len(arms)
    rates: list[list[float]] = [[] for _ in arms]
    for _ in range(DRAWS):
        drawn = [drawer.betavariate(arm.converters + 1, arm.viewers - arm.converters + 1) for arm in arms]
        wins[drawn.index(max(drawn))] += 1
        for index, rate in enumerate(drawn):
            losses[index] += max(drawn) - rate
            rates[index].append(rate)
    for index, known in enumerate(estimate_posteriors(arms)):
        drawn = sorted(rates[index])
        spread = drawn[-DRAWS // 40] - drawn[DRAWS // 40]
        assert known.chance_to_be_best == pytest.approx(wins[index] / DRAWS, abs=0.02)
        assert known.expected_loss == pytest.approx(losses[index] / DRAWS, rel=0.05, abs=spread * 0.02)
        assert known.credible_interval == pytest.approx(interval(arms[index], drawn), abs=spread * 0.05)
        rate = arms[index].converters / max(1, arms[index].viewers)
        assert known.credible_interval[0] <= rate <= known.credible_interval[1]


def test_chances_add_up_to_one_with_the_most_variants_a_popup_may_have() -> None:
    known = estimate_posteriors([Rate(200, 20 + index) for index in range(11)])
    assert sum(each.chance_to_be_best for each in known) == pytest.approx(1, abs=1e-3)


def log_beta(alpha: float, beta: float) -> float:
    return lgamma(alpha) + lgamma(beta) - lgamma(alpha + beta)


def chance_above(alpha: int, beta: int, other_alpha: int, other_beta: int) -> float:
    """Return the chance that a rate of the first posterior is above one of the other, in closed form.

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


def posterior(arm: Rate) -> tuple[int, int]:
    """Alpha and beta."""
    return arm.converters + 1, arm.viewers - arm.converters + 1


def expected_lead(first: Rate, other: Rate) -> float:
    """How far the first one's rate is above the other's, in expectation, and counted as 0 where it is below."""
    (alpha, beta), (other_alpha, other_beta) = posterior(first), posterior(other)
    won = first.mean * chance_above(alpha + 1, beta, other_alpha, other_beta)
    return won - other.mean * chance_above(alpha, beta, other_alpha + 1, other_beta)


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (Rate(1000, 50), Rate(1000, 65)),
        (Rate(10, 1), Rate(100_000, 8_000)),
        (Rate(100_000, 20), Rate(120_000, 30)),
        (Rate(400, 399), Rate(400, 390)),
        (Rate(0, 0), Rate(7, 3)),
    ],
    ids=["close", "of unequal size", "rare", "nearly all", "one without viewers"],
)
def test_of_two_the_chance_and_the_loss_are_those_of_the_closed_form(first: Rate, other: Rate) -> None:
    for arm, rival in ((first, other), (other, first)):
        known, _ = estimate_posteriors([arm, rival])
        chance = chance_above(*posterior(arm), *posterior(rival))
        assert known.chance_to_be_best == pytest.approx(chance, abs=1e-4)
        assert known.expected_loss == pytest.approx(expected_lead(rival, arm), rel=1e-2, abs=1e-6 * arm.mean)


def test_a_rate_that_nobody_has_seen_is_0_and_may_be_any() -> None:
    known, _ = estimate_posteriors([Rate(0, 0), Rate(10, 5)])
    assert known.credible_interval == pytest.approx((0, 0.95), abs=1e-3)


def test_a_fortieth_of_the_probability_is_left_out_on_each_side() -> None:
    """One of two: the distribution function of Beta(2, 2) is 3 x² - 2 x³."""
    (known,) = estimate_posteriors([Rate(2, 1)])
    below = [3 * rate**2 - 2 * rate**3 for rate in known.credible_interval]
    assert below == pytest.approx([0.025, 0.975], abs=1e-5)


def test_without_rivals_an_arm_is_the_best_and_choosing_it_costs_nothing() -> None:
    for arm in (Rate(0, 0), Rate(1000, 10), Rate(100, 99), Rate(10**6, 10)):
        (known,) = estimate_posteriors([arm])
        assert known.chance_to_be_best == pytest.approx(1)
        assert 0 <= known.expected_loss < arm.mean / 1000


def test_no_chance_is_above_1_and_no_loss_below_0() -> None:
    for leader in (Rate(100, 99), Rate(10_000, 9_999), Rate(10**6, 500_000), Rate(10**7, 9 * 10**6)):
        best, worst = estimate_posteriors([leader, Rate(100, 0)])
        assert 0.999 < best.chance_to_be_best <= 1
        assert worst.chance_to_be_best >= 0
        assert 0 <= best.expected_loss < 1e-6


def test_of_money_the_chance_and_the_loss_are_those_of_two_normals() -> None:
    low, high = Money(1.00, 0.05), Money(1.08, 0.04)
    of_low, of_high = estimate_posteriors([low, high])
    spread = (0.05**2 + 0.04**2) ** 0.5
    lead = scipy.stats.norm(0.08, spread)
    assert of_high.chance_to_be_best == pytest.approx(lead.sf(0), abs=1e-4)
    assert of_low.expected_loss == pytest.approx(lead.expect(lambda x: x, lb=0), rel=1e-3)
    assert of_low.credible_interval == pytest.approx(scipy.stats.norm(1.00, 0.05).interval(0.95), abs=1e-4)


def test_money_that_nobody_has_paid_is_not_estimated() -> None:
    paid = Arm(100, 10, 500.0, 30_000.0, 2e6)
    assert estimate([paid, arm_of_people(100, 0)], by_money=True) is None
    assert estimate([paid, Arm(1, 1, 5.0, 25.0, 125.0)], by_money=True) is None


def test_the_money_of_an_arm_is_known_by_its_mean_and_the_error_of_that() -> None:
    """Of 100 and of 400 viewers, a tenth of whom paid 50 or 55."""
    arms = [Arm(100, 10, 500.0, 25_000.0, 1.25e6), Arm(400, 40, 2200.0, 121_000.0, 6.655e6)]
    normals = [scipy.stats.norm(5.0, 50 * sqrt(0.09 / 99)), scipy.stats.norm(5.5, 55 * sqrt(0.09 / 399))]
    known = estimate(arms, by_money=True)
    assert known is not None
    for each, normal in zip(known, normals, strict=True):
        assert each.credible_interval == pytest.approx(normal.interval(0.95), rel=1e-3)
    lead = scipy.stats.norm(0.5, sqrt(sum(normal.var() for normal in normals)))
    assert known[1].chance_to_be_best == pytest.approx(lead.sf(0), abs=1e-4)
