"""An event counts once, whenever, however often and to whichever instance it is sent."""

import datetime
import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.factories import (
    capture,
    conversion,
    make_discount_code,
    make_popup,
    make_shop,
    purchase,
    uuid7,
    view,
)
from tests.support.stack import Database, FunctionProcess, Stack
from tests.support.tracking import assert_tallies_equal_events, send, send_each, statuses, stored_views, tallied_views

NOW = datetime.datetime.now(datetime.UTC)

EVENT_IDS: dict[str, Callable[[], str]] = {
    "version 7": uuid7,
    "version 4": lambda: str(uuid.uuid4()),
    "version 1": lambda: str(uuid.uuid1()),
    "of last month": lambda: uuid7(NOW.replace(day=1) - datetime.timedelta(days=15)),
    "of years ago": lambda: uuid7(NOW - datetime.timedelta(days=3000)),
    "of a clock that runs years ahead": lambda: uuid7(NOW + datetime.timedelta(days=3000)),
    "in capitals": lambda: uuid7().upper(),
}


@pytest.fixture(scope="module")
def other_track_view(stack: Stack) -> Iterator[FunctionProcess]:
    function = stack.start_function("track_view")
    yield function
    function.stop()


@pytest.fixture(scope="module")
def other_track_conversion(stack: Stack) -> Iterator[FunctionProcess]:
    function = stack.start_function("track_conversion")
    yield function
    function.stop()


@pytest.fixture
def shop_id(database: Database) -> str:
    return make_shop(database).id


@pytest.fixture
def popup_id(database: Database, shop_id: str) -> str:
    return make_popup(database, shop_id)


def stored_conversions(database: Database, popup_id: str) -> int:
    return int(database.value("SELECT count(*) FROM popup_conversions WHERE popup_id = :id", id=popup_id))


def alone_and_in_lists(event: dict[str, Any], others: list[dict[str, Any]]) -> list[Any]:
    """Bodies that say the same event: by itself, twice in a list, among others."""
    return [event, {"events": [event]}, {"events": [event, event]}, {"events": random.sample([event, *others], 3)}]


@pytest.mark.parametrize("new_event_id", EVENT_IDS.values(), ids=EVENT_IDS)
def test_a_view_sent_200_times_at_once_to_two_instances_counts_once(
    track_view: FunctionProcess,
    other_track_view: FunctionProcess,
    database: Database,
    shop_id: str,
    popup_id: str,
    new_event_id: Callable[[], str],
) -> None:
    event = view(popup_id, event_id=new_event_id())
    others = [view(popup_id, event_id=new_event_id()) for _ in range(2)]
    bodies = alone_and_in_lists(event, others) * 50
    answers = send_each(
        ((random.choice((track_view, other_track_view)), body) for body in bodies),
    )
    assert statuses(answers) == {202: 200}
    expected = [len(body["events"]) if "events" in body else 1 for body in bodies]
    assert [answer.json() for answer in answers] == [{"accepted": count} for count in expected]
    assert stored_views(database, popup_id) == tallied_views(database, popup_id) == 3
    assert_tallies_equal_events(database, shop_id)


def test_a_view_sent_again_after_a_restart_counts_once(
    start_function: Callable[..., FunctionProcess], database: Database, popup_id: str
) -> None:
    event = view(popup_id)
    for _ in range(2):
        function = start_function("track_view")
        assert send(function, event).json() == {"accepted": 1}
        function.stop()
    assert stored_views(database, popup_id) == tallied_views(database, popup_id) == 1


def test_a_conversion_sent_again_after_a_restart_is_answered_with_the_same_code(
    start_function: Callable[..., FunctionProcess], database: Database, shop_id: str
) -> None:
    codes = make_discount_code(database, shop_id, ["ONE", "TWO"])
    popup_id = make_popup(database, shop_id, offer={"type": "email_capture", "discount_code_id": codes})
    event = capture(popup_id, "ada@example.com")
    answers = []
    for _ in range(2):
        function = start_function("track_conversion")
        answers.append(send(function, event))
        function.stop()
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json()["discount_code"]["code"] in ("ONE", "TWO")
    assert answers[0].json() == answers[1].json()
    assert stored_conversions(database, popup_id) == 1
    assert_tallies_equal_events(database, shop_id)


