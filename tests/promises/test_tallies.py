"""`stats` equals the events stored, whatever came in: random streams against a plain recount of the raw tables.

tests/promises/test_order_tallies.py does so for orders and their money.
"""

import datetime
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import product
from random import Random
from typing import Any

import pytest
import requests

from cli.upkeep.recount import recount
from tests.functions.test_comparisons import assert_sums
from tests.support.clock import zone_with_midnight_in
from tests.support.factories import Shop, conversion, make_popup, make_shop, uuid7, view
from tests.support.stack import Database, FunctionProcess
from tests.support.tracking import HOLDOUT, assert_tallies_equal_events, send, send_each, statuses

HOLDOUTS = (HOLDOUT, "shop_holdout")
TYPES = ("click", "email_capture", "discount_code_used", "purchase")
DEVICES = (None, "desktop", "mobile", "tablet")
VARIANTS = (None, "a", "b", HOLDOUT, "unknown")
# Two of them are always on different days, and one counts its minutes by halves.
TIME_ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Niue", "Asia/Kolkata", "America/New_York")


def random_shopper(random: Random) -> dict[str, Any]:
    return {
        "session_id": random.choice(["s1", "s2", "s3"]),
        # A visitor may be called like somebody's session; then they are the same viewer.
        "visitor_id": random.choice([None, "v1", "v2", "s3"]),
        "variant_id": random.choice(VARIANTS),
        "device_type": random.choice(DEVICES),
    }


def random_event(random: Random, popups: list[str], shoppers: list[dict[str, Any]]) -> dict[str, Any]:
    late = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=random.randrange(200))
    unordered = str(uuid.UUID(int=random.getrandbits(128), version=4))
    event_id = random.choice([uuid7(random=random), uuid7(late, random=random), unordered])
    return {"event_id": event_id, "popup_id": random.choice(popups), **random.choice(shoppers)}


