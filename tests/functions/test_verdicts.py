"""The arithmetic of experiments: equal to scipy's, and the verdict's rules one by one."""

from math import exp, inf, log, sqrt

import numpy as np
import pytest
import scipy  # its stats, which take a second to import, come when they are asked for

from functions.stats.experiments.arms import Arm, arm_of_people, difference_error, ratio_error
from functions.stats.experiments.health import chi_square_tail, sample_ratio_chance
from functions.stats.experiments.holdouts import increment
from functions.stats.experiments.plan import plan, viewers_per_variant
from functions.stats.experiments.sequences import error_of_a_pair, half_width, widening
from functions.stats.experiments.verdicts import Interval, difference, judge
from functions.stats.experiments.words import reason

PLANNED = 50_000
DRAWER = np.random.default_rng(5)


def arm_of(values: np.ndarray) -> Arm:
    return Arm(len(values), int((values > 0).sum()), values.sum(), (values**2).sum(), (values**3).sum())


def money(viewers: int, mean: float = 50.0) -> np.ndarray:
    bought = DRAWER.random(viewers) < 0.05
    return np.where(bought, DRAWER.lognormal(log(mean), 1.2, viewers), 0.0)


# Exact against scipy


@pytest.mark.parametrize("viewers", [(2, 3), (500, 700), (20_000, 100)], ids=str)
def test_the_error_of_a_difference_is_welchs_from_running_sums(viewers: tuple[int, int]) -> None:
    one, other = (money(count) + 1e-3 * DRAWER.random(count) for count in viewers)
    expected = scipy.stats.ttest_ind(one, other, equal_var=False)
    known = (arm_of(one).mean - arm_of(other).mean) / difference_error(arm_of(one), arm_of(other))
    assert known == pytest.approx(expected.statistic, rel=1e-9)


def test_the_skewness_is_scipys() -> None:
    values = money(5_000)
    assert arm_of(values).skewness == pytest.approx(scipy.stats.skew(values), rel=1e-9)
    assert arm_of(np.full(100, 3.7)).skewness == arm_of_people(0, 0).skewness == arm_of_people(0, 0).mean == 0


@pytest.mark.parametrize("degrees", range(1, 12))
@pytest.mark.parametrize("statistic", [0.0, 0.3, 4.0, 11.0, 60.0])
def test_the_tail_of_chi_square_is_scipys(statistic: float, degrees: int) -> None:
    assert chi_square_tail(statistic, degrees) == pytest.approx(scipy.stats.chi2.sf(statistic, degrees), rel=1e-9)


@pytest.mark.parametrize(
    ("viewers", "shares"),
    [
        ([500, 520], [0.5, 0.5]),
        ([900, 80, 35], [0.9, 0.07, 0.03]),
        ([1000, 1000, 1250], [1 / 3] * 3),
        ([10, 0], [0.5, 0.5]),
    ],
    ids=str,
)
def test_the_sample_ratio_is_judged_as_by_scipy(viewers: list[int], shares: list[float]) -> None:
    expected = scipy.stats.chisquare(viewers, [share * sum(viewers) for share in shares]).pvalue
    assert sample_ratio_chance(viewers, shares) == pytest.approx(expected, rel=1e-9)


def test_a_handful_of_viewers_or_an_arm_that_gets_none_is_no_bad_sample_ratio() -> None:
    assert sample_ratio_chance([9, 0], [0.5, 0.5]) == 1
    assert sample_ratio_chance([1000, 30], [0.999, 0.001]) == 1
    assert sample_ratio_chance([900, 0], [1.0, 0.0]) == 1
    assert sample_ratio_chance([500, 700, 0], [0.5, 0.5, 0.0]) == sample_ratio_chance([500, 700], [0.5, 0.5]) < 1e-6
    assert sample_ratio_chance([], []) == 1


