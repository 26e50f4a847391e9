"""What an experiment's report says of its sums, which are put into the tables here."""

import datetime
import json
import uuid
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.factories import Shop, insert, make_popup
from tests.support.stack import Database

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
VARIANTS = [{"id": "a", "name": "Control", "weight": 50}, {"id": "b", "name": "", "weight": 50}]
NIL = str(uuid.UUID(int=0))


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop, variants=VARIANTS)


def ran(
    database: Database, shop: Shop, popup_id: str, began: float = 20, ended: float | None = None, **of: Any
) -> None:
    """Insert a stretch from so many days ago to so many; exposed unless told otherwise."""
    row = {"stretch": 1, "holdout_percent": 0, "currency": "USD", "exposed_at": NOW - began * DAY} | of
    row |= {"variants": json.dumps(of.get("variants", VARIANTS)), "experiment": json.dumps(of.get("experiment", {}))}
    row |= {"viewed_at": NOW - began * DAY, "ended_at": None if ended is None else NOW - ended * DAY}
    insert(database, "experiment_stretches", shop_id=shop.id, popup_id=popup_id, **row)


def arm(
    database: Database, shop: Shop, popup_id: str, variant: str, viewers: int, bought: int, amount: int = 20, **of: Any
) -> None:
    """So many viewers, of whom so many clicked, and bought for that amount each."""
    money = {
        name: bought * amount**power
        for names, power in ((("paid", "capped"), 1), (("paid_squares", "capped_squares"), 2), (("capped_cubes",), 3))
        for name in names
    }
    row = {"stretch": 1, "met_by": 2, "viewers": viewers, "clicked": bought, "bought": bought} | money | of
    insert(database, "stretch_tallies", shop_id=shop.id, popup_id=popup_id, variant_id=variant, **row)


