"""stats: what happened, added up by day, device and variant; for a popup and for a shop."""

import datetime
import itertools
import uuid
from concurrent.futures import ThreadPoolExecutor
from string import ascii_uppercase
from typing import Any

import pytest

from common.shop.currencies import DECIMALS, WITHDRAWN
from tests.support.client import PROMISED_SECONDS, Client, assert_problem
from tests.support.clock import zone_with_midnight_in
from tests.support.factories import Shop, capture, conversion, insert, make_popup, make_shop, purchase, view
from tests.support.stack import Database, FunctionProcess, Stack, eventually

TYPES = ("click", "email_capture", "discount_code_used", "purchase")
NOTHING: dict[str, Any] = {
    "exposures": None,
    "views": 0,
    "unique_viewers": 0,
    "active_viewers": 0,
    "closes": 0,
    "converters": 0,
    "converters_by_type": dict.fromkeys(TYPES, 0),
    "conversion_rate": None,
    "conversions": 0,
    "conversions_by_type": dict.fromkeys(TYPES, 0),
    "orders": 0,
    "revenue": "0.00",
    "refunded": "0.00",
    "net_revenue": "0.00",
    "unconfirmed_orders": 0,
    "revenue_per_viewer": None,
    "average_order_value": None,
    "currency": "USD",
    "revenue_by_currency": {},
    "refunded_by_currency": {},
}
MARCH = "from=2026-03-01&to=2026-03-03"


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop, name="The popup", variants=[{"id": "a"}, {"id": "b"}])


@pytest.fixture(scope="module")
def somebody(stats: FunctionProcess, database: Database) -> Client:
    return Client(stats, make_shop(database).read_key)


def send(function: FunctionProcess, *events: dict[str, Any]) -> None:
    for event in events:
        answer = Client(function).post(json=event)
        assert answer.status_code in (201, 202), answer.text


def make_views(database: Database, shop: Shop, popup_id: str, day: str, views: int, viewers: int, **of: str) -> None:
    """Insert a day's tally, as if that many views of that many viewers had come in on it."""
    row = {"shop_id": shop.id, "popup_id": popup_id, "day": day, "variant_id": "", "device_type": "", **of}
    insert(database, "daily_views", **row, views=views, viewers=viewers)


def make_conversions(database: Database, shop: Shop, popup_id: str, day: str, conversions: int, **of: Any) -> None:
    row = {"shop_id": shop.id, "popup_id": popup_id, "day": day, "variant_id": "", "device_type": "", "type": "click"}
    insert(database, "daily_conversions", **{**row, "currency": "", "revenue": 0, **of}, conversions=conversions)


def make_converters(database: Database, shop: Shop, popup_id: str, day: str, converters: int, **of: Any) -> None:
    row = {"shop_id": shop.id, "popup_id": popup_id, "day": day, "variant_id": "", "device_type": "", "type": "click"}
    insert(database, "daily_converters", **{**row, **of}, converters=converters)


def make_orders(database: Database, shop: Shop, popup_id: str, day: str, orders: int, revenue: int, **of: Any) -> None:
    row = {"shop_id": shop.id, "popup_id": popup_id, "day": day, "variant_id": "", "device_type": "", "step": 0}
    row |= {"rule": "stored", "browser_day": day, "currency": "USD", **of}
    insert(database, "daily_orders", **row, orders=orders, revenue=revenue, refunded=0)