@pytest.mark.parametrize("error", [0.05, 0.025, 0.0125])
@pytest.mark.parametrize("viewers", [50, 5_000, 50_000, 3_000_000])
def test_the_sequence_is_that_of_the_normal_mixture(viewers: int, error: float) -> None:
    """The likelihood ratio of the mixture over the normal, which it solves for: Ville's bound 1 / error at the edge."""
    rho2 = (-2 * log(error) + log(1 - 2 * log(error))) / PLANNED
    edge = half_width(0.01, viewers, PLANNED, error) / 0.01  # in standard errors
    total = edge * sqrt(viewers)
    mixture = exp(rho2 * total**2 / (2 * (viewers * rho2 + 1))) / sqrt(viewers * rho2 + 1)
    assert mixture == pytest.approx(1 / error, rel=1e-9)


def test_the_sequence_is_narrowest_near_the_planned_viewers() -> None:
    widths = {planned: widening(10_000, planned, 0.05) for planned in (2_000, 10_000, 50_000)}
    assert min(widths, key=lambda planned: widths[planned]) == 10_000
    assert widening(10_000, 10_000, 0.05) == pytest.approx(3.035, abs=1e-3)
    assert half_width(inf, 10, 10, 0.05) == half_width(1.0, 0, 10, 0.05) == inf


def test_one_mistake_in_20_is_shared_by_all_comparisons_with_one_arm() -> None:
    assert [error_of_a_pair(arms) for arms in (1, 2, 3, 6)] == [0.05, 0.05, 0.025, 0.01]


def test_the_error_of_a_ratio_is_that_of_simulated_ratios() -> None:
    arm, base = Arm(4000, 200, 9_000.0, 90_000.0, 0.0), Arm(5000, 200, 10_000.0, 110_000.0, 0.0)
    drawn = DRAWER.normal(arm.mean, sqrt(arm.variance / 4000), 400_000) / DRAWER.normal(
        base.mean, sqrt(base.variance / 5000), 400_000
    )
    assert ratio_error(arm, base) == pytest.approx(drawn.std(), rel=0.02)


# The verdict


def rates(*converters: int, viewers: int = 10_000) -> list[Arm]:
    return [arm_of_people(viewers, count) for count in converters]


@pytest.mark.parametrize(
    ("arms", "days", "expected"),
    [
        (rates(1000, 2000), 6.99, ("collecting", None)),
        (rates(1000, 2000), 7, ("winner", 1)),
        (rates(2000, 1000), 7, ("winner", 0)),
        (rates(24, 2000), 7, ("collecting", None)),
        (rates(25, 2000), 7, ("winner", 1)),
        (rates(1000, 1010), 7, ("keep_running", None)),
        (rates(40_000, 40_100, viewers=400_000), 7, ("no_difference", None)),
        (rates(40_000, 42_000, viewers=400_000), 7, ("winner", 1)),
        (rates(500, 505, viewers=50_000), 7, ("undecided", None)),
        (rates(500, 505, viewers=49_999), 7, ("keep_running", None)),
        ([*rates(500, 505, viewers=50_000), arm_of_people(9_000, 45)], 7, ("undecided", None)),
        (rates(1000, 2000, 2010), 7, ("keep_running", None)),
        (rates(1000, 2010, 2000), 7, ("keep_running", None)),
        (rates(1000, 2000, 3000), 7, ("winner", 2)),
        (rates(40_000, 40_100, 20_000, viewers=400_000), 7, ("undecided", None)),
        (rates(40_000, 40_100, 80_000, 80_100, viewers=400_000), 7, ("undecided", None)),
    ],
    ids=[
        "less than 7 whole days", "7 days", "the first wins", "24 converters", "25 converters", "nothing is certain",
        "all within a tenth", "a small lift that is certain", "twice the planned viewers", "nearly twice",
        "twice the planned viewers of the two best", "two are better than the first and equal",
        "two are better and equal, the better one first", "better than every other",
        "one is worse by more than a tenth", "two are better by more than a tenth",
    ],
)  # fmt: skip
def test_the_verdict_is(arms: list[Arm], days: float, expected: tuple[str, int | None]) -> None:
    finding = judge(arms, days, PLANNED)
    assert (finding.verdict, finding.best) == expected
    assert finding.may_stop == (expected[0] in ("winner", "no_difference", "undecided"))


