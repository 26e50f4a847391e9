"""Where popups were seen is added up at night: once, bounded, and the same whether the views are there or not."""

import itertools
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click
import pytest

from cli.batches import limited, unpaused
from cli.connection import open_connection
from cli.upkeep import daily_sources
from cli.upkeep.retain import retain
from common.config import load
from functions.stats.sources import KINDS, MAX_LISTED
from tests.support.client import Client
from tests.support.factories import Shop, make_popup, make_shop
from tests.support.stack import Database, FunctionProcess, Stack, create_database, open_database

INSERT_VIEWS = """
    INSERT INTO popup_views (event_id, shop_id, popup_id, session_id, page_url, referrer, variant_id, viewed_at)
    SELECT new_event_id(:at::timestamptz), :shop, :popup, 's', :page::text || CASE WHEN :each THEN number::text ELSE ''
        END, :referrer, :variant, :at::timestamptz + number * :apart::interval
    FROM generate_series(1, :views::integer) AS number
"""
TALLY_VIEWS = """
    INSERT INTO daily_views AS tally
    SELECT :shop, :popup, (:at::timestamptz AT TIME ZONE time_zone)::date, '', '', :views, 0 FROM shops WHERE id = :shop
    ON CONFLICT (shop_id, popup_id, day, variant_id, device_type) DO UPDATE SET views = tally.views + excluded.views
"""
ROWS = "SELECT * FROM daily_sources WHERE shop_id = :shop ORDER BY popup_id, day, kind, views DESC, name"


asked = itertools.count()


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[Database]:
    """Of its own: the command goes through every shop."""
    with open_database(create_database(stack.postgres, f"sources-{uuid.uuid4().hex[:8]}")) as opened:
        yield opened


@pytest.fixture(scope="module")
def stats(stack: Stack, database: Database) -> Iterator[FunctionProcess]:
    function = stack.start_function("stats", DATABASE_URL=database.url, REDIS_URL=None)
    yield function
    function.stop()


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


@pytest.fixture
def yesterday(database: Database) -> date:
    """Return the last day that is over for the command, which waits for an hour after midnight."""
    day: date = database.value("SELECT (now() AT TIME ZONE 'UTC' - interval '1 hour')::date - 1")
    return day


def saw(database: Database, shop: Shop, popup_id: str, at: object, views: int, **of: Any) -> None:
    """Insert views from a moment on, a millisecond apart; with `each`, every one on a page of its own."""
    given = {"page": "/", "each": False, "referrer": None, "variant": None, "apart": "1 millisecond"} | of
    database(INSERT_VIEWS, shop=shop.id, popup=popup_id, at=str(at), views=views, **given)
    if given["variant"] != "holdout":
        database(TALLY_VIEWS, shop=shop.id, popup=popup_id, at=str(at), views=views)


def add_up(database: Database) -> None:
    with (
        open_connection(load({"DATABASE_URL": database.url})) as opened,
        limited(opened) as connection,
        unpaused(),
    ):
        daily_sources.add_up_sources(connection, lambda line: None)


def told(stats: FunctionProcess, shop: Shop, popup_id: str) -> dict[str, Any]:
    # Another period each time, which is in no cache.
    first = datetime.now(UTC).date() - timedelta(days=60 + next(asked))
    report = Client(stats, shop.read_key).get(f"/popups/{popup_id}/sources?from={first}").json()
    return {name: report[name] for name in ("views", "views_read", "is_complete", *KINDS)}


def test_a_report_is_the_same_before_and_after_and_without_the_views(
    database: Database, stats: FunctionProcess, shop: Shop, popup_id: str, yesterday: date
) -> None:
    saw(database, shop, popup_id, yesterday - timedelta(days=2), 3, page="https://a.example/x?utm_source=news")
    saw(database, shop, popup_id, yesterday, 2, page="/x?utm_campaign=may", referrer="https://www.example.org/find")
    saw(database, shop, popup_id, yesterday, 9, page="/x", variant="holdout")
    saw(database, shop, popup_id, yesterday, 1, page=None)
    saw(database, shop, popup_id, yesterday + timedelta(days=1), 4, page="/y")
    expected = {
        "views": 10,
        "views_read": 10,
        "is_complete": True,
        "pages": [{"name": "/x", "views": 5}, {"name": "/y", "views": 4}],
        "referrers": [{"name": "www.example.org", "views": 2}],
        "utm_sources": [{"name": "news", "views": 3}],
        "utm_mediums": [],
        "utm_campaigns": [{"name": "may", "views": 2}],
    }
    assert told(stats, shop, popup_id) == expected
    add_up(database)
    added_up = database(ROWS, shop=shop.id)
    assert {row["day"] for row in added_up} == {yesterday, yesterday - timedelta(days=2)}
    assert told(stats, shop, popup_id) == expected
    add_up(database)
    assert database(ROWS, shop=shop.id) == added_up
    database("DELETE FROM popup_views WHERE shop_id = :id AND viewed_at < :day", id=shop.id, day=yesterday)
    assert told(stats, shop, popup_id) == expected


