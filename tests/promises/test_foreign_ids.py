"""Ids that are not of about now: kept under one of now, answered as they were sent, and one event for ever."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.config import load
from common.postgres import _database as database_module
from common.process import waits
from common.shop import event_ids
from functions.track_view import recording as view_recording
from tests.support.factories import (
    Shop,
    capture,
    conversion,
    insert,
    make_discount_code,
    make_popup,
    make_shop,
    purchase,
    uuid7,
    view,
)
from tests.support.stack import Database, FunctionProcess, Stack
from tests.support.tracking import assert_tallies_equal_events, send, send_each, statuses

NOW = datetime.now(UTC)
MONTH = f"{NOW:%Y_%m}"
EVENT_TABLES = {"view": "popup_views", "conversion": "popup_conversions"}

FOREIGN: dict[str, Callable[[], str]] = {
    "version 4": lambda: str(uuid.uuid4()),
    "version 1": lambda: str(uuid.uuid1()),
    "version 7 of another variant": lambda: uuid7()[:19] + "0" + uuid7()[20:],
    "nil": lambda: str(uuid.UUID(int=uuid.uuid4().int % 2**32)),
    "max": lambda: str(uuid.UUID(int=2**128 - 1 - uuid.uuid4().int % 2**32)),
    "of last month": lambda: uuid7(NOW.replace(day=1) - timedelta(days=15)),
    "of eight days ago": lambda: uuid7(NOW - timedelta(days=8)),
    "of the day after tomorrow": lambda: uuid7(NOW + timedelta(days=2)),
    "of years ago": lambda: uuid7(NOW - timedelta(days=3000)),
    "of a clock that runs years ahead": lambda: uuid7(NOW + timedelta(days=3000)),
}
OF_NOW = {
    "of this moment": timedelta(),
    "of six days ago": timedelta(days=-6),
    "of an hour ahead": timedelta(hours=1),
    "of a time zone ahead": timedelta(hours=23),
    "at the older end": timedelta(days=-7, minutes=-30),
    "at the newer end": timedelta(days=1, minutes=30),
}


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


@pytest.fixture(params=EVENT_TABLES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def function(kind: str, track_view: FunctionProcess, track_conversion: FunctionProcess) -> FunctionProcess:
    return {"view": track_view, "conversion": track_conversion}[kind]


def new_event(kind: str, popup_id: str, **fields: Any) -> dict[str, Any]:
    return {"view": view, "conversion": conversion}[kind](popup_id, **fields)


def rows(database: Database, kind: str, popup_id: str) -> list[dict[str, Any]]:
    return database(
        f"SELECT event_id::text, tableoid::regclass::text AS lies_in FROM {EVENT_TABLES[kind]} WHERE popup_id = :id",
        id=popup_id,
    )


def store_as_it_is(database: Database, kind: str, shop: Shop, event: dict[str, Any]) -> None:
    """As a release did that knew no foreign ids, or ours while the id was of now; with its tallies."""
    columns = {name: event[name] for name in ("event_id", "popup_id", "session_id")}
    insert(database, EVENT_TABLES[kind], shop_id=shop.id, **columns, **({"type": "click"} if kind != "view" else {}))
    tally = {"shop_id": shop.id, "popup_id": event["popup_id"], "day": NOW.date(), "variant_id": "", "device_type": ""}
    if kind == "conversion":
        insert(database, "daily_conversions", **tally, type="click", currency="", conversions=1, revenue=0)
        return
    insert(database, "daily_views", **tally, views=1, viewers=1)
    days = dict.fromkeys(("first_day", "last_day", "previous_day"), NOW.date())
    hashed = database.value(
        "SELECT viewer_hash(viewer_salt, :name) FROM shops WHERE id = :id", name=event["session_id"], id=shop.id
    )
    viewer = {"shop_id": shop.id, "viewer": hashed, "device_type": "", "did": 0, "newly": 0, **days}
    insert(database, "viewers_by_popup", popup_id=event["popup_id"], is_holdout=False, variant_id="", **viewer)
    insert(database, "viewers", **viewer)
    insert(database, "daily_shop_viewers", shop_id=shop.id, day=NOW.date(), device_type="", viewers=1)


class TestWhereTheyLie:
    @pytest.mark.parametrize("new_id", FOREIGN.values(), ids=FOREIGN)
    def test_an_event_with_a_foreign_id_lies_in_this_month(
        self, function: FunctionProcess, database: Database, popup_id: str, kind: str, new_id: Callable[[], str]
    ) -> None:
        assert send(function, new_event(kind, popup_id, event_id=new_id())).ok
        (row,) = rows(database, kind, popup_id)
        assert row["lies_in"] == f"{EVENT_TABLES[kind]}_{MONTH}"
        assert uuid.UUID(row["event_id"]).version == 7

    @pytest.mark.parametrize("age", OF_NOW.values(), ids=OF_NOW)
    def test_one_of_about_now_is_kept_as_it_is(
        self, function: FunctionProcess, database: Database, popup_id: str, kind: str, age: timedelta
    ) -> None:
        event_id = uuid7(NOW + age)
        assert send(function, new_event(kind, popup_id, event_id=event_id)).ok
        (row,) = rows(database, kind, popup_id)
        assert row["event_id"] == event_id
        assert not row["lies_in"].endswith("default")


class TestOneEventForEver:
    @pytest.mark.parametrize("age", [timedelta(days=-8), timedelta(days=-20)], ids=["a day later", "two weeks later"])
    def test_one_that_was_of_now_when_it_was_stored_and_is_not_any_more(
        self, function: FunctionProcess, database: Database, shop: Shop, popup_id: str, kind: str, age: timedelta
    ) -> None:
        event = new_event(kind, popup_id, event_id=uuid7(NOW + age))
        store_as_it_is(database, kind, shop, event)
        assert statuses(send(function, event) for _ in range(2)) == {202 if kind == "view" else 200: 2}
        assert [row["event_id"] for row in rows(database, kind, popup_id)] == [event["event_id"]]
        assert_tallies_equal_events(database, shop.id)

    def test_one_that_was_foreign_when_it_was_stored_and_is_of_now_since(
        self, function: FunctionProcess, database: Database, shop: Shop, popup_id: str, kind: str
    ) -> None:
        event, kept_as = new_event(kind, popup_id), uuid7(NOW - timedelta(days=2))
        store_as_it_is(database, kind, shop, {**event, "event_id": kept_as})
        known = {"kind": kind, "sent_id": event["event_id"], "event_id": kept_as}
        insert(database, "foreign_event_ids", shop_id=shop.id, **known)
        answers = [send(function, event) for _ in range(2)]
        assert statuses(answers) == {202 if kind == "view" else 200: 2}
        if kind == "conversion":
            assert answers[0].json() == {"conversion_id": event["event_id"]}
        assert [row["event_id"] for row in rows(database, kind, popup_id)] == [kept_as]
        assert_tallies_equal_events(database, shop.id)

    @pytest.mark.parametrize("new_id", FOREIGN.values(), ids=FOREIGN)
    def test_one_that_the_release_before_has_stored(
        self,
        function: FunctionProcess,
        database: Database,
        shop: Shop,
        popup_id: str,
        kind: str,
        new_id: Callable[[], str],
    ) -> None:
        event = new_event(kind, popup_id, event_id=new_id())
        store_as_it_is(database, kind, shop, event)
        assert statuses(send(function, event) for _ in range(2)) == {202 if kind == "view" else 200: 2}
        assert [row["event_id"] for row in rows(database, kind, popup_id)] == [event["event_id"]]
        assert_tallies_equal_events(database, shop.id)

    @pytest.mark.parametrize("name", ["version 4", "nil", "max", "of years ago", "of a clock that runs years ahead"])
    def test_one_that_the_release_before_gets_again(
        self, function: FunctionProcess, database: Database, shop: Shop, popup_id: str, kind: str, name: str
    ) -> None:
        """Both releases run during a deployment, and after one was taken back: what would come to DEFAULT is known."""
        event = new_event(kind, popup_id, event_id=FOREIGN[name]())
        assert send(function, event).ok
        (kept,) = rows(database, kind, popup_id)
        columns = {column: event[column] for column in ("event_id", "popup_id", "session_id")}
        insert(
            database, EVENT_TABLES[kind], shop_id=shop.id, **columns, **({"type": "click"} if "type" in event else {})
        )
        assert rows(database, kind, popup_id) == [kept]

    def test_one_that_is_of_now_for_one_instance_and_not_for_another(
        self, own_pool: None, database: Database, shop: Shop, popup_id: str
    ) -> None:
        """Whichever comes first: at the ends of what is of now they meet."""
        kept_as_it_is, in_doubt, foreign = "kept as it is", "in doubt", "foreign"
        meetings = [(kept_as_it_is, in_doubt), (in_doubt, foreign), (kept_as_it_is, in_doubt, foreign)]
        orders = [order for meeting in meetings for order in itertools.permutations(meeting)]
        for order in orders:
            event = view(popup_id)
            row: Any = event | dict.fromkeys(
                ("visitor_id", "variant_id", "device_type", "page_url", "referrer", "origin")
            )
            as_sent = event["event_id"]
            for taken_for in order:
                ids = {"event_id": uuid7() if taken_for == foreign else as_sent}
                view_recording._insert_views(
                    [row | ids | ({} if taken_for == kept_as_it_is else {"foreign_id": as_sent})]
                )
        assert len(rows(database, "view", popup_id)) == len(orders)
        assert_tallies_equal_events(database, shop.id)

    def test_sent_100_times_at_once_to_two_instances_a_purchase_of_version_4_is_bought_once(
        self,
        track_conversion: FunctionProcess,
        start_function: Callable[..., FunctionProcess],
        database: Database,
        shop: Shop,
        popup_id: str,
    ) -> None:
        event = purchase(popup_id, "1001", event_id=str(uuid.uuid4()))
        other = start_function("track_conversion")
        answers = send_each([(function, event) for function in (track_conversion, other) for _ in range(50)])
        assert statuses(answers) == {201: 1, 200: 99}
        assert {answer.json()["conversion_id"] for answer in answers} == {event["event_id"]}
        assert_tallies_equal_events(database, shop.id)

    @pytest.fixture
    def own_pool(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Open a pool for what runs in this process and close it afterwards."""
        config = load({"DATABASE_URL": stack.database_url})
        monkeypatch.setattr(database_module, "settings", lambda: config)
        monkeypatch.setattr(view_recording, "forget_stats", lambda changed: None)
        pool = database_module._pool.__wrapped__(False)  # type: ignore[attr-defined]
        monkeypatch.setattr(database_module, "_pool", lambda replica: pool)
        waits.start()
        yield
        pool.close_idle()


