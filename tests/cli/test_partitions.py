"""Months of events: made ahead, or caught by DEFAULT; dropped when old; and what else `popups retain` removes."""

import itertools
import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from cli.schema.partitions import EVENT_TABLES
from cli.upkeep.retain import retain
from common.config import load
from common.postgres.connect import connect
from tests.support.factories import Shop, capture, conversion, insert, make_popup, make_shop, purchase, uuid7, view
from tests.support.stack import Database, FunctionProcess, Stack, create_database, eventually, open_database
from tests.support.tracking import (
    assert_tallies_equal_events,
    recount,
    send,
    statuses,
    stored_views,
    tallied,
    tallied_views,
)

NOW = datetime.now(UTC)
FAR = datetime(2031, 5, 17, 12, tzinfo=UTC)
"""A day for which nobody has made a partition yet."""


@pytest.fixture(scope="module")
def url(stack: Stack) -> str:
    return create_database(stack.postgres, f"months-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def own(url: str) -> Iterator[Database]:
    """Yield a database of this module's own: partitions are shared by all shops."""
    with open_database(url) as database:
        yield database


@pytest.fixture(scope="module")
def tracking(stack: Stack, url: str) -> Iterator[dict[str, FunctionProcess]]:
    functions = {
        name: stack.start_function(name, DATABASE_URL=url, REDIS_URL=None)
        for name in ("track_view", "track_conversion")
    }
    yield functions
    for function in functions.values():
        function.stop()


@pytest.fixture
def shop(own: Database) -> Shop:
    return make_shop(own)


@pytest.fixture
def popup_id(own: Database, shop: Shop) -> str:
    return make_popup(own, shop, variants=[{"id": "a"}])


@pytest.fixture
def run_retain(url: str) -> Callable[..., list[str]]:
    """Return a function that runs the command as of another day and returns its lines."""

    def run(days: int, now: datetime = NOW) -> list[str]:
        said: list[str] = []
        connection = connect(load({"DATABASE_URL": url}), limit_statements=False)
        retain(connection, days, now=now, say=said.append)
        connection.close()
        return said

    return run


def months(database: Database, table: str = "popup_views") -> set[str]:
    rows = database(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = (:table)::regclass", table=table
    )
    return {row["name"].removeprefix(f"{table}_") for row in rows}


def partition_of(database: Database, event_id: str, table: str = "popup_views") -> str:
    return str(database.value(f"SELECT tableoid::regclass::text FROM {table} WHERE event_id = :id", id=event_id))


def age(database: Database, event_ids: list[str], days: int) -> None:
    """Make stored events older by so many days."""
    for table, at in (("popup_views", "viewed_at"), ("popup_conversions", "converted_at")):
        database(
            f"UPDATE {table} SET {at} = {at} - make_interval(days => {days}) WHERE event_id = ANY (:ids::uuid[])",
            ids=event_ids,
        )


def make_older(database: Database, shop: Shop, visitor: str, days: int) -> None:
    """Let everything that is known of the viewer be so many days older."""
    for table in ("viewers", "viewers_by_popup"):
        popup_day = f", popup_last_day = popup_last_day - {days}" if table == "viewers" else ""
        database(
            f"UPDATE {table} SET first_day = first_day - {days}, last_day = last_day - {days}{popup_day}"
            " WHERE shop_id = :id AND viewer = (SELECT viewer_hash(viewer_salt, :name) FROM shops WHERE id = :id)",
            id=shop.id,
            name=visitor,
        )


def fill_default(
    database: Database, shop: Shop, popup_id: str, ids_of: datetime, viewed_at: datetime, count: int
) -> None:
    """Insert views as an older release stored them, in the default partition and not tallied."""
    database(
        "INSERT INTO popup_views_default (event_id, shop_id, popup_id, session_id, viewed_at)"
        " SELECT new_event_id(:ids_of::timestamptz + number * interval '1 second'), :shop_id, :popup_id, 's',"
        " :viewed_at FROM generate_series(1, :count::integer) AS number",
        ids_of=ids_of,
        shop_id=shop.id,
        popup_id=popup_id,
        viewed_at=viewed_at,
        count=count,
    )


@contextmanager
def sending(function: FunctionProcess, popup_id: str) -> Iterator[list[requests.Response]]:
    """Four senders of views for as long as the block runs; gives their answers."""
    stop, answers = threading.Event(), list[requests.Response]()

    def send_on() -> None:
        while not stop.is_set():
            answers.append(send(function, view(popup_id)))

    with ThreadPoolExecutor(4) as pool:
        senders = [pool.submit(send_on) for _ in range(4)]
        try:
            yield answers
        finally:
            stop.set()
        for sender in senders:
            sender.result()


@contextmanager
def sending_each(function: FunctionProcess, events: list[dict[str, Any]]) -> Iterator[list[requests.Response]]:
    """One sender of these, each several times if there is time, while the block runs; gives the answers."""
    stop, answers = threading.Event(), list[requests.Response]()

    def send_on() -> None:
        for event in itertools.chain(events, itertools.cycle(events)):
            answers.append(send(function, event))
            if stop.is_set():
                return

    with ThreadPoolExecutor(1) as pool:
        sender = pool.submit(send_on)
        try:
            yield answers
        finally:
            stop.set()
        sender.result()


def kill_retain_when(url: str, condition: Callable[[], bool]) -> None:
    """Run the command and kill it by SIGKILL once `condition()` holds; return once its backend has ended too."""
    program = str(Path(sys.executable).with_name("popups"))
    command = subprocess.Popen([program, "retain", "--days", "36500"], env=os.environ | {"DATABASE_URL": url})
    eventually(condition, seconds=30)
    command.kill()
    command.wait()
    with open_database(url) as database:
        others = "datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()"
        eventually(lambda: not database(f"SELECT FROM pg_stat_activity WHERE {others}"), seconds=10)


class TestMonths:
    @pytest.mark.parametrize("table", EVENT_TABLES)
    def test_a_migrated_database_has_the_last_month_this_one_and_three_ahead(self, stack: Stack, table: str) -> None:
        url = create_database(stack.postgres, f"fresh-{uuid.uuid4().hex[:8]}", migrated=False)
        done = stack.popups("migrate", DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        first = (NOW.replace(day=1) - timedelta(days=1)).replace(day=1)
        wanted = {f"{first.year + (first.month - 1 + n) // 12}_{(first.month - 1 + n) % 12 + 1:02}" for n in range(5)}
        with open_database(url) as database:
            assert months(database, table) == wanted | {"default"}

    def test_retain_makes_this_month_and_three_ahead_over_the_turn_of_the_year(
        self, own: Database, run_retain: Callable[..., list[str]]
    ) -> None:
        said = run_retain(36500, datetime(2035, 11, 30, 23, 59, tzinfo=UTC))
        made = {"2035_11", "2035_12", "2036_01", "2036_02"}
        assert made <= months(own)
        assert made <= months(own, "popup_conversions")
        assert said == [f"made {table}_{month}" for table in EVENT_TABLES for month in sorted(made)]

    def test_running_it_again_changes_nothing_and_says_nothing(
        self, own: Database, run_retain: Callable[..., list[str]]
    ) -> None:
        run_retain(36500)
        before = months(own)
        assert run_retain(36500) == []
        assert months(own) == before

    def test_two_at_once_both_succeed(self, run_retain: Callable[..., list[str]]) -> None:
        said: list[list[str]] = []
        year_ahead = datetime(2040, 1, 15, tzinfo=UTC)
        threads = [threading.Thread(target=lambda: said.append(run_retain(36500, year_ahead))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        lines = [line for lines in said for line in lines if line.startswith("made")]
        assert len(said) == 2
        assert len(lines) == len(set(lines)) == 4 * len(EVENT_TABLES)

    def test_an_event_lands_in_the_month_of_its_id(
        self, tracking: dict[str, FunctionProcess], own: Database, popup_id: str
    ) -> None:
        event = view(popup_id)
        assert send(tracking["track_view"], event).status_code == 202
        assert partition_of(own, event["event_id"]) == f"popup_views_{NOW:%Y_%m}"

    def test_the_first_and_the_last_millisecond_of_a_month_are_in_it(
        self, own: Database, shop: Shop, popup_id: str, run_retain: Callable[..., list[str]]
    ) -> None:
        run_retain(36500, datetime(2036, 1, 1, tzinfo=UTC))
        turn = datetime(2036, 2, 1, tzinfo=UTC)
        last, first = uuid7(turn - timedelta(milliseconds=1)), uuid7(turn)
        for event_id in (last, first):
            insert(own, "popup_views", event_id=event_id, shop_id=shop.id, popup_id=popup_id, session_id="s")
        assert partition_of(own, last) == "popup_views_2036_01"
        assert partition_of(own, first) == "popup_views_2036_02"

    def test_months_are_made_under_load_without_losing_or_refusing_an_event(
        self,
        tracking: dict[str, FunctionProcess],
        own: Database,
        shop: Shop,
        popup_id: str,
        run_retain: Callable[..., list[str]],
    ) -> None:
        far = datetime(2045, 3, 1, tzinfo=UTC)
        with sending(tracking["track_view"], popup_id) as answers:
            run_retain(36500, far)
            run_retain(36500, far + timedelta(days=120))
        assert statuses(answers) == {202: len(answers)}
        assert stored_views(own, popup_id) == len(answers)
        assert_tallies_equal_events(own, shop.id)

    def test_a_month_that_default_has_served_in_its_stead_is_not_made_and_the_next_ones_are(
        self, own: Database, shop: Shop, popup_id: str, run_retain: Callable[..., list[str]]
    ) -> None:
        """Nobody made months for long, and the events of now are in DEFAULT."""
        served, next_month = datetime(2055, 6, 15, tzinfo=UTC), datetime(2055, 7, 1, tzinfo=UTC)
        fill_default(own, shop, popup_id, served, served, count=1001)
        said = run_retain(36500, served)
        assert "did not make popup_views_2055_06: popup_views_default has its events" in said
        assert f"made popup_views_{next_month:%Y_%m}" in said
        assert own.value("SELECT count(*) FROM popup_views_default WHERE popup_id = :id", id=popup_id) == 1001

    def test_a_few_of_its_events_in_default_move_into_the_month_that_is_made(
        self, own: Database, shop: Shop, popup_id: str, run_retain: Callable[..., list[str]]
    ) -> None:
        day = datetime(2056, 6, 15, tzinfo=UTC)
        fill_default(own, shop, popup_id, day, day, count=10)
        run_retain(36500, day)
        assert own.value("SELECT count(*) FROM popup_views_2056_06 WHERE popup_id = :id", id=popup_id) == 10


class TestStrays:
    """What an older release stored in DEFAULT: ids of far-off months, and of other versions."""

    def test_they_move_to_the_month_in_which_they_came_and_stay_one_event(
        self,
        tracking: dict[str, FunctionProcess],
        own: Database,
        shop: Shop,
        popup_id: str,
        run_retain: Callable[..., list[str]],
    ) -> None:
        seen = {name: uuid7(FAR) if name == "far off" else str(uuid.uuid4()) for name in ("far off", "version 4")}
        code = {"code": "SAVE", "type": "percentage", "value": "10.00", "expires_at": None}
        for event_id in seen.values():
            row = {"event_id": event_id, "shop_id": shop.id, "popup_id": popup_id, "session_id": "s"}
            insert(own, "popup_views", **row, page_url="https://shop.example/")
            insert(own, "popup_conversions", **row, type="click", issued_code=json.dumps(code))
        before = own("SELECT page_url, viewed_at FROM popup_views WHERE popup_id = :id", id=popup_id)
        said = run_retain(36500, FAR)
        assert "moved 2 rows of popup_views_default to the months in which they came" in said
        assert "moved 2 rows of popup_conversions_default to the months in which they came" in said
        for table in ("popup_views", "popup_conversions"):
            places = own(f"SELECT tableoid::regclass::text AS name FROM {table} WHERE popup_id = :id", id=popup_id)
            assert [place["name"] for place in places] == [f"{table}_{NOW:%Y_%m}"] * 2
        assert own("SELECT page_url, viewed_at FROM popup_views WHERE popup_id = :id", id=popup_id) == before
        for event_id in seen.values():
            assert send(tracking["track_view"], view(popup_id, event_id=event_id)).json() == {"accepted": 1}
            again = send(tracking["track_conversion"], conversion(popup_id, event_id=event_id))
            assert (again.status_code, again.json()) == (200, {"conversion_id": event_id, "discount_code": code})
        assert stored_views(own, popup_id) == 2
        assert tallied_views(own, popup_id) == 0
        assert run_retain(36500, FAR) == []

    def test_more_than_a_batch_move_while_views_come_in_and_none_is_lost_or_counted_twice(
        self,
        tracking: dict[str, FunctionProcess],
        own: Database,
        shop: Shop,
        popup_id: str,
        run_retain: Callable[..., list[str]],
    ) -> None:
        far = datetime(2033, 5, 1, tzinfo=UTC)
        fill_default(own, shop, popup_id, far, NOW, count=5_000)
        ids = [
            str(row["event_id"]) for row in own("SELECT event_id FROM popup_views WHERE popup_id = :id", id=popup_id)
        ]
        others = make_popup(own, shop)
        again = [view(popup_id, event_id=event_id) for event_id in ids[::100]]
        with sending(tracking["track_view"], others) as answers, sending_each(tracking["track_view"], again) as repeats:
            said = run_retain(36500, far)
        assert "made popup_views_2033_05" in said
        assert statuses([*answers, *repeats]) == {202: len(answers) + len(repeats)}
        assert stored_views(own, others) == tallied_views(own, others) == len(answers)
        assert stored_views(own, popup_id) == 5_000
        assert tallied_views(own, popup_id) == 0
        assert own.value("SELECT count(*) FROM popup_views_default WHERE popup_id = :id", id=popup_id) == 0

    def test_a_run_that_died_goes_on_where_it_ended(
        self, own: Database, shop: Shop, popup_id: str, url: str, run_retain: Callable[..., list[str]]
    ) -> None:
        far = datetime(2034, 5, 1, tzinfo=UTC)
        fill_default(own, shop, popup_id, far, NOW, count=5_000)
        left = lambda: own.value("SELECT count(*) FROM popup_views_default WHERE popup_id = :id", id=popup_id)  # noqa: E731
        kill_retain_when(url, lambda: left() < 5_000)
        assert 0 < left() < 5_000
        run_retain(36500)
        assert left() == 0
        assert stored_views(own, popup_id) == 5_000
        kept = own.value("SELECT count(*) FROM foreign_event_ids WHERE shop_id = :id", id=shop.id)
        assert kept == 5_000


class TestRetention:
    def test_a_month_goes_when_all_of_it_is_old_and_the_tallies_stay(
        self,
        tracking: dict[str, FunctionProcess],
        own: Database,
        shop: Shop,
        popup_id: str,
        run_retain: Callable[..., list[str]],
    ) -> None:
        run_retain(36500, datetime(2050, 1, 1, tzinfo=UTC))
        for month in (1, 2):
            event_id, sent_id = uuid7(datetime(2050, month, 10, tzinfo=UTC)), str(uuid.uuid4())
            row = {"event_id": event_id, "shop_id": shop.id, "popup_id": popup_id, "session_id": "s"}
            insert(own, "popup_views", **row)
            insert(own, "popup_conversions", **row, type="click")
            known = {"kind": "view", "sent_id": sent_id, "event_id": event_id}
            insert(own, "foreign_event_ids", shop_id=shop.id, **known)
        before = tallied(own, shop.id)
        end_of_january = datetime(2050, 2, 1, tzinfo=UTC)
        run_retain(30, end_of_january + timedelta(days=30) - timedelta(seconds=1))
        assert "2050_01" in months(own)
        said = run_retain(30, end_of_january + timedelta(days=30))
        assert {"dropped popup_views_2050_01", "dropped popup_conversions_2050_01"} <= set(said)
        assert {"2050_01", "2050_02"} & months(own) == {"2050_02"}
        assert stored_views(own, popup_id) == 1
        assert own("SELECT event_id FROM foreign_event_ids WHERE shop_id = :id", id=shop.id) == own(
            "SELECT event_id FROM popup_views WHERE popup_id = :id", id=popup_id
        )
        assert tallied(own, shop.id) == before

    def test_the_last_month_stays_as_long_as_browsers_may_still_send_its_events(
        self, own: Database, run_retain: Callable[..., list[str]]
    ) -> None:
        run_retain(36500, datetime(2052, 1, 1, tzinfo=UTC))
        end_of_january = datetime(2052, 2, 1, tzinfo=UTC)
        run_retain(1, end_of_january + timedelta(days=7))
        assert "2052_01" in months(own)
        run_retain(1, end_of_january + timedelta(days=8))
        assert "2052_01" not in months(own)

    def test_who_was_not_seen_for_more_than_400_days_is_forgotten_and_a_new_viewer_later(
        self,
        tracking: dict[str, FunctionProcess],
        own: Database,
        shop: Shop,
        popup_id: str,
        run_retain: Callable[..., list[str]],
    ) -> None:
        second = make_popup(own, shop)
        for visitor, days in (("gone", 401), ("kept", 400)):
            for seen in (popup_id, second):
                send(tracking["track_view"], view(seen, visitor_id=visitor))
            make_older(own, shop, visitor, days)
        said = run_retain(36500)
        for table in ("viewers", "viewers_by_popup"):
            assert f"forgot 1 of {table} who were last seen more than 400 days ago" in said
            assert own.value(f"SELECT count(*) FROM {table} WHERE shop_id = :id", id=shop.id) == 1
        unique = "SELECT sum(viewers) FROM daily_views WHERE popup_id = :id"
        for seen in (popup_id, second):
            assert own.value(unique, id=seen) == 2
            for visitor in ("gone", "kept"):
                send(tracking["track_view"], view(seen, visitor_id=visitor))
            assert own.value(unique, id=seen) == 3

    @pytest.mark.parametrize("sees_first", [0, 1])
    def test_of_who_was_seen_since_the_popups_are_forgotten_where_that_was_not(
        self,
        tracking: dict[str, FunctionProcess],
        own: Database,
        shop: Shop,
        popup_id: str,
        run_retain: Callable[..., list[str]],
        sees_first: int,
    ) -> None:
        popups = [popup_id, make_popup(own, shop)]
        for seen in popups:
            send(tracking["track_view"], view(seen, visitor_id="v"))
        make_older(own, shop, "v", 401)
        send(tracking["track_view"], view(popups[sees_first], visitor_id="v"))
        run_retain(36500)
        for seen in popups:
            send(tracking["track_view"], view(seen, visitor_id="v"))
        unique = "SELECT sum(viewers)::integer FROM daily_views WHERE popup_id = :id"
        assert [own.value(unique, id=seen) for seen in popups] == ([1, 2] if sees_first == 0 else [2, 1])
        assert own.value("SELECT sum(viewers) FROM daily_shop_viewers WHERE shop_id = :id", id=shop.id) == 1

    def test_old_rows_of_default_go_by_the_servers_clock(
        self,
        tracking: dict[str, FunctionProcess],
        own: Database,
        shop: Shop,
        popup_id: str,
        run_retain: Callable[..., list[str]],
    ) -> None:
        run_retain(36500)  # the month of now is there, whatever other tests have dropped
        old, young = str(uuid.uuid4()), str(uuid.uuid4())
        for event_id in (old, young):
            row = {"event_id": event_id, "shop_id": shop.id, "popup_id": popup_id, "session_id": event_id}
            insert(own, "popup_views", **row)
            insert(own, "popup_conversions", **row, type="click")
        before = tallied(own, shop.id)
        age(own, [old], days=31)
        said = run_retain(30)
        assert "deleted 1 old rows of popup_views_default" in said
        for table in ("popup_views", "popup_conversions"):
            kept = own(f"SELECT session_id FROM {table} WHERE popup_id = :id", id=popup_id)
            assert [row["session_id"] for row in kept] == [young]
        entered = own("SELECT kind, sent_id::text FROM foreign_event_ids WHERE shop_id = :id", id=shop.id)
        assert sorted(row["kind"] for row in entered) == ["conversion", "view"]
        assert {row["sent_id"] for row in entered} == {young}
        assert tallied(own, shop.id) == before

    def test_more_old_rows_than_a_batch_all_go(
        self, own: Database, shop: Shop, popup_id: str, run_retain: Callable[..., list[str]]
    ) -> None:
        # No month has ids that start with f.
        own(
            "INSERT INTO popup_views_default (event_id, shop_id, popup_id, session_id, viewed_at)"
            " SELECT overlay(gen_random_uuid()::text PLACING 'f' FROM 1)::uuid, :shop_id, :popup_id, 's',"
            " now() - interval '40 days'"
            " FROM generate_series(1, 12345)",
            shop_id=shop.id,
            popup_id=popup_id,
        )
        assert "deleted 12345 old rows of popup_views_default" in run_retain(30)
        assert stored_views(own, popup_id) == 0

    def test_idempotency_keys_go_after_a_day(
        self, own: Database, shop: Shop, run_retain: Callable[..., list[str]]
    ) -> None:
        for key, hours in (("old", 25), ("young", 23)):
            created_at = NOW - timedelta(hours=hours)
            insert(own, "idempotency_keys", shop_id=shop.id, key=key, request_sha256=b"x", created_at=created_at)
        assert "deleted 1 idempotency keys that expired" in run_retain(365)
        assert [row["key"] for row in own("SELECT key FROM idempotency_keys WHERE shop_id = :id", id=shop.id)] == [
            "young"
        ]

    @pytest.mark.parametrize("days", ["0", "-1", "36501", "many"])
    def test_days_are_1_to_36500(self, stack: Stack, url: str, days: str) -> None:
        done = stack.popups("retain", "--days", days, DATABASE_URL=url)
        assert done.returncode == 2
        assert "--days" in done.stderr

    def test_the_command_does_it(self, stack: Stack, url: str) -> None:
        done = stack.popups("retain", "--days", "36500", DATABASE_URL=url)
        assert done.returncode == 0, done.stderr


class TestDeletedPopups:
    @pytest.fixture
    def others(self, own: Database, shop: Shop) -> str:
        return make_popup(own, shop)

    def fill(self, tracking: dict[str, FunctionProcess], popup_id: str, others: str) -> None:
        """Send views and conversions of two popups; some viewers saw both, one of them the second one first."""
        seen: list[tuple[str, str, dict[str, Any]]] = [
            (others, "early", {"device_type": "tablet"}),
            (popup_id, "early", {"device_type": "mobile"}),
            (popup_id, "only-here", {"device_type": "mobile"}),
            (popup_id, "both", {"device_type": "mobile"}),
            (others, "both", {"device_type": "mobile"}),
            (popup_id, "held-out", {"variant_id": "holdout"}),
            (others, "only-there", {}),
        ]
        for id_, visitor, fields in seen:
            assert send(tracking["track_view"], view(id_, visitor_id=visitor, **fields)).status_code == 202
        for event in (
            conversion(popup_id),
            purchase(popup_id, "1"),
            purchase(others, "2"),
            capture(popup_id, "a@b.co"),
        ):
            assert send(tracking["track_conversion"], event).status_code == 201

    def test_their_events_and_tallies_go_and_the_shops_numbers_equal_what_is_left(
        self,
        tracking: dict[str, FunctionProcess],
        own: Database,
        shop: Shop,
        popup_id: str,
        others: str,
        run_retain: Callable[..., list[str]],
    ) -> None:
        self.fill(tracking, popup_id, others)
        assert recount(own, shop.id)["shop_viewers"] == 4
        own("UPDATE popups SET deleted_at = now() - interval '31 days' WHERE id = :id", id=popup_id)
        said = run_retain(365)
        assert f"deleted 4 rows of popup_views of the deleted popup {popup_id}" in said
        assert f"deleted 3 rows of popup_conversions of the deleted popup {popup_id}" in said
        for table in ("popup_views", "popup_conversions", "daily_views", "daily_conversions", "viewers_of_popups"):
            assert own.value(f"SELECT count(*) FROM {table} WHERE popup_id = :id", id=popup_id) == 0
        assert recount(own, shop.id)["shop_viewers"] == 3
        assert_tallies_equal_events(own, shop.id)

    def test_a_viewer_who_stays_counts_on_his_first_day_with_a_popup_that_is_left(
        self,
        tracking: dict[str, FunctionProcess],
        own: Database,
        shop: Shop,
        popup_id: str,
        others: str,
        run_retain: Callable[..., list[str]],
    ) -> None:
        send(tracking["track_view"], view(popup_id, visitor_id="v", device_type="mobile"))
        for table in ("daily_views", "daily_shop_viewers"):
            own(f"UPDATE {table} SET day = day - 3 WHERE shop_id = :id", id=shop.id)
        make_older(own, shop, "v", 3)
        send(tracking["track_view"], view(others, visitor_id="v", device_type="tablet"))
        own("UPDATE popups SET deleted_at = now() - interval '31 days' WHERE id = :id", id=popup_id)
        run_retain(365)
        rows = own(
            "SELECT day, device_type, viewers FROM daily_shop_viewers WHERE shop_id = :id AND viewers <> 0", id=shop.id
        )
        today = own.value("SELECT (now() AT TIME ZONE 'UTC')::date")
        assert rows == [{"day": today, "device_type": "tablet", "viewers": 1}]
        # He is known, and does not count again.
        send(tracking["track_view"], view(others, visitor_id="v"))
        assert_tallies_equal_events(own, shop.id)

    def test_nothing_of_them_goes_as_long_as_they_can_be_restored(
        self,
        tracking: dict[str, FunctionProcess],
        own: Database,
        popup_id: str,
        run_retain: Callable[..., list[str]],
    ) -> None:
        send(tracking["track_view"], view(popup_id))
        kept = "SELECT count(*) FROM popup_views JOIN popups ON popups.id = popup_id WHERE popup_id = :id"
        own("UPDATE popups SET deleted_at = now() - interval '29 days' WHERE id = :id", id=popup_id)
        run_retain(365)
        assert own.value(kept, id=popup_id) == 1
        own("UPDATE popups SET deleted_at = now() - interval '31 days' WHERE id = :id", id=popup_id)
        run_retain(365)
        assert own.value(kept, id=popup_id) == 0
        assert own.value("SELECT count(*) FROM popups WHERE id = :id", id=popup_id) == 0

    def test_subscribers_and_the_order_numbers_that_have_counted_stay(
        self,
        tracking: dict[str, FunctionProcess],
        own: Database,
        shop: Shop,
        popup_id: str,
        others: str,
        run_retain: Callable[..., list[str]],
    ) -> None:
        self.fill(tracking, popup_id, others)
        own("UPDATE popups SET deleted_at = now() - interval '31 days' WHERE id = :id", id=popup_id)
        run_retain(365)
        assert own.value("SELECT count(*) FROM email_subscribers WHERE shop_id = :id", id=shop.id) == 1
        assert send(tracking["track_conversion"], purchase(others, "1")).status_code == 200
        assert_tallies_equal_events(own, shop.id)