def random_lists(random: Random, new_event: Callable[[], dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return some views, exposures and closes, of which one may be there twice."""
    lists = {
        name: [new_event() for _ in range(random.randint(0, most))]
        for name, most in (("events", 12), ("exposures", 6), ("closes", 3))
    }
    for exposure in lists["exposures"]:
        if random.random() < 0.1:
            exposure["variant_id"] = "shop_holdout"
    given = [(name, event) for name, events in lists.items() for event in events]
    if not given:
        return {"events": [new_event()]}
    name, again = random.choice(given)
    lists[name].append(again)
    return {name: events for name, events in lists.items() if events}


def random_outcome(random: Random, *, buys: bool) -> dict[str, Any]:
    amount = str(Decimal(random.randrange(10**7)).scaleb(-2))
    outcomes: list[dict[str, Any]] = [
        {"type": "click"},
        {"type": "discount_code_used", "discount_code": "X"},
        {"type": "email_capture", "email": f"{random.choice('abc')}@example.com"},
    ]
    if buys:
        currency = random.choice(["USD", "EUR"])
        order_id = f"{random.randrange(20)}"
        outcomes.append({"type": "purchase", "order_id": order_id, "revenue": amount, "currency": currency})
    return random.choice(outcomes)


EVENTS = {"popup_views": "viewed_at", "popup_conversions": "converted_at", "popup_signals": "signalled_at"}
TALLIES = {
    "daily_views": ["day"],
    "daily_conversions": ["day"],
    "daily_shop_viewers": ["day"],
    "daily_converters": ["day"],
    "daily_returns": ["day", "previous_day"],
    "daily_signals": ["day"],
    "viewers": ["first_day", "last_day", "previous_day", "popup_last_day", "popup_previous_day"],
    "viewers_by_popup": ["first_day", "last_day", "previous_day"],
}


def let_a_day_pass(database: Database, shop_id: str) -> None:
    """Everything the shop has becomes a day older, which is the same."""
    for table, at in EVENTS.items():
        database(f"UPDATE {table} SET {at} = {at} - interval '1 day' WHERE shop_id = :shop_id", shop_id=shop_id)
    for table, columns in TALLIES.items():
        for days in (-1000, 999):  # in two steps: a day must not meet the one before it
            changes = ", ".join(f"{column} = {column} + ({days})" for column in columns)
            database(f"UPDATE {table} SET {changes} WHERE shop_id = :shop_id", shop_id=shop_id)


def erase_somebody(database: Database, manage_popups: FunctionProcess, shop: Shop, random: Random) -> None:
    people = database("SELECT id FROM email_subscribers WHERE shop_id = :shop_id ORDER BY id", shop_id=shop.id)
    for person in random.sample(people, min(1, len(people))):
        url = f"{manage_popups.url}/subscribers/{person['id']}"
        assert requests.delete(url, headers=shop.writer, timeout=10).status_code == 204


# Fixed, so that a failure can be repeated: the seed is in the name of the test.
@pytest.mark.parametrize("seed", range(20))
def test_stats_equal_a_recount_of_any_stream(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    stats: FunctionProcess,
    manage_popups: FunctionProcess,
    database: Database,
    seed: int,
) -> None:
    random = Random(seed)
    time_zone = random.choice(TIME_ZONES)
    # The time of an event that its id tells cannot be moved: where days pass nobody buys.
    days_pass = random.random() < 0.7
    shop = make_shop(database, time_zone=time_zone, shop_holdout_percent=10)
    popups = [make_popup(database, shop, variants=[{"id": "a"}, {"id": "b"}], holdout_percent=10) for _ in range(2)]
    shoppers = [random_shopper(random) for _ in range(5)]
    new_event = partial(random_event, random, popups, shoppers)
    sent: list[Callable[[], requests.Response]] = []
    for _ in range(30):
        if days_pass and random.random() < 0.1:
            let_a_day_pass(database, shop.id)
        if random.random() < 0.05:
            erase_somebody(database, manage_popups, shop, random)
        if random.random() < 0.2 and sent:
            assert random.choice(sent)().status_code in (200, 202)
            continue
        view, views = new_event(), random_lists(random, new_event)
        conversion = {**new_event(), **random_outcome(random, buys=not days_pass)}
        choices = [(track_view, view), (track_view, views), (track_conversion, conversion)]
        sent.append(partial(send, *random.choice(choices)))
        assert sent[-1]().status_code in (200, 201, 202)
    assert_tallies_equal_events(database, shop.id)
    assert_sums(database, shop)
    assert recount(database._connection, shop.id, say=lambda line: None) == 0
    for popup_id in popups:
        expected = report(database, shop, time_zone, popup_id)
        assert shown(stats, f"/popups/{popup_id}", shop) == expected
    expected = report(database, shop, time_zone)
    assert shown(stats, "/shop", shop) == {name: value for name, value in expected.items() if name != "by_variant"}
    assert_periods_tell_who_was_active(database, stats, shop, time_zone, popups)


def assert_periods_tell_who_was_active(
    database: Database, stats: FunctionProcess, shop: Shop, time_zone: str, popups: list[str]
) -> None:
    """Of viewers who were first seen before a period, too, whichever day it begins."""
    for path, popup_id in [("/shop", None), *((f"/popups/{popup_id}", popup_id) for popup_id in popups)]:
        rows = raw(database, "popup_views", "viewed_at", shop, time_zone, popup_id)
        visible = [row for row in rows if row["variant_id"] != HOLDOUT]
        for day in sorted({row["day"] for row in visible}):
            answer = requests.get(f"{stats.url}{path}?from={day}", headers=shop.reader, timeout=10).json()
            seen = {viewer_of(row) for row in visible if row["day"] >= day}
            known = {viewer_of(row) for row in visible if row["day"] < day}
            assert (answer["active_viewers"], answer["unique_viewers"]) == (len(seen), len(seen - known))


def shown(stats: FunctionProcess, path: str, shop: Shop) -> dict[str, Any]:
    """Return the report of `stats` with lists as maps, without empty days and groups, and amounts as numbers."""
    answer = requests.get(stats.url + path, headers=shop.reader, timeout=10)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    groups = {name: key for name, key in GROUPS.items() if name in said}
    return {"total": numbers(said)} | {
        name: {row[key]: counted for row in said[name] if (counted := numbers(row)) != NOTHING}
        for name, key in groups.items()
    }


GROUPS = {"by_day": "day", "by_device": "device_type", "by_variant": "variant_id"}


def numbers(said: dict[str, Any]) -> dict[str, Any]:
    assert said["conversions"] == sum(said["conversions_by_type"].values())
    viewers = said["unique_viewers"]
    assert said["conversion_rate"] == (round(said["converters"] / viewers, 6) if viewers else None)
    return {
        "views": said["views"],
        "exposures": said["exposures"] or 0,  # null where no popup's script has sent any
        "closes": said["closes"],
        "unique_viewers": said["unique_viewers"],
        "active_viewers": said["active_viewers"],
        "converters": did_it({name: count for name, count in said["converters_by_type"].items() if count}),
        "conversions": {name: count for name, count in said["conversions_by_type"].items() if count},
    }


def did_it(converters: dict[str, int]) -> dict[str, int]:
    """Without buyers, whom orders make: tests/promises/test_order_tallies.py."""
    return {name: count for name, count in converters.items() if name != "purchase"}


NOTHING: dict[str, Any] = {
    "views": 0, "exposures": 0, "closes": 0, "unique_viewers": 0, "active_viewers": 0, "converters": {},
    "conversions": {},
}  # fmt: skip


def report(database: Database, shop: Shop, time_zone: str, popup_id: str | None = None) -> dict[str, Any]:
    """Return the same from the raw tables, of a popup or of the whole shop."""
    raw_views = raw(database, "popup_views", "viewed_at", shop, time_zone, popup_id)
    raw_conversions = raw(database, "popup_conversions", "converted_at", shop, time_zone, popup_id)
    raw_signals = raw(database, "popup_signals", "signalled_at", shop, time_zone, popup_id)
    done: dict[Any, set[str]] = defaultdict(set)
    for row in raw_conversions:
        done[viewer_of(row)].add(row["type"])
    for row in first_views(raw_views):
        row["did"] = done[viewer_of(row)]
    visible = [row for row in raw_views if row["variant_id"] != HOLDOUT]
    visible_conversions = [row for row in raw_conversions if row["variant_id"] != HOLDOUT]
    visible_signals = [row for row in raw_signals if row["variant_id"] not in HOLDOUTS]
    result = {"total": counted(visible, visible_conversions, visible_signals)}
    for name, column in GROUPS.items():
        everything = name == "by_variant"
        chosen_views = raw_views if everything else visible
        chosen_conversions = raw_conversions if everything else visible_conversions
        chosen_signals = raw_signals if everything else visible_signals
        values = {row[column] for row in [*chosen_views, *chosen_conversions, *chosen_signals]}
        result[name] = {
            value: counted(
                [row for row in chosen_views if row[column] == value],
                [row for row in chosen_conversions if row[column] == value],
                [row for row in chosen_signals if row[column] == value],
            )
            for value in values
        }
        if name != "by_day":  # where they were first seen, which is in the period
            for group in result[name].values():
                group["active_viewers"] = group["unique_viewers"]
    return result


def raw(
    database: Database, table: str, at: str, shop: Shop, time_zone: str, popup_id: str | None
) -> list[dict[str, Any]]:
    """In the order in which they came: those of one statement share their time, and go by their ids."""
    return database(
        f"""
        SELECT *, ({at} AT TIME ZONE :time_zone)::date::text AS day
        FROM {table}
        WHERE shop_id = :shop_id AND (:popup_id::uuid IS NULL OR popup_id = :popup_id)
        ORDER BY {at}, event_id
        """,
        time_zone=time_zone,
        shop_id=shop.id,
        popup_id=popup_id,
    )


def first_views(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each viewer's first, of the popup and of the holdout."""
    first: dict[Any, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(viewer_of(row), row)
    return list(first.values())


def viewer_of(row: dict[str, Any]) -> tuple[str, bool]:
    return row["visitor_id"] or row["session_id"], row["variant_id"] == HOLDOUT


def counted(
    chosen_views: list[dict[str, Any]], chosen_conversions: list[dict[str, Any]], chosen_signals: list[dict[str, Any]]
) -> dict[str, Any]:
    kinds = Counter(row["kind"] for row in chosen_signals)
    shown = [row for row in chosen_views if row["variant_id"] != HOLDOUT]  # the holdout's views are exposures
    return {
        "views": len(shown),
        "exposures": kinds["exposure"] + len(chosen_views) - len(shown),
        "closes": kinds["close"],
        "unique_viewers": sum("did" in row for row in chosen_views),
        "active_viewers": len({viewer_of(row) for row in chosen_views}),
        "converters": did_it(dict(Counter(type_ for row in chosen_views for type_ in row.get("did", ())))),
        "conversions": dict(Counter(row["type"] for row in chosen_conversions)),
    }


def test_whoever_comes_back_counts_on_the_days_of_it_whichever_popups_that_was_at(
    track_view: FunctionProcess, track_conversion: FunctionProcess, database: Database
) -> None:
    """In each way to see neither, one or both of two popups: on a day, twice on the next, and on a third."""
    shop = make_shop(database)
    popups = [make_popup(database, shop) for _ in range(2)]
    plans = list(enumerate(product([(), (0,), (1,), (0, 1)], repeat=4)))
    for visit, device in enumerate(["mobile", "desktop", "tablet", "mobile"]):
        if visit in (1, 3):
            let_a_day_pass(database, shop.id)
        views = [
            view(popups[place], visitor_id=f"{number}", device_type=device)
            for number, plan in plans
            for place in plan[visit]
        ]
        for first in range(0, len(views), 50):
            assert send(track_view, {"events": views[first : first + 50]}).status_code == 202
        clicks = [
            conversion(popups[number % 3 % 2], visitor_id=f"{number}", device_type=device)
            for number, _ in plans
            if number % 8 == visit
        ]
        assert statuses(send_each((track_conversion, click) for click in clicks)) == {201: len(clicks)}
    assert_tallies_equal_events(database, shop.id)
    assert recount(database._connection, shop.id, say=lambda line: None) == 0


def test_a_holdout_of_which_only_conversions_came_is_a_group_without_exposures(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    stats: FunctionProcess,
    database: Database,
) -> None:
    shop = make_shop(database)
    popup_id = make_popup(database, shop, holdout_percent=10)
    assert send(track_view, {"popup_id": popup_id, "session_id": "s1"}).status_code == 202
    converted = {"popup_id": popup_id, "session_id": "s2", "variant_id": HOLDOUT, "type": "click"}
    assert send(track_conversion, converted).status_code == 201
    assert shown(stats, f"/popups/{popup_id}", shop) == report(database, shop, "UTC", popup_id)


def test_midnight_in_the_shop_divides_the_days(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    stats: FunctionProcess,
    database: Database,
) -> None:
    """In a shop whose midnight comes two seconds from now: Postgres also knows zones by their distance from UTC."""
    time_zone = zone_with_midnight_in(2, datetime.datetime.now(datetime.UTC))
    shop = make_shop(database, time_zone=time_zone)
    popup_id = make_popup(database, shop)
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        event = {"popup_id": popup_id, "session_id": f"{uuid.uuid4()}"}
        assert send(track_view, event).status_code == 202
        assert send(track_conversion, {**event, "type": "click"}).status_code == 201
    expected = report(database, shop, time_zone, popup_id)
    assert len(expected["by_day"]) == 2
    assert shown(stats, f"/popups/{popup_id}", shop) == expected