def picked(report: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(report[name] for name in names)


# What is counted


def test_a_popup_that_nobody_saw_has_a_report_of_zeros(reader: Client, popup_id: str, database: Database) -> None:
    report = reader.get(f"/popups/{popup_id}").json()
    today = database.value("SELECT (now() AT TIME ZONE 'UTC')::date")
    assert report == NOTHING | {
        "popup_id": popup_id,
        "name": "The popup",
        "status": "active",
        "from": str(today - datetime.timedelta(days=29)),
        "to": str(today),
        "time_zone": "UTC",
        "goal": "click",
        "attribution": "last_touch",
        "window_days": 7,
        "active_viewers_estimated": False,
        "crawlers": 0,
        "funnel": {"exposures": None, "viewers": 0, "closes": 0, "converters": 0, "codes_used": 0, "orders": 0},
        "by_day": [{"day": str(today - datetime.timedelta(days=ago)), **NOTHING} for ago in range(29, -1, -1)],
        "by_device": [],
        "by_variant": [],
        "by_variant_and_device": [],
        "variants_left_out": 0,
        "annotations": [],
    }


def test_views_and_conversions_show_within_two_seconds(
    reader: Client, popup_id: str, track_view: FunctionProcess, track_conversion: FunctionProcess
) -> None:
    paths = (f"/popups/{popup_id}", "/shop")
    for count in (1, 2, 3):
        for path in paths:  # so that it is cached
            assert reader.get(path).json()["views"] == count - 1
        send(track_view, view(popup_id))
        send(track_conversion, conversion(popup_id))
        for path in paths:
            eventually(
                lambda path=path, n=count: picked(reader.get(path).json(), "views", "conversions") == (n, n),
                seconds=PROMISED_SECONDS,
            )


def test_every_type_of_conversion_is_counted_and_purchases_bring_revenue(
    reader: Client, popup_id: str, track_view: FunctionProcess, track_conversion: FunctionProcess
) -> None:
    send(track_view, *(view(popup_id) for _ in range(8)))
    send(
        track_conversion,
        conversion(popup_id, revenue="99.00", currency="USD"),  # a click has no revenue
        capture(popup_id, "ada@example.com"),
        conversion(popup_id, "discount_code_used", discount_code="SAVE10"),
        purchase(popup_id, "order-1", "10.10"),
        purchase(popup_id, "order-2", "0.25"),
    )
    report = reader.get(f"/popups/{popup_id}").json()
    assert report["conversions_by_type"] == {"click": 1, "email_capture": 1, "discount_code_used": 1, "purchase": 2}
    assert picked(report, "views", "conversions", "conversion_rate") == (8, 5, 0.0)
    assert picked(report, "revenue", "currency", "revenue_by_currency") == ("10.35", "USD", {"USD": "10.35"})


def test_revenue_is_the_exact_sum_in_the_shops_currency_and_others_stand_beside_it(
    reader: Client, popup_id: str, track_conversion: FunctionProcess
) -> None:
    devices = ("mobile", "tablet", None)
    send(track_conversion, *(purchase(popup_id, f"o-{device}", "0.1", device_type=device) for device in devices))
    send(
        track_conversion,
        purchase(popup_id, "euros", "20.00") | {"currency": "EUR"},
        purchase(popup_id, "dinars", "1.125") | {"currency": "KWD"},
        purchase(popup_id, "yen", "5000") | {"currency": "JPY"},
    )
    by_currency = {"EUR": "20.00", "JPY": "5000.00", "KWD": "1.125", "USD": "0.30"}
    for path in (f"/popups/{popup_id}", "/shop"):
        report = reader.get(path).json()
        assert picked(report, "orders", "revenue", "average_order_value") == (6, "0.30", "0.10")
        assert list(report["revenue_by_currency"].items()) == list(by_currency.items())


def test_a_report_tells_of_currencies_that_there_are_however_many_were_invented(
    stats: FunctionProcess, database: Database
) -> None:
    shop = make_shop(database, currency="QQQ")  # as was possible once
    popup_id = make_popup(database, shop)
    codes = [f"{first}{second}{third}" for first, second, third in itertools.product(ascii_uppercase, repeat=3)]
    database(
        """INSERT INTO daily_orders (shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day,
            orders, revenue, refunded)
        SELECT :shop, :popup, 'stored', '2026-03-02', 0, '', '', code, '2026-03-02', 1, 5, 0
        FROM unnest(:codes::text[]) AS code""",
        shop=shop.id,
        popup=popup_id,
        codes=codes,
    )
    reader = Client(stats, shop.read_key)
    for path in (f"/popups/{popup_id}", "/shop"):
        report = reader.get(f"{path}?{MARCH}").json()
        told = report["revenue_by_currency"]
        assert told.keys() == DECIMALS.keys() | {"QQQ"} | WITHDRAWN
        assert report["orders"] == len(codes)
        assert report["conversions_in_unknown_currency"] == len(codes) - len(told)
        assert len(reader.get(f"{path}?{MARCH}").content) < 32 * 1024


def test_a_viewer_is_counted_once_by_visitor_or_else_by_session(
    reader: Client, popup_id: str, track_view: FunctionProcess
) -> None:
    ada, ada_later = (view(popup_id, visitor_id="ada") for _ in range(2))
    anonymous = view(popup_id)
    send(
        track_view, ada, ada_later, anonymous, view(popup_id) | {"session_id": anonymous["session_id"]}, view(popup_id)
    )
    report = reader.get(f"/popups/{popup_id}").json()
    assert picked(report, "views", "unique_viewers") == (5, 3)


def test_an_event_sent_again_changes_nothing(
    reader: Client, popup_id: str, track_view: FunctionProcess, track_conversion: FunctionProcess
) -> None:
    seen, bought = view(popup_id), purchase(popup_id, "order-1", "5.00")
    for _ in range(3):
        send(track_view, seen)
    send(track_conversion, bought)
    for again in (bought, purchase(popup_id, "order-1", "5.00")):  # the same order by another id, too
        assert Client(track_conversion).post(json=again).status_code == 200
    report = reader.get(f"/popups/{popup_id}").json()
    assert picked(report, "views", "unique_viewers", "conversions", "revenue") == (1, 1, 1, "5.00")


def test_devices_are_told_apart_and_the_unknown_is_null(
    reader: Client, popup_id: str, track_view: FunctionProcess, track_conversion: FunctionProcess
) -> None:
    send(track_view, *(view(popup_id, device_type="mobile") for _ in range(2)), view(popup_id))
    send(track_conversion, *(conversion(popup_id, device_type=device) for device in ("tablet", "mobile", "desktop")))
    by_device = reader.get(f"/popups/{popup_id}").json()["by_device"]
    assert [picked(device, "device_type", "views", "unique_viewers", "conversions") for device in by_device] == [
        ("mobile", 2, 2, 1),
        (None, 1, 1, 0),
        ("desktop", 0, 0, 1),
        ("tablet", 0, 0, 1),
    ]


def test_variants_are_told_apart_and_the_holdout_counts_in_no_total(
    reader: Client, popup_id: str, track_view: FunctionProcess, track_conversion: FunctionProcess
) -> None:
    send(track_view, view(popup_id, variant_id="a"), view(popup_id, variant_id="a"), view(popup_id, variant_id="b"))
    send(track_view, view(popup_id, variant_id="holdout", device_type="tablet"), view(popup_id, variant_id="nobody's"))
    send(track_conversion, conversion(popup_id, variant_id="b"), purchase(popup_id, "o", "7.00", variant_id="holdout"))
    report = reader.get(f"/popups/{popup_id}").json()
    shown = {
        variant["variant_id"]: picked(variant, "views", "conversions", "revenue") for variant in report["by_variant"]
    }
    assert shown == {"a": (2, 0, "0.00"), "b": (1, 1, "0.00"), None: (1, 0, "0.00"), "holdout": (0, 1, "0.00")}
    assert [each["exposures"] for each in report["by_variant"] if each["variant_id"] == "holdout"] == [1]
    assert picked(report, "views", "unique_viewers", "conversions", "revenue") == (4, 4, 1, "0.00")
    assert [device["device_type"] for device in report["by_device"]] == [None]
    assert sum(day["views"] for day in report["by_day"]) == 4
    assert picked(reader.get("/shop").json(), "views", "unique_viewers", "conversions") == (4, 4, 1)


def test_a_rate_is_of_converters_over_unique_viewers_to_six_decimals(
    reader: Client, popup_id: str, shop: Shop, database: Database
) -> None:
    make_views(database, shop, popup_id, "2026-03-01", 7, 3)
    make_conversions(database, shop, popup_id, "2026-03-01", 5)
    make_converters(database, shop, popup_id, "2026-03-01", 2)
    report = reader.get(f"/popups/{popup_id}?{MARCH}").json()
    assert picked(report, "goal", "converters", "conversion_rate") == ("click", 2, 0.666667)
    assert picked(reader.get(f"/popups/{popup_id}?{MARCH}&goal=purchase").json(), "converters", "conversion_rate") == (
        0,
        0.0,
    )


# Days


def test_each_day_of_the_period_has_its_own_numbers_in_order(
    reader: Client, popup_id: str, shop: Shop, database: Database
) -> None:
    make_views(database, shop, popup_id, "2026-02-28", 100, 100)
    make_views(database, shop, popup_id, "2026-03-01", 5, 3)
    make_views(database, shop, popup_id, "2026-03-03", 1, 0, device_type="mobile")
    make_conversions(database, shop, popup_id, "2026-03-03", 2, type="purchase", currency="USD", revenue=12)
    make_orders(database, shop, popup_id, "2026-03-03", 2, 12)
    make_views(database, shop, popup_id, "2026-03-04", 100, 100)
    report = reader.get(f"/popups/{popup_id}?{MARCH}").json()
    assert picked(report, "from", "to") == ("2026-03-01", "2026-03-03")
    names = ("day", "views", "unique_viewers", "conversions", "revenue")
    assert [picked(day, *names) for day in report["by_day"]] == [
        ("2026-03-01", 5, 3, 0, "0.00"),
        ("2026-03-02", 0, 0, 0, "0.00"),
        ("2026-03-03", 1, 0, 2, "12.00"),
    ]
    assert picked(report, *names[1:]) == (6, 3, 2, "12.00")


@pytest.mark.parametrize("time_zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata"])
def test_an_event_counts_on_the_day_it_is_in_the_shop(
    stats: FunctionProcess, track_view: FunctionProcess, database: Database, time_zone: str
) -> None:
    shop = make_shop(database, time_zone=time_zone)
    popup_id = make_popup(database, shop)
    send(track_view, view(popup_id))
    today = str(database.value("SELECT (now() AT TIME ZONE :time_zone)::date", time_zone=time_zone))
    report = Client(stats, shop.read_key).get(f"/popups/{popup_id}").json()
    assert picked(report, "time_zone", "to") == (time_zone, today)
    assert [day["day"] for day in report["by_day"] if day["views"]] == [today]


