"""`stats` equals the events stored, whatever came in: random streams against a plain recount of the raw tables."""

import datetime
import time
import uuid
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import Shop, make_popup, make_shop, uuid7
from tests.stack import Database, FunctionProcess
from tests.tracking import HOLDOUT, assert_tallies_equal_events, send

TYPES = ("click", "email_capture", "discount_code_used", "purchase")
DEVICES = (None, "desktop", "mobile", "tablet")
VARIANTS = (None, "a", "b", HOLDOUT, "unknown")
# Two of them are always on different days, and one counts its minutes by halves.
TIME_ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Niue", "Asia/Kolkata", "America/New_York")

event_ids = st.sampled_from([uuid7, lambda: str(uuid.uuid4())]).map(lambda make: make())
viewers = st.fixed_dictionaries(
    {
        "session_id": st.sampled_from(["s1", "s2", "s3"]),
        # A visitor may be called like somebody's session; then they are the same viewer.
        "visitor_id": st.sampled_from([None, "v1", "v2", "s3"]),
        "variant_id": st.sampled_from(VARIANTS),
        "device_type": st.sampled_from(DEVICES),
    }
)
popup_numbers = st.integers(0, 2)
views = st.tuples(popup_numbers, st.builds(lambda id_, viewer: {"event_id": id_, **viewer}, event_ids, viewers))
outcomes = st.one_of(
    st.just({"type": "click"}),
    st.builds(lambda name: {"type": "email_capture", "email": f"{name}@example.com"}, st.sampled_from("abc")),
    st.just({"type": "discount_code_used", "discount_code": "X"}),
    st.builds(
        lambda order_id, cents, currency: {
            "type": "purchase",
            "order_id": order_id,
            "revenue": str(Decimal(cents).scaleb(-2)),
            "currency": currency,
        },
        st.sampled_from(["o1", "o2", "o3", "o4"]),
        st.integers(0, 10**7),
        st.sampled_from(["USD", "EUR", "JPY"]),
    ),
)
conversions = st.tuples(
    popup_numbers,
    st.builds(lambda id_, viewer, what: {"event_id": id_, **viewer, **what}, event_ids, viewers, outcomes),
)

# A step of a stream: views (alone or in a list), a conversion, everything of an earlier step again, or a night.
steps = st.one_of(
    st.tuples(st.just("view"), views),
    st.tuples(st.just("views"), st.lists(views, min_size=1, max_size=12)),
    st.tuples(st.just("conversion"), conversions),
    st.tuples(st.just("again"), st.integers(0, 1000)),
    st.tuples(st.just("night"), st.none()),
)