def experiment(reader: Client, popup_id: str, query: str = "") -> Any:
    answer = reader.get(f"/popups/{popup_id}/experiment{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def noted(report: Any) -> set[str]:
    return {note["code"] for note in report["health"]}


@pytest.mark.parametrize(("ended", "verdict"), [(14, "collecting"), (13, "winner"), (None, "winner")])
def test_a_stretch_is_judged_by_the_days_that_it_ran(
    reader: Client, database: Database, shop: Shop, popup_id: str, ended: float | None, verdict: str
) -> None:
    ran(database, shop, popup_id, began=20.5, ended=ended)
    for variant, clicked in (("a", 1000), ("b", 2000)):
        arm(database, shop, popup_id, variant, 10_000, clicked)
    report = experiment(reader, popup_id)
    assert (report["verdict"], "less_than_a_week" in noted(report)) == (verdict, verdict == "collecting")


def test_a_winner_without_a_name_is_told_by_its_id(
    reader: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    ran(database, shop, popup_id)
    for variant, clicked in (("a", 1000), ("b", 2000)):
        arm(database, shop, popup_id, variant, 10_000, clicked)
    report = experiment(reader, popup_id)
    assert (report["best"], report["reason"].startswith("b is better")) == ("b", True)
    assert noted(report) == set()
    rates = [each["rate"] for each in report["variants"]]
    ends = [end for each in report["variants"] for end in each["credible_interval"]]
    assert (rates, ends) == ([0.1, 0.2], [round(end, 6) for end in ends])


# Clicks of 10 000 viewers of the first variant, and whether a lift of a tenth can be planned for.
RATES = {
    "none": (0, False),
    "some": (300, True),
    "nine in ten": (9000, True),
    "too many for a tenth more": (9100, False),
}


@pytest.mark.parametrize(("clicked", "is_known"), RATES.values(), ids=RATES)
def test_how_many_viewers_are_needed_is_told_where_a_tenth_more_is_a_rate(
    reader: Client, database: Database, shop: Shop, popup_id: str, clicked: int, is_known: bool
) -> None:
    ran(database, shop, popup_id)
    arm(database, shop, popup_id, "a", 10_000, clicked)
    arm(database, shop, popup_id, "b", 10_000, 500)
    assert (experiment(reader, popup_id)["viewers_needed"] is not None) == is_known
    assert experiment(reader, popup_id, "?goal=revenue")["viewers_needed"] is None


def test_viewers_needed_are_those_of_all_variants_with_the_stretchs_plan(
    reader: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    ran(database, shop, popup_id, experiment={"planned_viewers": 183_410})
    arm(database, shop, popup_id, "a", 10_000, 300)
    arm(database, shop, popup_id, "b", 10_000, 330)
    assert experiment(reader, popup_id)["viewers_needed"] == pytest.approx(183_410, rel=1e-3)


@pytest.mark.parametrize(("clicked", "is_enough"), [(24, False), (25, True)])
def test_a_variant_needs_25_converters(
    reader: Client, database: Database, shop: Shop, popup_id: str, clicked: int, is_enough: bool
) -> None:
    ran(database, shop, popup_id)
    arm(database, shop, popup_id, "a", 10_000, clicked)
    arm(database, shop, popup_id, "b", 10_000, 2000)
    report = experiment(reader, popup_id)
    assert (report["verdict"], noted(report)) == (
        ("winner", set()) if is_enough else ("collecting", {"too_few_viewers"})
    )


def test_by_revenue_the_money_of_a_viewer_decides(
    reader: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    ran(database, shop, popup_id)
    arm(database, shop, popup_id, "a", 10_000, 1000, amount=20)
    arm(database, shop, popup_id, "b", 10_000, 900, amount=40)
    report = experiment(reader, popup_id, "?goal=revenue")
    assert (report["verdict"], report["best"], noted(report)) == ("winner", "b", set())
    control, dear = report["variants"]
    assert (control["revenue_per_viewer"], dear["revenue_per_viewer"], dear["rate"]) == ("2.0000", "3.6000", None)
    assert dear["lift"] == pytest.approx(0.8)
    assert dear["lift_interval"][0] < 0.8 < dear["lift_interval"][1]
    assert dear["credible_interval"][0] < 3.6 < dear["credible_interval"][1]
    assert dear["chance_to_be_best"] > 0.99
    by_people = experiment(reader, popup_id, "?goal=purchase")
    assert [each["converters"] for each in by_people["variants"]] == [1000, 900]
    assert [each["revenue_per_viewer"] for each in by_people["variants"]] == [None, None]


@pytest.mark.parametrize("holdout_percent", [0, 50])
def test_money_that_a_few_orders_decide_is_told_where_money_is(
    reader: Client, database: Database, shop: Shop, popup_id: str, holdout_percent: int
) -> None:
    ran(database, shop, popup_id, holdout_percent=holdout_percent)
    for variant, viewers in (("a", 10_000), ("b", 10_000), *([("holdout", 20_000)] if holdout_percent else [])):
        arm(database, shop, popup_id, variant, viewers, 25, amount=5000)
    assert "skewed" in noted(experiment(reader, popup_id, "?goal=revenue"))
    assert ("skewed" in noted(experiment(reader, popup_id, "?goal=click"))) == bool(holdout_percent)


def test_crawlers_of_the_days_of_the_stretch_are_told(
    reader: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    ran(database, shop, popup_id, began=20, ended=10)
    for days_ago, events in ((21, 1), (20, 2), (10, 4), (9, 8)):
        day = (NOW - days_ago * DAY).date()
        insert(database, "daily_crawlers", shop_id=shop.id, popup_id=popup_id, day=day, events=events)
    report = experiment(reader, popup_id)
    assert [note["detail"] for note in report["health"] if note["code"] == "crawlers"] == [
        "6 events of crawlers were left out."
    ]


# Viewers of a, b and the holdout; its percentage; and whether chance explains them.
SPLITS = {
    "even": ((1000, 1040, 0), 0, True),
    "one variant has too many": ((1000, 1250, 0), 0, False),
    "with an even holdout": ((400, 410, 200), 20, True),
    "a holdout of too few": ((400, 410, 100), 20, False),
    "a holdout beside uneven variants": ((350, 480, 200), 20, False),
}


@pytest.mark.parametrize(("viewers", "holdout_percent", "is_even"), SPLITS.values(), ids=SPLITS)
def test_a_split_that_chance_does_not_explain_is_told_and_decides_nothing(
    reader: Client,
    database: Database,
    shop: Shop,
    popup_id: str,
    viewers: tuple[int, int, int],
    holdout_percent: int,
    is_even: bool,
) -> None:
    ran(database, shop, popup_id, holdout_percent=holdout_percent)
    for variant, count, share in zip(("a", "b", "holdout"), viewers, (0.1, 0.5, 0.3), strict=True):
        arm(database, shop, popup_id, variant, count, int(count * share))
    report = experiment(reader, popup_id)
    assert (report["verdict"], "sample_ratio" in noted(report)) == (
        ("winner", False) if is_even else ("collecting", True)
    )
    refused = report["holdout"] and "Something sorts the viewers" in report["holdout"]["refused"]
    assert bool(refused) == (bool(holdout_percent) and not is_even)


def test_a_popup_that_was_not_shown_yet_is_compared_as_it_is_and_an_earlier_stretch_without_events_had_nobody(
    reader: Client, database: Database, shop: Shop
) -> None:
    plan = {"planned_viewers": 5000}
    popup_id = make_popup(database, shop, variants=VARIANTS, holdout_percent=10, experiment=plan)
    database("UPDATE popups SET stretch = 2 WHERE id = :id", id=popup_id)
    newest = experiment(reader, popup_id)
    assert ([each["weight"] for each in newest["variants"]], newest["holdout"]["viewers"]) == ([50, 50], 0)
    assert [[each[name] for name in ("viewers", "converters", "rate")] for each in newest["variants"]] == [
        [0, 0, 0]
    ] * 2
    earlier = experiment(reader, popup_id, "?stretch=1")
    assert (earlier["variants"], earlier["holdout"], earlier["stretch"]) == ([], None, 1)


@pytest.mark.parametrize(("shown", "is_even"), [(10_000, True), (12_000, False)])
def test_the_shop_wide_holdout_is_of_the_shops_own_comparison(
    reader: Client, database: Database, shop: Shop, shown: int, is_even: bool
) -> None:
    database("UPDATE shops SET shop_holdout_percent = 50, currency = 'EUR' WHERE id = :shop", shop=shop.id)
    assert reader.get("/shop?window_days=8").json()["holdout"]["currency"] == "EUR"  # nobody was met yet
    for popup_id, viewers in ((NIL, shown), (make_popup(database, shop, variants=VARIANTS), 77)):
        ran(database, shop, popup_id, began=7.1, variants=[])
        arm(database, shop, popup_id, "", viewers, viewers * 6 // 100)
        arm(database, shop, popup_id, "shop_holdout", viewers if viewers < 100 else 10_000, 200)
        arm(database, shop, popup_id, "", 999, 999, met_by=1)
    found = reader.get("/shop").json()["holdout"]
    assert (found["viewers"], found["shown_viewers"], found["currency"]) == (10_000, shown, "USD")
    assert (found["refused"] is None, found["increment"] is not None) == (is_even, is_even)
    if is_even:
        assert found["increment"]["conversions"]["value"] == 400
        assert found["increment"]["revenue"]["value"] == "8000.00"