PERIODS: dict[str, tuple[str, str, str]] = {
    "one day": ("from=2026-03-01&to=2026-03-01", "2026-03-01", "2026-03-01"),
    "30 days up to a day": ("to=2026-03-01", "2026-01-31", "2026-03-01"),
    "a leap year": ("from=2024-01-01&to=2024-12-31", "2024-01-01", "2024-12-31"),
    "from a day to come": ("from=2099-01-01", "2099-01-01", "2099-01-01"),
    "the first day": ("from=2000-01-01&to=2000-01-01", "2000-01-01", "2000-01-01"),
    "the last day": ("from=2200-01-01&to=2200-01-01", "2200-01-01", "2200-01-01"),
    "days to come": ("from=2099-01-01&to=2099-01-02", "2099-01-01", "2099-01-02"),
}


@pytest.mark.parametrize(("query", "first", "last"), PERIODS.values(), ids=PERIODS)
@pytest.mark.parametrize("path", ["popup", "/shop"])
def test_a_report_says_which_days_it_is_about(
    reader: Client, popup_id: str, path: str, query: str, first: str, last: str
) -> None:
    report = reader.get(f"{path if path == '/shop' else f'/popups/{popup_id}'}?{query}").json()
    assert picked(report, "from", "to") == (first, last)
    assert picked(report["by_day"][0], "day") + picked(report["by_day"][-1], "day") == (first, last)