@pytest.mark.parametrize("more", [daily_sources.KEPT_NAMES + 7, daily_sources.KEPT_MEANWHILE + 2000])
def test_of_a_day_the_most_frequent_names_are_kept_and_the_others_together(
    database: Database, stats: FunctionProcess, shop: Shop, popup_id: str, yesterday: date, more: int
) -> None:
    saw(database, shop, popup_id, yesterday, 5, page="/most")
    saw(database, shop, popup_id, yesterday, more, page="/page-", each=True)
    add_up(database)
    pages = [row for row in database(ROWS, shop=shop.id) if row["kind"] == "pages"]
    assert len(pages) == daily_sources.KEPT_NAMES + 1
    assert [row["views"] for row in pages if not row["name"]] == [more + 1 - daily_sources.KEPT_NAMES]
    report = told(stats, shop, popup_id)
    assert report["pages"][0] == {"name": "/most", "views": 5}
    assert len(report["pages"]) == MAX_LISTED + 1
    assert report["pages"][-1] == {"name": None, "views": more + 1 - MAX_LISTED}


@pytest.mark.parametrize("apart", ["1 second", "0 seconds"])
def test_a_day_of_many_batches_is_added_up_once_wherever_a_run_died(
    database: Database,
    shop: Shop,
    popup_id: str,
    yesterday: date,
    monkeypatch: pytest.MonkeyPatch,
    apart: str,
) -> None:
    monkeypatch.setattr(daily_sources, "BATCH_VIEWS", 3)
    saw(database, shop, popup_id, yesterday - timedelta(days=1), 8, page="/a", apart=apart)
    saw(database, shop, popup_id, yesterday, 10, page="/b", apart=apart)
    add_up_part = daily_sources._add_up

    def die_after_one(*of: Any) -> Any:
        if next(batches) == 1:
            raise KeyboardInterrupt
        return add_up_part(*of)

    monkeypatch.setattr(daily_sources, "_add_up", die_after_one)
    batches = itertools.count()
    with pytest.raises(KeyboardInterrupt):
        add_up(database)
    monkeypatch.setattr(daily_sources, "_add_up", add_up_part)
    add_up(database)
    views = {(row["day"], row["name"]): row["views"] for row in database(ROWS, shop=shop.id) if row["name"]}
    assert views == {(yesterday - timedelta(days=1), "/a"): 8, (yesterday, "/b"): 10}


def test_a_shop_that_moves_to_another_time_zone_counts_no_view_twice(
    database: Database, shop: Shop, popup_id: str, yesterday: date
) -> None:
    saw(database, shop, popup_id, f"{yesterday} 01:00Z", 2)
    saw(database, shop, popup_id, f"{yesterday} 23:00Z", 3)
    add_up(database)
    for time_zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"):
        database("UPDATE shops SET time_zone = :zone WHERE id = :id", zone=time_zone, id=shop.id)
        add_up(database)
    assert sum(row["views"] for row in database(ROWS, shop=shop.id) if row["kind"] == "pages") == 5


NAMELESS = {
    "an address in a path": {"page": "/account/ada@example.com"},
    "a quoted address": {"page": "/?utm_campaign=ada%40example.com"},
}


@pytest.mark.parametrize("of", NAMELESS.values(), ids=NAMELESS)
def test_what_may_be_an_address_is_counted_without_its_name(
    database: Database, stats: FunctionProcess, shop: Shop, popup_id: str, yesterday: date, of: dict[str, str]
) -> None:
    saw(database, shop, popup_id, yesterday, 2, **of)
    add_up(database)
    assert not any("example" in row["name"] for row in database(ROWS, shop=shop.id))
    report = told(stats, shop, popup_id)
    assert {"name": None, "views": 2} in report["pages"] + report["utm_campaigns"]


def run_retain(database: Database, days: int) -> None:
    with open_connection(load({"DATABASE_URL": database.url})) as connection:
        retain(connection, days, say=lambda line: None)


def test_retention_adds_up_before_it_deletes(
    database: Database, stats: FunctionProcess, shop: Shop, popup_id: str, yesterday: date
) -> None:
    day = yesterday - timedelta(days=20)
    saw(database, shop, popup_id, day, 2)
    # Of an id that no month has, which retention deletes by its time alone.
    database("UPDATE popup_views SET event_id = gen_random_uuid() WHERE shop_id = :id", id=shop.id)
    run_retain(database, 10)
    assert database.value("SELECT count(*) FROM popup_views WHERE shop_id = :id", id=shop.id) == 0
    assert told(stats, shop, popup_id)["pages"] == [{"name": "/", "views": 2}]


def test_nothing_is_left_of_a_deleted_popup(database: Database, shop: Shop, popup_id: str, yesterday: date) -> None:
    saw(database, shop, popup_id, yesterday, 2)
    run_retain(database, 36500)
    assert database(ROWS, shop=shop.id)
    database("UPDATE popups SET deleted_at = now() - interval '31 days' WHERE id = :id", id=popup_id)
    run_retain(database, 36500)
    assert database(ROWS, shop=shop.id) == []
    assert database.value("SELECT count(*) FROM sources_added_up WHERE shop_id = :id", id=shop.id) == 0


def test_coming_months_are_made_also_where_sources_cannot_be_added_up(database: Database, popup_id: str) -> None:
    """What tomorrow's events need does not wait for what reports need."""
    newest = "SELECT max(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'popup_views'::regclass"
    newest += " AND inhrelid::regclass::text <> 'popup_views_default'"
    month = database.value(newest)
    database(f"DROP TABLE {month}")
    database("ALTER TABLE sources_added_up RENAME TO away")
    try:
        with pytest.raises(click.ClickException):
            run_retain(database, 400)
    finally:
        database("ALTER TABLE away RENAME TO sources_added_up")
    assert database.value(newest) == month