class TestAnswers:
    def test_a_conversion_is_named_as_it_was_sent_with_the_same_code_each_time(
        self, track_conversion: FunctionProcess, database: Database, shop: Shop
    ) -> None:
        codes = make_discount_code(database, shop, [f"CODE-{uuid.uuid4()}" for _ in range(2)])
        popup_id = make_popup(
            database, shop, offer={"type": "email_capture", "discount_code_id": codes, "consent_text": "Yes."}
        )
        event = capture(popup_id, "ann@example.com", event_id=str(uuid.uuid4()), consent=True, consent_text="Yes.")
        first, again = send(track_conversion, event), send(track_conversion, event)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.content == again.content
        assert first.json()["conversion_id"] == event["event_id"]
        assert first.json()["discount_code"]["code"].startswith("CODE-")
        assert database.value("SELECT count(*) FROM email_consents WHERE shop_id = :id", id=shop.id) == 1

    def test_an_order_is_named_by_the_id_that_first_reported_it(
        self, track_conversion: FunctionProcess, database: Database, popup_id: str
    ) -> None:
        first = purchase(popup_id, "1001", event_id=str(uuid.uuid4()))
        others = [purchase(popup_id, "1001", event_id=event_id) for event_id in (str(uuid.uuid4()), uuid7())]
        answers = [send(track_conversion, event) for event in (first, *others, *others, first)]
        assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200, 200]
        assert {answer.json()["conversion_id"] for answer in answers} == {first["event_id"]}

    def test_refused_events_are_named_by_their_index_and_may_come_again(
        self, track_view: FunctionProcess, database: Database
    ) -> None:
        shop = make_shop(database, allowed_origins=["https://shop.example"])
        popup_id = make_popup(database, shop)
        event = view(popup_id, event_id=str(uuid.uuid4()))
        elsewhere = view(make_popup(database, make_shop(database)), event_id=str(uuid.uuid4()))
        answer = send(track_view, {"events": [elsewhere, event]}, Origin="https://evil.example")
        assert answer.json() == {"accepted": 1, "rejected": [{"index": 1, "code": "origin_not_allowed"}]}
        assert send(track_view, event, Origin="https://shop.example").json() == {"accepted": 1}
        assert len(rows(database, "view", popup_id)) == 1