@pytest.mark.parametrize("path", ["/shop", "/popups/{}", "/popups/{}/sources"])
def test_more_than_a_year_up_to_today_is_refused_and_not_cut(
    stats: FunctionProcess, database: Database, path: str
) -> None:
    noon = zone_with_midnight_in(12 * 3600, datetime.datetime.now(datetime.UTC))
    shop = make_shop(database, time_zone=noon)
    reader, address = Client(stats, shop.read_key), path.format(make_popup(database, shop))
    today = datetime.date.fromisoformat(reader.get(address).json()["to"])
    first = str(today - datetime.timedelta(days=365))
    assert picked(reader.get(f"{address}?from={first}").json(), "from", "to") == (first, str(today))
    for days in (366, 2000):
        answer = reader.get(f"{address}?from={today - datetime.timedelta(days=days)}")
        assert_problem(answer, 422, "invalid", "from")


def test_at_midnight_in_the_shop_reports_are_of_other_days_at_once(stats: FunctionProcess, database: Database) -> None:
    now = datetime.datetime.now(datetime.UTC)
    zone = zone_with_midnight_in(3, now)
    shop = make_shop(database, time_zone=zone)
    popup_id = make_popup(database, shop)
    reader = Client(stats, shop.read_key)
    day = database.value(
        "SELECT (:now::timestamptz AT TIME ZONE time_zone)::date FROM shops WHERE id = :id", now=now, id=shop.id
    )
    paths = ("/shop", f"/popups/{popup_id}", f"/popups/{popup_id}/sources")
    for path in paths:  # so that it is cached
        reader.get(path)
    for path in paths:
        tomorrow = str(day + datetime.timedelta(days=1))
        eventually(lambda path=path, day=tomorrow: reader.get(path).json()["to"] == day)