def test_who_is_certainly_above_the_first_beats_it_also_without_a_winner() -> None:
    assert judge(rates(1000, 2000, 2010, 1000), 7, PLANNED).beats_first == [False, True, True, False]
    assert judge(rates(1000, 2000, 2010, 1000), 6, PLANNED).beats_first == [False] * 4


def test_each_of_several_comparisons_may_err_less() -> None:
    better, base = rates(1200, 1000)
    two, five = (difference(better, base, arms, PLANNED) for arms in (2, 5))
    assert five.high - five.low > two.high - two.low
    assert two.high - two.value == pytest.approx(half_width(difference_error(better, base), 20_000, PLANNED, 0.05))


@pytest.mark.parametrize("converters", range(1000, 1400, 7))
def test_a_rates_lift_excludes_0_exactly_where_the_arm_beats_the_first(converters: int) -> None:
    finding = judge(rates(1100, converters), 7, PLANNED)
    _, lift = finding.lifts
    assert lift is not None
    assert (lift.low > 0) == finding.beats_first[1]
    assert lift.value == pytest.approx(converters / 1100 - 1)


@pytest.mark.parametrize("converters", range(5_600, 6_400, 10))
def test_a_lift_within_a_tenth_is_no_difference_exactly_where_the_verdict_says_so(converters: int) -> None:
    finding = judge(rates(6_000, converters, viewers=60_000), 7, PLANNED)
    _, lift = finding.lifts
    assert lift is not None
    is_certain = lift.low > 0 or lift.high < 0
    assert (finding.verdict == "no_difference") == (not is_certain and lift.low > -0.1 and lift.high < 0.1)


def test_the_first_and_who_is_compared_with_nobodys_rate_have_no_lift() -> None:
    assert judge(rates(0, 10), 7, PLANNED).lifts == [None, None]
    assert judge([arm_of_people(0, 0)] * 2, 7, PLANNED).lifts == [None, None]
    assert judge([arm_of_people(1, 1)] * 2, 7, PLANNED).lifts == [None, None]


@pytest.mark.parametrize("by_money", [False, True])
def test_an_arm_that_nobody_has_met_yet_is_waited_for(by_money: bool) -> None:
    finding = judge([arm_of_people(100, 50), arm_of_people(0, 0)], 7, PLANNED, by_money=by_money)
    assert (finding.verdict, finding.lifts) == ("collecting", [None, None])


def test_money_is_judged_by_the_same_sequence_and_its_lift_is_by_the_delta_method() -> None:
    base, better = arm_of(money(20_000)), arm_of(money(20_000, 80.0))
    finding = judge([base, better], 7, PLANNED, by_money=True)
    lift = finding.lifts[1]
    assert (finding.verdict, finding.best) == ("winner", 1)
    assert lift is not None
    assert lift.value == pytest.approx(better.mean / base.mean - 1)
    width = half_width(ratio_error(better, base), 40_000, PLANNED, 0.05)
    assert (lift.low, lift.high) == pytest.approx((lift.value - width, lift.value + width))


def test_a_few_large_orders_make_an_arm_skewed() -> None:
    assert arm_of(np.array([0.0] * 5000 + [20.0] * 100 + [50_000.0])).is_too_skewed
    assert not arm_of(np.array([0.0] * 5000 + [20.0] * 5000)).is_too_skewed


@pytest.mark.parametrize(("viewers", "is_too_few"), [(6040, True), (6060, False)])
def test_a_mean_needs_355_viewers_times_its_squared_skewness(viewers: int, is_too_few: bool) -> None:
    """One viewer in 20: a skewness of 0.9 / √0.0475, so 6054 viewers."""
    share = viewers / 20
    assert Arm(viewers, 0, share, share, share).is_too_skewed == is_too_few


