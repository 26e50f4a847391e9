"""Group commit: what waits while a batch is written is the next batch, and nobody is answered before his commit."""

import asyncio
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import requests

from common.errors import DatabaseUnavailable
from common.postgres import GroupCommit, LostRace
from common.postgres._group_commit import MAX_EVENTS_A_FLUSH, MAX_EVENTS_WAITING, MAX_FLUSHES
from common.process import waits
from tests.support.factories import conversion, make_popup, make_shop, view
from tests.support.proxy import Proxy, proxy_to
from tests.support.stack import Database, FunctionProcess, Stack, create_database, eventually, open_database
from tests.support.tracking import (
    assert_tallies_equal_events,
    send,
    send_each,
    statuses,
    stored_views,
    tallied_views,
)


class Disk:
    """What a GroupCommit of this test writes to: keeps the batches, and lets nothing finish while it is `shut`."""

    def __init__(self, *, shut: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.under_way = 0
        self.most_under_way = 0
        self.bad: set[int] = set()
        self.losing: set[int] = set()
        self.forgotten: int | None = None
        self.down = False
        self.ends: BaseException | None = None
        self._lock = threading.Lock()
        self._open = threading.Event()
        if not shut:
            self._open.set()

    def open(self) -> None:
        self._open.set()

    def shut(self) -> None:
        self._open.clear()

    def write(self, events: list[int]) -> list[str]:
        with self._lock:
            self.batches.append(events)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        with waits.waiting_for("disk"):
            self._open.wait(10)
        with self._lock:
            self.under_way -= 1
        if self.down:
            raise DatabaseUnavailable
        if self.ends:
            raise self.ends
        if wrong := self.bad.intersection(events):
            raise ValueError(f"bad events {wrong}")
        if self.losing.intersection(events):
            raise LostRace
        return [f"kept {event}" for event in events if event != self.forgotten]


Submit = Callable[[list[int]], "asyncio.Task[list[str]]"]


def run(disk: Disk, story: Callable[[Submit, GroupCommit[int, str]], Awaitable[None]]) -> None:
    """Plays a story on an event loop. What it submits is a task, so that it may go on meanwhile."""

    async def play() -> None:
        writer = GroupCommit(disk.write)
        await story(lambda events: asyncio.create_task(writer.submit(events)), writer)

    asyncio.run(play())


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "not within 20 s"
        await asyncio.sleep(0.005)


class TestTheWriter:
    """Without a database: the batches as `write` gets them."""

    def test_a_submission_does_not_wait_for_company(self) -> None:
        disk = Disk()

        async def story(submit: Submit, _: Any) -> None:
            assert await submit([1, 2]) == ["kept 1", "kept 2"]
            assert await submit([3]) == ["kept 3"]

        run(disk, story)
        assert disk.batches == [[1, 2], [3]]

    def test_what_arrives_during_the_flushes_is_the_next_batch(self) -> None:
        disk = Disk(shut=True)

        async def story(submit: Submit, _: Any) -> None:
            tasks = []
            for number in range(MAX_FLUSHES):
                tasks.append(submit([2 * number, 2 * number + 1]))
                await until(lambda: len(disk.batches) == len(tasks))
            tasks += [submit([event]) for event in range(2 * MAX_FLUSHES, 100)]
            await asyncio.sleep(0.05)
            assert len(disk.batches) == MAX_FLUSHES
            disk.open()
            answers = await asyncio.gather(*tasks)
            assert [answer for each in answers for answer in each] == [f"kept {event}" for event in range(100)]

        run(disk, story)
        assert disk.batches == [[0, 1], [2, 3], list(range(4, 100))]

    def test_a_lone_event_waits_for_the_flush_under_way_and_two_do_not(self) -> None:
        disk = Disk(shut=True)

        async def story(submit: Submit, _: Any) -> None:
            tasks = [submit([1])]
            await until(lambda: disk.batches == [[1]])
            tasks.append(submit([2]))
            await asyncio.sleep(0.05)
            assert disk.batches == [[1]]
            tasks.append(submit([3]))
            await until(lambda: disk.batches == [[1], [2, 3]])
            tasks.append(submit([4]))
            disk.open()
            await asyncio.gather(*tasks)

        run(disk, story)
        assert disk.batches == [[1], [2, 3], [4]]

    def test_what_arrives_in_one_turn_of_the_loop_is_one_batch(self) -> None:
        disk = Disk()

        async def story(submit: Submit, _: Any) -> None:
            await asyncio.gather(*(submit([event]) for event in range(20)))

        run(disk, story)
        assert disk.batches == [list(range(20))]

    def test_no_flush_has_more_than_500_events_and_no_more_than_two_are_under_way(self) -> None:
        assert (MAX_EVENTS_A_FLUSH, MAX_FLUSHES) == (500, 2)
        disk = Disk(shut=True)

        async def story(submit: Submit, _: Any) -> None:
            tasks = [submit(list(range(start, start + 49))) for start in range(0, 49 * 100, 49)]
            await until(lambda: disk.under_way == 2)
            await asyncio.sleep(0.05)
            disk.open()
            await asyncio.gather(*tasks)

        run(disk, story)
        assert disk.most_under_way == 2
        assert max(map(len, disk.batches)) == 490
        assert sorted(event for batch in disk.batches for event in batch) == list(range(4900))

    def test_nobody_is_answered_before_his_flush_has_ended(self) -> None:
        disk = Disk(shut=True)

        async def story(submit: Submit, _: Any) -> None:
            task = submit([1])
            await until(lambda: disk.under_way == 1)
            await asyncio.sleep(0.05)
            assert not task.done()
            disk.open()
            assert await task == ["kept 1"]

        run(disk, story)

    def test_a_submission_with_a_bad_event_fails_alone(self) -> None:
        disk = Disk()
        disk.bad = {7, 13}

        async def story(submit: Submit, _: Any) -> None:
            answers = await asyncio.gather(*(submit([event]) for event in range(20)), return_exceptions=True)
            for event, answer in enumerate(answers):
                assert isinstance(answer, ValueError) if event in disk.bad else answer == [f"kept {event}"]

        run(disk, story)

    def test_who_loses_every_race_fails_alone(self) -> None:
        """It is answered like an unreachable database, but is no trouble of the others."""
        disk = Disk()
        disk.losing = {7}

        async def story(submit: Submit, _: Any) -> None:
            answers = await asyncio.gather(*(submit([event]) for event in range(20)), return_exceptions=True)
            for event, answer in enumerate(answers):
                assert isinstance(answer, LostRace) if event == 7 else answer == [f"kept {event}"]

        run(disk, story)

    def test_a_request_is_told_what_its_flush_waited_for(self) -> None:
        disk = Disk()

        async def ask(writer: GroupCommit[int, str], event: int) -> waits.Waited:
            waited = waits.start()
            await writer.submit([event])
            return waited

        async def play() -> list[waits.Waited]:
            writer = GroupCommit(disk.write)
            return await asyncio.gather(*(asyncio.create_task(ask(writer, event)) for event in range(3)))

        assert [waited.keys() for waited in asyncio.run(play())] == [{"commit", "disk"}] * 3
        assert len(disk.batches) == 1

    def test_an_unreachable_database_fails_all_who_waited_for_that_flush_and_is_asked_once(self) -> None:
        disk = Disk()
        disk.down = True

        async def story(submit: Submit, _: Any) -> None:
            answers = await asyncio.gather(*(submit([event]) for event in range(20)), return_exceptions=True)
            assert all(isinstance(answer, DatabaseUnavailable) for answer in answers)
            assert len(disk.batches) == 1
            disk.down = False
            assert await submit([1]) == ["kept 1"]

        run(disk, story)

    def test_who_waits_for_a_flush_behind_one_that_found_no_database_is_told_at_once_and_leaves_room(self) -> None:
        disk = Disk(shut=True)

        async def two_under_way(submit: Submit) -> list[asyncio.Task[list[str]]]:
            tasks = [submit([-1])]
            await until(lambda: disk.under_way == 1)
            tasks.append(submit([-2, -2]))
            await until(lambda: disk.under_way == 2)
            return tasks

        async def story(submit: Submit, _: Any) -> None:
            tasks = [*await two_under_way(submit), submit([3, 4, 5]), submit([6])]
            await asyncio.sleep(0)
            disk.down = True
            disk.open()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(answer, DatabaseUnavailable) for answer in answers)
            assert sorted(disk.batches) == [[-2, -2], [-1]]
            disk.down = False
            disk.shut()
            tasks = await two_under_way(submit)
            tasks += [submit([event] * 500) for event in range(MAX_EVENTS_WAITING // 500)]
            await asyncio.sleep(0)
            with pytest.raises(DatabaseUnavailable):
                await submit([99])
            disk.open()
            await asyncio.gather(*tasks)

        run(disk, story)

    def test_an_error_that_no_halving_can_isolate_is_told_to_the_whole_batch(self) -> None:
        class EndedError(BaseException):
            """As when the interpreter shuts down."""

        disk = Disk()
        disk.ends = EndedError()

        async def story(submit: Submit, _: Any) -> None:
            answers = await asyncio.gather(*(submit([event]) for event in range(3)), return_exceptions=True)
            assert answers == [disk.ends] * 3

        run(disk, story)
        assert disk.batches == [[0, 1, 2]]

    def test_a_write_that_forgets_an_answer_fails_its_submission_and_hangs_nobody(self) -> None:
        disk = Disk()
        disk.forgotten = 7

        async def story(submit: Submit, _: Any) -> None:
            tasks = [submit([event]) for event in range(10)]
            async with asyncio.timeout(5):
                answers = await asyncio.gather(*tasks, return_exceptions=True)
            for event, answer in enumerate(answers):
                assert isinstance(answer, RuntimeError) if event == 7 else answer == [f"kept {event}"]

        run(disk, story)

    def test_an_error_is_raised_and_not_returned(self) -> None:
        disk = Disk()
        disk.bad = {7}

        async def story(submit: Submit, _: Any) -> None:
            with pytest.raises(ValueError, match="bad events"):
                await submit([7])

        run(disk, story)

    def test_what_would_make_a_flush_too_large_waits_for_the_next_and_nobody_overtakes_it(self) -> None:
        disk = Disk(shut=True)

        async def story(submit: Submit, _: Any) -> None:
            tasks = [submit([0])]
            await until(lambda: disk.under_way == 1)
            tasks.append(submit([0, 0]))
            await until(lambda: disk.under_way == 2)
            tasks += [submit([size] * size) for size in (1, 400, 300, 2)]
            await asyncio.sleep(0)
            disk.open()
            await asyncio.gather(*tasks)

        run(disk, story)
        assert disk.batches[2:] == [[1] + [400] * 400, [300] * 300 + [2, 2]]

    def test_a_second_flush_waits_until_as_many_events_wait_as_are_being_written(self) -> None:
        disk = Disk(shut=True)

        async def story(submit: Submit, _: Any) -> None:
            tasks = [submit([1, 2, 3])]
            await until(lambda: disk.under_way == 1)
            tasks += [submit([4]), submit([5])]
            await asyncio.sleep(0.05)
            assert disk.under_way == 1
            tasks.append(submit([6]))
            await until(lambda: disk.under_way == 2)
            disk.open()
            await asyncio.gather(*tasks)

        run(disk, story)
        assert disk.batches == [[1, 2, 3], [4, 5, 6]]

    def test_a_full_queue_refuses_a_submission_whole_and_has_room_again_later(self) -> None:
        disk = Disk(shut=True)

        async def story(submit: Submit, _: Any) -> None:
            under_way = [submit([-1]), submit([-2])]
            await until(lambda: disk.under_way == 1)  # both came in one turn
            under_way.append(submit([-3, -4]))
            await until(lambda: disk.under_way == 2)
            waiting = [submit([event] * 500) for event in range(MAX_EVENTS_WAITING // 500)]
            with pytest.raises(DatabaseUnavailable):
                await submit([99, 99])
            disk.open()
            await asyncio.gather(*under_way, *waiting)
            assert await submit([100]) == ["kept 100"]

        run(disk, story)
        assert 99 not in {event for batch in disk.batches for event in batch}

    def test_a_request_that_was_given_up_costs_its_neighbours_nothing(self) -> None:
        disk = Disk(shut=True)

        async def story(submit: Submit, _: Any) -> None:
            given_up, neighbour = submit([1]), submit([2])
            await until(lambda: disk.under_way == 1)
            given_up.cancel()
            disk.open()
            assert await neighbour == ["kept 2"]

        run(disk, story)

    def test_nothing_runs_when_nothing_waits(self) -> None:
        disk = Disk()

        async def story(submit: Submit, _: Any) -> None:
            await asyncio.gather(*(submit([event]) for event in range(5)))
            await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        run(disk, story)


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    with proxy_to(stack.postgres.port) as proxy:
        yield proxy


@pytest.fixture
def behind_proxy(stack: Stack, proxy: Proxy, start_function: Callable[..., FunctionProcess]) -> Callable[..., Any]:
    """Return a function that starts a function which reaches Postgres through the proxy."""

    def start(name: str, **env: str) -> FunctionProcess:
        url = stack.database_url.replace(f":{stack.postgres.port}/", f":{proxy.port}/")
        return start_function(name, DATABASE_URL=url, **env)

    return start


@pytest.fixture
def popup_id(database: Database) -> str:
    return make_popup(database, make_shop(database))


class TestRoundTrips:
    """Counted by a proxy between the function and Postgres."""

    def test_a_warm_flush_of_views_is_one_round_trip(
        self, proxy: Proxy, behind_proxy: Callable[..., FunctionProcess], popup_id: str
    ) -> None:
        function = behind_proxy("track_view")
        warm_up(function, [view(popup_id) for _ in range(4)])
        for events in (1, 50):
            bodies = [{"events": [view(popup_id) for _ in range(events)]} for _ in range(5)]
            assert fewest_round_trips(proxy, [partial(send, function, body) for body in bodies]) == 1

    def test_a_warm_flush_of_conversions_is_one_round_trip(
        self, proxy: Proxy, behind_proxy: Callable[..., FunctionProcess], popup_id: str
    ) -> None:
        function = behind_proxy("track_conversion")
        warm_up(function, [conversion(popup_id) for _ in range(4)])
        assert fewest_round_trips(proxy, [partial(send, function, conversion(popup_id)) for _ in range(5)]) == 1

    def test_warm_active_popups_need_none(
        self, proxy: Proxy, behind_proxy: Callable[..., FunctionProcess], database: Database
    ) -> None:
        shop = make_shop(database)
        make_popup(database, shop)
        function = behind_proxy("get_active_popups")
        get = lambda: requests.get(function.url, params={"shop_id": shop.id}, timeout=10)  # noqa: E731
        assert get().headers["X-Cache"] == "MISS"
        proxy.reset()
        assert [get().headers["X-Cache"] for _ in range(20)] == ["HIT"] * 20
        assert (proxy.round_trips, proxy.connections) == (0, 0)

    def test_under_load_many_requests_share_a_round_trip(
        self, proxy: Proxy, behind_proxy: Callable[..., FunctionProcess], database: Database, popup_id: str
    ) -> None:
        function = behind_proxy("track_view")
        warm_up(function, [view(popup_id) for _ in range(8)])
        proxy.delay(0.02)
        proxy.reset()
        assert statuses(send_each((function, view(popup_id)) for _ in range(320))) == {202: 320}
        assert proxy.round_trips < 100
        assert stored_views(database, popup_id) == 328


def fewest_round_trips(proxy: Proxy, acts: Sequence[Callable[[], requests.Response]]) -> int:
    """Return the round trips of the cheapest act: on a busy machine one may meet a connection that is not warm."""
    counts = []
    for act in acts:
        proxy.reset()
        assert act().ok
        counts.append(proxy.round_trips)
    return min(counts)


def warm_up(function: FunctionProcess, events: list[dict[str, Any]]) -> None:
    """Open both connections that flushes use and prepare their statements."""
    assert {answer.status_code for answer in send_each([(function, event) for event in events])} <= {201, 202}


class Locked:
    """A table of the test's database that nobody can write to for a while."""

    def __init__(self, stack: Stack, table: str) -> None:
        self._stack, self._table = stack, table

    def __enter__(self) -> Database:
        self._opened = open_database(self._stack.database_url)
        database = self._opened.__enter__()
        database("BEGIN")
        database(f"LOCK TABLE {self._table} IN ACCESS EXCLUSIVE MODE")
        return database

    def __exit__(self, *_: object) -> None:
        self._opened.__exit__(None, None, None)


WAITING_FOR_VIEWS = "SELECT count(*) FROM pg_locks WHERE relation = 'popup_views'::regclass AND NOT granted"


class TestUnderPressure:
    """Flushes that cannot end, because somebody holds the table they write to."""

    def test_two_flushes_are_under_way_and_a_full_queue_is_503_with_nothing_half_taken(
        self, stack: Stack, start_function: Callable[..., FunctionProcess], database: Database, popup_id: str
    ) -> None:
        function = start_function("track_view", DB_STATEMENT_TIMEOUT="20000")
        warm_up(function, [view(popup_id) for _ in range(8)])
        lists = [[view(popup_id) for _ in range(50)] for _ in range(MAX_EVENTS_WAITING // 50 + 2 * 10 + 30)]
        with ThreadPoolExecutor(len(lists)) as senders:
            with Locked(stack, "popup_views"):
                answers = [senders.submit(send, function, {"events": events}) for events in lists]
                eventually(lambda: any(answer.done() for answer in answers), seconds=15)
                assert database.value(WAITING_FOR_VIEWS) == 2
                assert all(answer.result().status_code == 503 for answer in answers if answer.done())
            results = [answer.result() for answer in answers]
        refused = [answer for answer in results if answer.status_code == 503]
        assert refused
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
        assert statuses(results) == {202: len(lists) - len(refused), 503: len(refused)}
        for events, answer in zip(lists, results, strict=True):
            ids = [event["event_id"] for event in events]
            kept = database.value("SELECT count(*) FROM popup_views WHERE event_id = ANY (:ids::uuid[])", ids=ids)
            assert kept == (50 if answer.status_code == 202 else 0)
        again = [{"events": events} for events, answer in zip(lists, results, strict=True) if answer in refused]
        assert statuses(send_each((function, body) for body in again)) == {202: len(refused)}
        assert stored_views(database, popup_id) == tallied_views(database, popup_id) == len(lists) * 50 + 8

    def test_a_flush_that_fails_is_503_for_all_who_waited_and_their_retry_counts_once(
        self, stack: Stack, start_function: Callable[..., FunctionProcess], database: Database, popup_id: str
    ) -> None:
        function = start_function("track_view", DB_STATEMENT_TIMEOUT="300")
        warm_up(function, [view(popup_id) for _ in range(8)])
        events = [view(popup_id) for _ in range(64)]
        with Locked(stack, "popup_views"):
            failed = send_each(((function, event) for event in events), senders=64)
        assert statuses(failed) == {503: 64}
        assert {answer.json()["code"] for answer in failed} == {"database_timeout"}
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in failed)
        assert statuses(send_each((function, event) for event in events)) == {202: 64}
        assert stored_views(database, popup_id) == tallied_views(database, popup_id) == 72

    def test_a_retry_counts_once_also_when_the_commit_had_gone_through_and_only_its_answer_was_lost(
        self, proxy: Proxy, behind_proxy: Callable[..., FunctionProcess], database: Database, popup_id: str
    ) -> None:
        function = behind_proxy("track_view", DB_STATEMENT_TIMEOUT="200")
        warm_up(function, [view(popup_id) for _ in range(8)])
        events = [view(popup_id) for _ in range(20)]
        proxy.delay(1.5)
        assert statuses(send_each((function, event) for event in events)) == {503: 20}
        assert stored_views(database, popup_id) > 8
        proxy.heal()
        # The first to try again finds out that the server is back; who comes in that moment is told to come once more.
        eventually(lambda: statuses(send_each((function, event) for event in events)) == {202: 20})
        assert stored_views(database, popup_id) == tallied_views(database, popup_id) == 28


def test_a_row_that_the_database_refuses_fails_alone(
    stack: Stack, start_function: Callable[..., FunctionProcess]
) -> None:
    url = create_database(stack.postgres, f"refusing-{uuid.uuid4().hex[:8]}")
    with open_database(url) as database:
        shop = make_shop(database)
        popup_id = make_popup(database, shop)
        database("ALTER TABLE popup_views ADD CONSTRAINT refuses_bad CHECK (session_id <> 'bad')")
        function = start_function("track_view", DATABASE_URL=url, REDIS_URL=None)
        person = {"visitor_id": "ann@example.com"}
        events = [view(popup_id, session_id="bad" if n % 20 == 7 else f"good {n}", **person) for n in range(200)]
        answers = send_each((function, event) for event in events)
        assert [answer.status_code for answer in answers] == [500 if n % 20 == 7 else 202 for n in range(200)]
        assert "stack_trace" in function.logs()
        assert "ann@example.com" not in function.logs(), "the row that failed is not logged"
        assert stored_views(database, popup_id) == 190
        assert_tallies_equal_events(database, shop.id)