def test_what_retention_takes_from_a_shop_shows_at_once(
    stack: Stack, reader: Client, shop: Shop, database: Database, track_view: FunctionProcess, popup_id: str
) -> None:
    send(track_view, view(popup_id))
    eventually(lambda: reader.get("/shop").json()["views"] == 1, seconds=PROMISED_SECONDS)
    database(
        "UPDATE popups SET deleted_at = now() - interval '31 days', status = 'archived' WHERE id = :id", id=popup_id
    )
    assert stack.popups("retain", "--days", "36500", REDIS_URL=stack.valkey.url).returncode == 0
    eventually(lambda: reader.get("/shop").json()["views"] == 0, seconds=PROMISED_SECONDS)


REFUSED_PERIODS: dict[str, tuple[str, str]] = {
    "a day that is none": ("from=2026-02-30", "from"),
    "words": ("to=yesterday", "to"),
    "nothing": ("from=", "from"),
    "a time": ("from=2026-03-01T00:00:00Z", "from"),
    "backwards": ("from=2026-03-02&to=2026-03-01", "to"),
    "ISO 8601's short form": ("from=20260301", "from"),
    "a day of a week": ("to=2026-W09-1", "to"),
    "367 days": ("from=2026-01-01&to=2027-01-02", "to"),
    "before all shops": ("from=0001-01-01&to=1999-12-31", "from to"),
    "after all shops": ("from=2200-01-02&to=9999-12-31", "from to"),
    "a year of five digits": ("from=12026-01-01", "from"),
    "SQL": ("from=2026-01-01'%3B DROP TABLE popups--", "from"),
    "NUL": ("from=%00", "from"),
    "invalid UTF-8": ("from=%ff%fe", "from"),
    "an unknown parameter": ("since=2026-01-01", "since"),
}


@pytest.mark.parametrize(("query", "paths"), REFUSED_PERIODS.values(), ids=REFUSED_PERIODS)
def test_a_period_that_is_not_acceptable_is_refused_by_field(somebody: Client, query: str, paths: str) -> None:
    for path in ("/shop", f"/popups/{uuid.uuid4()}"):
        assert_problem(somebody.get(f"{path}?{query}"), 422, "invalid", *paths.split())


# A shop's report


def test_a_shop_ranks_its_popups_by_converters_then_viewers(reader: Client, shop: Shop, database: Database) -> None:
    ids = {name: make_popup(database, shop, name=name, status="paused") for name in ("most", "seen", "less", "none")}
    for name, views, converters in (("less", 1, 1), ("seen", 50, 2), ("most", 10, 9)):
        make_views(database, shop, ids[name], "2026-03-01", views, views)
        make_conversions(database, shop, ids[name], "2026-03-02", converters * 2)
        make_converters(database, shop, ids[name], "2026-03-01", converters)
    make_views(database, shop, ids["none"], "2026-02-01", 99, 99)
    report = reader.get(f"/shop?{MARCH}").json()
    assert picked(report, "shop_id", "views", "conversions", "next_cursor") == (shop.id, 61, 24, None)
    names = ("popup_id", "name", "status", "views", "converters", "conversion_rate")
    assert [picked(popup, *names) for popup in report["popups"]] == [
        (ids["most"], "most", "paused", 10, 9, 0.9),
        (ids["seen"], "seen", "paused", 50, 2, 0.04),
        (ids["less"], "less", "paused", 1, 1, 1.0),
        (ids["none"], "none", "paused", 0, 0, None),
    ]