class TestWhoseTheyAre:
    def test_a_view_and_a_conversion_may_have_the_same_id(
        self, track_view: FunctionProcess, track_conversion: FunctionProcess, database: Database, popup_id: str
    ) -> None:
        event_id = str(uuid.uuid4())
        assert send(track_view, view(popup_id, event_id=event_id)).status_code == 202
        assert send(track_conversion, conversion(popup_id, event_id=event_id)).status_code == 201
        assert [len(rows(database, kind, popup_id)) for kind in EVENT_TABLES] == [1, 1]

    def test_no_shop_uses_up_the_ids_of_another(
        self, function: FunctionProcess, database: Database, popup_id: str, kind: str
    ) -> None:
        event_id, other_popup = str(uuid.uuid4()), make_popup(database, make_shop(database))
        for popup in (popup_id, other_popup):
            assert send(function, new_event(kind, popup, event_id=event_id)).ok
            assert len(rows(database, kind, popup)) == 1


def test_what_is_of_now_reaches_into_no_month_that_is_not_there() -> None:
    """`popups retain` makes months ahead, and the last one is kept for as long as its ids are of now."""
    lead = timedelta(seconds=event_ids.MAX_LEAD_SECONDS + event_ids.DOUBT_SECONDS)
    age = timedelta(seconds=event_ids.MAX_AGE_SECONDS + event_ids.DOUBT_SECONDS)
    assert lead < timedelta(days=28)
    assert age < timedelta(days=28)