def test_the_reason_names_the_winner_and_says_that_early_lifts_exaggerate() -> None:
    text = reason(judge(rates(1000, 2000), 7, PLANNED), ["Control", "Bold"])
    assert text.startswith("Bold is better")
    assert "exaggerated" in text


@pytest.mark.parametrize(
    ("arms", "begins_with"),
    [
        (rates(1, 2), "Too early"),
        (rates(1000, 1010), "Nothing is certain"),
        (rates(40_000, 40_100, viewers=400_000), "No variant differs"),
        (rates(500, 505, viewers=50_000), "Twice the planned viewers"),
    ],
)
def test_the_reason_says_why_there_is_no_winner(arms: list[Arm], begins_with: str) -> None:
    assert reason(judge(arms, 7, PLANNED), ["", ""]).startswith(begins_with)


# The holdout


def held_out(buyers: int, viewers: int = 20_000) -> tuple[Arm, Arm]:
    return arm_of_people(viewers, buyers), Arm(viewers, buyers, buyers * 40.0, buyers * 3000.0, 0.0)


def test_an_increment_is_the_difference_times_all_who_were_shown_the_popup() -> None:
    shown, without = held_out(1500, 60_000), held_out(400)
    found, refused = increment(shown, without, 7, PLANNED)
    assert refused is None
    assert found is not None
    assert found.conversions.value == pytest.approx((1500 / 60_000 - 400 / 20_000) * 60_000)
    assert found.revenue.value == pytest.approx((1500 / 60_000 - 400 / 20_000) * 40 * 60_000)
    expected = difference(shown[0], without[0], 2, PLANNED)
    assert found.conversions == Interval(expected.value * 60_000, expected.low * 60_000, expected.high * 60_000)
    assert found.revenue == difference(shown[1], without[1], 2, PLANNED).times(60_000)


def test_an_increment_is_told_from_a_week_and_200_buyers_without_the_popup_on() -> None:
    assert increment(held_out(5000), held_out(200), 7, PLANNED)[1] is None


@pytest.mark.parametrize(("buyers", "days"), [(199, 30), (200, 6.9)], ids=["few buyers", "few days"])
def test_an_increment_is_refused_with(buyers: int, days: float) -> None:
    found, refused = increment(held_out(5000), held_out(buyers), days, PLANNED)
    assert found is None
    assert refused


# The plan


def test_three_in_a_hundred_and_a_tenth_more_need_about_93_000_viewers_a_variant() -> None:
    """A single look needs 53 000."""
    assert plan(0.03, 0.1, 10_000, 2) == {"viewers_per_variant": 91_705, "viewers": 183_410, "days": 19}


def test_an_experiment_needs_fewest_viewers_where_it_is_planned_for_as_many() -> None:
    assert viewers_per_variant(0.03, 0.1, 2, 183_410) == pytest.approx(91_705, rel=1e-3)
    for planned in (20_000, PLANNED, 2_000_000):
        assert 92_000 < viewers_per_variant(0.03, 0.1, 2, planned) < 200_000
    assert 25_000 > viewers_per_variant(0.2, 0.2, 2) == viewers_per_variant(0.2, 0.2, 2, PLANNED)


def test_far_more_viewers_than_planned_are_needed_by_the_smaller_rate() -> None:
    assert viewers_per_variant(0.001, 0.1, 2, 1000) > viewers_per_variant(0.002, 0.1, 2, 1000) > 10**6


def test_a_plan_takes_a_week_at_least_and_25_converters() -> None:
    assert plan(0.03, 10, 10**6, 2) == {"viewers_per_variant": 834, "viewers": 1668, "days": 7}


@pytest.mark.parametrize("lift", [0.01, 0.05, 0.3, 1, 2])
def test_more_variants_smaller_lifts_and_lower_rates_need_more_viewers(lift: float) -> None:
    needed = viewers_per_variant(0.02, lift, 2)
    assert viewers_per_variant(0.02, lift, 5) > needed
    assert viewers_per_variant(0.02, lift * 0.9, 2) > needed
    assert viewers_per_variant(0.015, lift, 2) > needed