def test_who_saw_two_popups_is_one_viewer_of_the_shop(
    reader: Client, shop: Shop, database: Database, track_view: FunctionProcess
) -> None:
    first, second = (make_popup(database, shop) for _ in range(2))
    send(track_view, *(view(popup_id, visitor_id="ada", device_type="mobile") for popup_id in (first, second)))
    report = reader.get("/shop").json()
    assert picked(report, "views", "unique_viewers") == (2, 1)
    assert [popup["unique_viewers"] for popup in report["popups"]] == [1, 1]
    assert [picked(device, "views", "unique_viewers") for device in report["by_device"]] == [(2, 1)]
    assert picked(report["by_day"][-1], "views", "unique_viewers") == (2, 1)


def test_a_shops_report_knows_nothing_of_its_neighbour(
    reader: Client, shop: Shop, database: Database, track_view: FunctionProcess
) -> None:
    neighbour = make_shop(database)
    send(track_view, view(make_popup(database, neighbour)))
    report = reader.get("/shop").json()
    assert (report["views"], report["popups"]) == (0, [])


def test_a_renamed_popup_has_its_new_name_in_the_shops_report_within_two_seconds(
    reader: Client, shop: Shop, popup_id: str, manage_popups: FunctionProcess
) -> None:
    assert reader.get("/shop").json()["popups"][0]["name"] == "The popup"
    Client(manage_popups, shop.write_key).patch(f"/popups/{popup_id}", {"name": "Renamed", "status": "archived"})
    renamed = ("Renamed", "archived")
    eventually(
        lambda: picked(reader.get("/shop").json()["popups"][0], "name", "status") == renamed, seconds=PROMISED_SECONDS
    )


# How it is answered


def test_a_report_comes_from_the_cache_the_second_time(reader: Client, popup_id: str) -> None:
    for path in ("/shop", f"/popups/{popup_id}", f"/popups/{popup_id}?{MARCH}"):
        answers = [reader.get(path) for _ in range(2)]
        assert [answer.headers["X-Cache"] for answer in answers] == ["MISS", "HIT"]
        assert answers[0].text == answers[1].text
        assert answers[0].headers["Cache-Control"] == "private, no-cache"


def test_a_report_that_has_not_changed_is_a_304(reader: Client, popup_id: str, track_view: FunctionProcess) -> None:
    path = f"/popups/{popup_id}"
    known = {"If-None-Match": reader.get(path).headers["ETag"]}
    answer = reader.get(path, headers=known)
    assert (answer.status_code, answer.content) == (304, b"")
    send(track_view, view(popup_id))
    eventually(lambda: reader.get(path, headers=known).status_code == 200, seconds=PROMISED_SECONDS)


def test_a_report_of_an_unknown_popup_is_not_found(somebody: Client) -> None:
    assert_problem(somebody.get(f"/popups/{uuid.uuid4()}"), 404, "popup_not_found")


def test_an_instance_without_redis_counts_the_same(
    start_function: Any, shop: Shop, popup_id: str, track_view: FunctionProcess
) -> None:
    alone = Client(start_function("stats", REDIS_URL=None), shop.read_key)
    assert alone.get(f"/popups/{popup_id}").json()["views"] == 0
    send(track_view, view(popup_id))
    eventually(lambda: alone.get(f"/popups/{popup_id}").json()["views"] == 1, seconds=PROMISED_SECONDS)


def test_reports_asked_for_while_events_pour_in_end_up_exact(
    reader: Client, popup_id: str, track_view: FunctionProcess
) -> None:
    """A reader that loads just before a commit must not put its old numbers back into the cache for long."""
    path = f"/popups/{popup_id}"
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, track_view, *(view(popup_id) for _ in range(40))) for _ in range(2)]
        counts = []
        while not all(future.done() for future in sent):
            counts.append(reader.get(path).json()["views"])
        for future in sent:
            future.result()
    assert max(counts) <= 80
    eventually(lambda: reader.get(path).json()["views"] == 80, seconds=PROMISED_SECONDS)