def test_a_view_sent_again_with_other_contents_changes_nothing(
    track_view: FunctionProcess, database: Database, shop_id: str, popup_id: str
) -> None:
    event = view(popup_id, device_type="mobile")
    send(track_view, event)
    assert send(track_view, {**event, "device_type": "desktop", "session_id": "other"}).json() == {"accepted": 1}
    (row,) = database("SELECT device_type, session_id FROM popup_views WHERE popup_id = :id", id=popup_id)
    assert row == {"device_type": "mobile", "session_id": event["session_id"]}
    assert_tallies_equal_events(database, shop_id)


@pytest.mark.parametrize("new_event_id", EVENT_IDS.values(), ids=EVENT_IDS)
def test_a_conversion_sent_200_times_to_two_instances_is_made_once_and_answered_alike(
    track_conversion: FunctionProcess,
    other_track_conversion: FunctionProcess,
    database: Database,
    shop_id: str,
    popup_id: str,
    new_event_id: Callable[[], str],
) -> None:
    event = conversion(popup_id, event_id=new_event_id())
    answers = send_each(
        (function, event) for function in (track_conversion, other_track_conversion) for _ in range(100)
    )
    assert statuses(answers) == {201: 1, 200: 199}
    assert {answer.text for answer in answers} == {f'{{"conversion_id":"{event["event_id"].lower()}"}}'}
    assert stored_conversions(database, popup_id) == 1
    assert_tallies_equal_events(database, shop_id)


def test_views_flushed_in_opposite_orders_never_deadlock(
    track_view: FunctionProcess,
    other_track_view: FunctionProcess,
    stack: Stack,
    database: Database,
    shop_id: str,
) -> None:
    popups = [make_popup(database, shop_id, variants=[{"id": "a"}, {"id": "b"}]) for _ in range(5)]
    events = [
        view(random.choice(popups), visitor_id=f"v{random.randrange(50)}", variant_id=random.choice("ab"))
        for _ in range(1000)
    ]
    lists = [events[start : start + 50] for start in range(0, len(events), 50)]
    jobs: list[tuple[FunctionProcess, Any]] = []
    for forward, backward in zip(lists, reversed(lists), strict=True):
        jobs.append((track_view, {"events": forward}))
        jobs.append((other_track_view, {"events": backward[::-1]}))
    deadlocks = counted_deadlocks(stack)
    assert statuses(send_each(jobs * 2, senders=16)) == {202: len(jobs) * 2}
    assert counted_deadlocks(stack) == deadlocks
    assert sum(stored_views(database, popup_id) for popup_id in popups) == 1000
    assert_tallies_equal_events(database, shop_id)


def test_conversions_flushed_in_opposite_orders_never_deadlock(
    track_conversion: FunctionProcess,
    other_track_conversion: FunctionProcess,
    stack: Stack,
    database: Database,
    shop_id: str,
    popup_id: str,
) -> None:
    events = [make(popup_id, f"{n}") for n in range(50) for make in (order, subscriber, click)]
    jobs = [
        job
        for forward, backward in zip(events, reversed(events), strict=True)
        for job in ((track_conversion, forward), (other_track_conversion, backward))
    ]
    deadlocks = counted_deadlocks(stack)
    assert statuses(send_each(jobs)) == {201: 150, 200: 150}
    assert counted_deadlocks(stack) == deadlocks
    assert stored_conversions(database, popup_id) == 150
    assert_tallies_equal_events(database, shop_id)


def order(popup_id: str, name: str) -> dict[str, Any]:
    return purchase(popup_id, f"order-{name}")


def subscriber(popup_id: str, name: str) -> dict[str, Any]:
    return capture(popup_id, f"{name}@example.com")


def click(popup_id: str, name: str) -> dict[str, Any]:
    return conversion(popup_id, session_id=name)


def counted_deadlocks(stack: Stack) -> int:
    """By the server's own log, which is written before anybody hears of it."""
    return (stack.postgres.folder / "postgres.log").read_text(errors="replace").count("deadlock detected")