LET_A_DAY_PASS = (
    "UPDATE popup_views SET viewed_at = viewed_at - interval '1 day' WHERE shop_id = :shop_id",
    "UPDATE popup_conversions SET converted_at = converted_at - interval '1 day' WHERE shop_id = :shop_id",
    "UPDATE daily_views SET day = day - 1 WHERE shop_id = :shop_id",
    "UPDATE daily_conversions SET day = day - 1 WHERE shop_id = :shop_id",
    "UPDATE daily_shop_viewers SET day = day - 1 WHERE shop_id = :shop_id",
    "UPDATE popup_viewers SET day = day - 1 WHERE shop_id = :shop_id",
    "UPDATE shop_viewers SET day = day - 1 WHERE shop_id = :shop_id",
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(time_zone=st.sampled_from(TIME_ZONES), stream=st.lists(steps, min_size=1, max_size=15))
def test_stats_equal_a_recount_of_any_stream(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    stats: FunctionProcess,
    database: Database,
    time_zone: str,
    stream: list[tuple[str, Any]],
) -> None:
    shop = make_shop(database, time_zone=time_zone)
    popups = [make_popup(database, shop, variants=[{"id": "a"}, {"id": "b"}], holdout_percent=10) for _ in range(3)]
    sent: list[Callable[[], requests.Response]] = []
    for kind, what in stream:
        if kind == "night":
            for statement in LET_A_DAY_PASS:
                database(statement, shop_id=shop.id)
        elif kind == "again":
            if sent:
                assert sent[what % len(sent)]().status_code in (200, 202)
        else:
            sent.append(sender(kind, what, popups, track_view, track_conversion))
            assert sent[-1]().status_code in (200, 201, 202)
    assert_tallies_equal_events(database, shop.id)
    for popup_id in popups:
        expected = report(database, shop, time_zone, popup_id)
        assert shown(stats, f"/popups/{popup_id}", shop) == expected
    expected = report(database, shop, time_zone)
    assert shown(stats, "/shop", shop) == {name: value for name, value in expected.items() if name != "by_variant"}


def sender(
    kind: str, what: Any, popups: list[str], track_view: FunctionProcess, track_conversion: FunctionProcess
) -> Callable[[], requests.Response]:
    def event(numbered: tuple[int, dict[str, Any]]) -> dict[str, Any]:
        number, fields = numbered
        return {"popup_id": popups[number], **fields}

    if kind == "conversion":
        return lambda: send(track_conversion, event(what))
    if kind == "view":
        return lambda: send(track_view, event(what))
    return lambda: send(track_view, {"events": [event(each) for each in what]})


def shown(stats: FunctionProcess, path: str, shop: Shop) -> dict[str, Any]:
    """What `stats` answers, its lists as maps, days and groups without anything left out, amounts as numbers."""
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
    assert said["conversion_rate"] == (round(said["conversions"] / said["views"], 4) if said["views"] else 0)
    revenue = {name: Decimal(amount) for name, amount in said["revenue_by_currency"].items()}
    assert Decimal(said["revenue"]) == revenue.get("USD", 0)
    return {
        "views": said["views"],
        "unique_viewers": said["unique_viewers"],
        "conversions": {name: count for name, count in said["conversions_by_type"].items() if count},
        "revenue": {name: amount for name, amount in revenue.items() if amount},
    }


NOTHING: dict[str, Any] = {"views": 0, "unique_viewers": 0, "conversions": {}, "revenue": {}}


def report(database: Database, shop: Shop, time_zone: str, popup_id: str | None = None) -> dict[str, Any]:
    """The same out of the raw tables, of a popup or of the whole shop."""
    raw_views = raw(database, "popup_views", "viewed_at", shop, time_zone, popup_id)
    raw_conversions = raw(database, "popup_conversions", "converted_at", shop, time_zone, popup_id)
    for row in first_views(raw_views):
        row["is_first"] = True
    visible = [row for row in raw_views if row["variant_id"] != HOLDOUT]
    visible_conversions = [row for row in raw_conversions if row["variant_id"] != HOLDOUT]
    result = {"total": counted(visible, visible_conversions)}
    for name, column in GROUPS.items():
        everything = name == "by_variant"
        chosen_views = raw_views if everything else visible
        chosen_conversions = raw_conversions if everything else visible_conversions
        values = {row[column] for row in [*chosen_views, *chosen_conversions]}
        result[name] = {
            value: counted(
                [row for row in chosen_views if row[column] == value],
                [row for row in chosen_conversions if row[column] == value],
            )
            for value in values
        }
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
        first.setdefault((row["visitor_id"] or row["session_id"], row["variant_id"] == HOLDOUT), row)
    return list(first.values())


def counted(chosen_views: list[dict[str, Any]], chosen_conversions: list[dict[str, Any]]) -> dict[str, Any]:
    revenue: Counter[str] = Counter()
    for row in chosen_conversions:
        if row["revenue"]:
            revenue[row["currency"]] += Decimal(row["revenue"])
    return {
        "views": len(chosen_views),
        "unique_viewers": sum("is_first" in row for row in chosen_views),
        "conversions": dict(Counter(row["type"] for row in chosen_conversions)),
        "revenue": dict(revenue),
    }


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


def zone_with_midnight_in(seconds: int, now: datetime.datetime) -> str:
    """A POSIX time zone, whose offset counts westwards: `<X>-05:30:00` is five and a half hours ahead of UTC."""
    since_midnight = now.hour * 3600 + now.minute * 60 + now.second
    ahead = 24 * 3600 - since_midnight - seconds
    if ahead > 12 * 3600:
        ahead -= 24 * 3600
    sign = "-" if ahead >= 0 else "+"
    return f"<X>{sign}{abs(ahead) // 3600:02}:{abs(ahead) // 60 % 60:02}:{abs(ahead) % 60:02}"
