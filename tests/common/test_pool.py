"""The pool of connections: its four settings hold, and a broken connection is never handed out twice."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from common.postgres import _pool as pool_module
from common.postgres._pool import Pool, PoolExhausted
from tests.support.client import assert_problem
from tests.support.factories import Shop, make_popup, make_shop, view
from tests.support.proxy import proxy_to
from tests.support.stack import Database, FunctionProcess, Stack, create_database, eventually, open_database
from tests.support.tracking import at_once, send, statuses, stored_views

START = Callable[..., FunctionProcess]


class Own:
    """A database of the test's own, so that every other connection to it is the function's."""

    def __init__(self, url: str, name: str, inside: Database, outside: Database) -> None:
        self.url, self.name, self.inside, self._outside = url, name, inside, outside
        self.shop: Shop = make_shop(inside)
        self.popup_id = make_popup(inside, self.shop)
        self._ours = inside.value("SELECT pg_backend_pid()")

    def connections(self) -> set[int]:
        """Return the pids of the backends that serve the function."""
        rows = self._outside("SELECT pid FROM pg_stat_activity WHERE datname = :name", name=self.name)
        return {row["pid"] for row in rows} - {self._ours}

    def end_connections(self) -> None:
        for pid in self.connections():
            self._outside("SELECT pg_terminate_backend(:pid::integer)", pid=pid)
        eventually(lambda: not self.connections())

    @contextmanager
    def locked(self, table: str = "popups") -> Iterator[None]:
        """Nobody can read the table meanwhile."""
        self.inside("BEGIN")
        self.inside(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        try:
            yield
        finally:
            self.inside("ROLLBACK")

    def waiting(self) -> int:
        return int(self._outside.value("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    def list_popups(self, function: FunctionProcess) -> requests.Response:
        return requests.get(f"{function.url}/popups", headers=self.shop.writer, timeout=30)


@pytest.fixture
def own(stack: Stack) -> Iterator[Own]:
    name = f"pool-{uuid.uuid4().hex[:8]}"
    url = create_database(stack.postgres, name)
    with open_database(url) as inside, open_database(stack.postgres.url) as outside:
        yield Own(url, name, inside, outside)


@contextmanager
def blocked(own: Own, function: FunctionProcess, requests_: int) -> Iterator[list["Future[requests.Response]"]]:
    """So many requests that wait for a table, each with a connection if it got one."""
    assert own.list_popups(function).status_code == 200  # its key is known now and costs no connection
    with ThreadPoolExecutor(requests_) as pool, own.locked():
        yield [pool.submit(own.list_popups, function) for _ in range(requests_)]


def test_an_instance_opens_at_most_db_pool_max_and_the_others_wait_their_turn(start_function: START, own: Own) -> None:
    function = start_function("manage_popups", DATABASE_URL=own.url, DB_POOL_MAX="3", DB_POOL_MIN="0")
    with blocked(own, function, 6) as answers:
        eventually(lambda: own.waiting() == 3)
        assert len(own.connections()) == 3
        assert not any(answer.done() for answer in answers)
    assert statuses(answer.result() for answer in answers) == {200: 6}
    assert len(own.connections()) == 3


def test_who_gets_no_connection_within_db_connection_timeout_is_answered_503_with_retry_after(
    start_function: START, own: Own
) -> None:
    function = start_function(
        "manage_popups", DATABASE_URL=own.url, DB_POOL_MAX="2", DB_POOL_MIN="0", DB_CONNECTION_TIMEOUT="1500"
    )
    with blocked(own, function, 5) as answers:
        eventually(lambda: sum(answer.done() for answer in answers) == 3)
        refused = [answer.result() for answer in answers if answer.done()]
        assert own.waiting() == 2  # those who have a connection still wait for the table
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "database_unavailable")}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    assert statuses(answer.result() for answer in answers) == {200: 2, 503: 3}
    assert own.list_popups(function).status_code == 200


def test_idle_connections_above_db_pool_min_are_closed_after_db_idle_timeout_and_the_rest_stay(
    start_function: START, own: Own
) -> None:
    function = start_function(
        "manage_popups", DATABASE_URL=own.url, DB_POOL_MAX="6", DB_POOL_MIN="2", DB_IDLE_TIMEOUT="200"
    )
    with blocked(own, function, 6):
        eventually(lambda: len(own.connections()) == 6)

    def settled() -> bool:
        own.list_popups(function)  # what idles is closed when a connection comes or goes: there is no thread for it
        return len(own.connections()) == 2

    eventually(settled)
    kept = own.connections()
    time.sleep(0.5)
    own.list_popups(function)
    assert own.connections() == kept


def test_nothing_is_opened_before_a_request_needs_it(start_function: START, own: Own) -> None:
    function = start_function("manage_popups", DATABASE_URL=own.url)
    requests.get(f"{function.url}/_health", timeout=10)
    requests.get(f"{function.url}/popups", timeout=10)
    assert own.connections() == set()


def test_connections_that_the_server_ended_while_they_idled_cost_no_request(start_function: START, own: Own) -> None:
    function = start_function("manage_popups", DATABASE_URL=own.url, DB_POOL_MAX="5")
    with blocked(own, function, 5):
        eventually(lambda: own.waiting() == 5)
    before = own.connections()
    own.end_connections()
    assert statuses(at_once([lambda: own.list_popups(function)] * 20, threads=5)) == {200: 20}
    assert own.connections().isdisjoint(before)


def test_a_connection_that_breaks_in_use_is_503_for_that_request_and_never_used_again(
    start_function: START, own: Own
) -> None:
    function = start_function("manage_popups", DATABASE_URL=own.url, DB_POOL_MAX="3", DB_POOL_MIN="0")
    with blocked(own, function, 3) as answers:
        eventually(lambda: own.waiting() == 3)
        before = own.connections()
        own.end_connections()
        assert statuses(answer.result() for answer in answers) == {503: 3}
    assert statuses(at_once([lambda: own.list_popups(function)] * 20, threads=3)) == {200: 20}
    assert own.connections().isdisjoint(before)


def test_a_statement_beyond_db_statement_timeout_is_503_and_its_connection_stays_good(
    start_function: START, own: Own
) -> None:
    function = start_function("manage_popups", DATABASE_URL=own.url, DB_STATEMENT_TIMEOUT="200")
    with blocked(own, function, 1) as answers:
        assert_problem(answers[0].result(), 503, "database_timeout")
        assert answers[0].result().headers["Retry-After"] == "5"
        before = own.connections()
    assert own.list_popups(function).status_code == 200
    assert own.connections() == before


def warnings(function: FunctionProcess) -> list[dict[str, str]]:
    return [line for line in function.log_lines() if line["severity"] == "WARNING"]


def test_the_log_says_why_postgres_refused_once_a_second_and_nothing_of_the_statement(
    start_function: START, own: Own
) -> None:
    function = start_function("manage_popups", DATABASE_URL=own.url, DB_STATEMENT_TIMEOUT="300")
    with blocked(own, function, 6) as answers:
        started = time.monotonic()
        assert statuses(answer.result() for answer in answers) == {503: 6}
        first = warnings(function)
        assert 1 <= len(first) <= 1 + time.monotonic() - started
        time.sleep(1)
        assert own.list_popups(function).status_code == 503
        assert len(warnings(function)) == len(first) + 1
    assert warnings(function)[-1] == {
        "severity": "WARNING",
        "message": "Postgres refused a statement",
        "reason": "57014 canceling statement due to statement timeout",
    }


def test_the_line_of_a_request_says_how_full_the_pool_was_when_it_needed_a_connection(
    start_function: START, own: Own
) -> None:
    """Once it is answered its connection is back: a pool that is full all the time would never look so."""
    function = start_function("manage_popups", DATABASE_URL=own.url, DB_POOL_MAX="2", DB_POOL_MIN="0")

    def state() -> Any:
        requests.get(f"{function.url}/_health", timeout=10)
        return function.log_lines()[-1].get("pool")

    with blocked(own, function, 5):
        assert eventually(lambda: own.waiting() == 2)
        # The other three have come too: on a busy machine they might else find the pool free again.
        assert eventually(lambda: state() == {"in_use": 2, "waiting": 3, "max": 2})
    states = [line["pool"] for line in function.log_lines() if line["message"] == "GET manage_popups 200"][-5:]
    assert [state["in_use"] for state in states].count(2) >= 4  # whoever came first may have seen one in use, his own
    assert [state["waiting"] > 0 for state in states].count(True) >= 3
    requests.get(f"{function.url}/_health", timeout=10)
    assert function.log_lines()[-1]["pool"] == {"in_use": 0, "waiting": 0, "max": 2}


def test_a_connection_that_no_longer_answers_is_given_up_and_never_used_again(
    stack: Stack, start_function: START, own: Own
) -> None:
    with proxy_to(stack.postgres.port) as proxy:
        url = own.url.replace(f":{stack.postgres.port}/", f":{proxy.port}/")
        function = start_function(
            "track_view", DATABASE_URL=url, DB_STATEMENT_TIMEOUT="200", DB_CONNECTION_TIMEOUT="1500", REDIS_URL=None
        )
        event = view(own.popup_id)
        assert send(function, event).status_code == 202
        before = own.connections()
        proxy.black_hole()
        lost = send(function, event)
        assert (lost.status_code, lost.headers["Retry-After"]) == (503, "1")
        assert send(function, event).status_code == 503  # a new connection does not answer either
        proxy.heal()
        assert eventually(lambda: send(function, event).status_code == 202)
        eventually(lambda: own.connections().isdisjoint(before))
    assert stored_views(own.inside, own.popup_id) == 1


def test_a_migration_under_a_running_instance_costs_no_request(start_function: START, own: Own) -> None:
    """Postgres refuses a statement that was prepared before its result got another column."""
    function = start_function("manage_popups", DATABASE_URL=own.url)
    popup = f"{function.url}/popups/{own.popup_id}"
    for number in range(3):
        answers = [
            own.list_popups(function),
            requests.get(popup, headers=own.shop.writer, timeout=10),
            requests.patch(popup, json={"name": f"Name {number}"}, headers=own.shop.writer, timeout=10),
        ]
        assert statuses(answers) == {200: 3}
        own.inside(f"ALTER TABLE popups ADD COLUMN added_{number} text")


# ---- Without a server ----------------------------------------------------------------------------------------------


class Line:
    """A connection that is none: the test says whether it is usable, and whether anybody is at its other end."""

    def __init__(self) -> None:
        self.usable, self.is_there, self.closed = True, True, False

    def is_usable(self) -> bool:
        return self.usable and not self.closed

    def answers(self, timeout_seconds: float) -> bool:
        assert 0 < timeout_seconds <= pool_module.PROOF_SECONDS
        return self.is_there

    def close(self) -> None:
        self.closed = True


def pool_of(size: int) -> Pool[Line]:
    return Pool(lambda timeout_seconds: Line(), min_size=size, max_size=size, idle_timeout=60)


def test_a_connection_that_comes_back_as_a_waiter_gives_up_is_taken() -> None:
    """The notification may go to a waiter whose time is over: it is spent, and nobody else hears of the connection."""
    pool = pool_of(1)
    first = pool.take(1)

    def take(timeout_seconds: float) -> float:
        started = time.monotonic()
        pool.give_back(pool.take(timeout_seconds))
        return time.monotonic() - started

    with ThreadPoolExecutor(2) as threads:
        impatient = threads.submit(take, 0.3)
        eventually(lambda: pool.waiting == 1)
        patient = threads.submit(take, 10)
        eventually(lambda: pool.waiting == 2)
        with pool._changed:  # nobody can wake up meanwhile
            time.sleep(0.4)
            pool.give_back(first)
        assert impatient.result() < 8
        assert patient.result() < 8


def test_whoever_waits_in_vain_is_told_so_in_time() -> None:
    pool = pool_of(1)
    pool.take(1)
    started = time.monotonic()
    with pytest.raises(PoolExhausted):
        pool.take(0.2)
    assert 0.2 <= time.monotonic() - started < 10


def test_what_idled_for_long_is_used_once_it_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = pool_of(2)
    kept = pool.take(1)
    pool.give_back(kept)
    monkeypatch.setattr(pool_module, "UNPROVEN_SECONDS", -1)
    assert pool.take(1) is kept


def test_what_the_network_lost_while_it_idled_is_replaced_and_the_others_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = pool_of(3)
    lost = [pool.take(1) for _ in range(3)]
    for connection in lost:
        pool.give_back(connection)
        connection.is_there = False
    monkeypatch.setattr(pool_module, "UNPROVEN_SECONDS", -1)
    assert pool.take(1) not in lost
    assert all(connection.closed for connection in lost)
    assert pool.in_use == 1


def test_a_proof_that_is_interrupted_keeps_no_place_in_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = pool_of(1)
    pool.give_back(pool.take(1))
    monkeypatch.setattr(pool_module, "UNPROVEN_SECONDS", -1)
    monkeypatch.setattr(Line, "answers", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pool.take(1)
    assert pool.in_use == 0
    assert pool.take(1)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


class Server:
    """What the pool connects to, with a clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timeouts: list[float] = []
        self.error: Exception | None = None

    def connect(self, timeout_seconds: float) -> Line:
        self.timeouts.append(timeout_seconds)
        if self.error:
            raise self.error
        return Line()

    def pool(self, *, min_size: int = 0, max_size: int = 2, idle: float = 10) -> Pool[Line]:
        return Pool(self.connect, min_size=min_size, max_size=max_size, idle_timeout=idle)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(time, "monotonic", lambda: server.now)
    return server


def taken(pool: Pool[Line], count: int) -> list[Line]:
    return [pool.take(1) for _ in range(count)]


class TestFromWithin:
    """Without Postgres."""

    def test_what_was_used_last_is_taken_first(self, server: Server) -> None:
        pool = server.pool(max_size=3)
        first, second, third = taken(pool, 3)
        for line in (first, third, second):
            pool.give_back(line)
        assert taken(pool, 3) == [second, third, first]
        assert len(server.timeouts) == 3

    def test_those_in_use_are_the_open_ones_but_the_idle(self, server: Server) -> None:
        pool = server.pool(max_size=3)
        assert (pool.in_use, pool.has_idle) == (0, False)
        first, second = taken(pool, 2)
        assert (pool.in_use, pool.has_idle) == (2, False)
        pool.give_back(first)
        assert (pool.in_use, pool.has_idle) == (1, True)
        second.usable = False
        pool.give_back(second)
        assert (pool.in_use, pool.has_idle) == (0, True)

    def test_one_that_broke_in_use_or_while_it_idled_is_closed_and_makes_room(self, server: Server) -> None:
        pool = server.pool(max_size=2)
        in_use, idle = taken(pool, 2)
        in_use.usable = False
        pool.give_back(in_use)
        pool.give_back(idle)
        idle.usable = False
        assert in_use.closed, "at once"
        assert not {in_use, idle}.intersection(taken(pool, 2))
        assert (in_use.closed, idle.closed, pool.in_use) == (True, True, 2)

    def test_behind_a_broken_one_that_idled_the_next_is_taken(self, server: Server) -> None:
        pool = server.pool()
        good, broken = taken(pool, 2)
        pool.give_back(good)
        pool.give_back(broken)
        broken.usable = False
        assert pool.take(1) is good
        assert (good.closed, pool.in_use) == (False, 1)

    def test_who_waits_gets_what_is_given_back(self, server: Server) -> None:
        pool = server.pool(max_size=1)
        (line,) = taken(pool, 1)
        with ThreadPoolExecutor(1) as others:
            waiter = others.submit(pool.take, 10)
            eventually_within(lambda: pool.waiting == 1)
            pool.give_back(line)
            assert waiter.result(timeout=5) is line
        assert pool.waiting == 0

    def test_nobody_overtakes_who_waits(self, server: Server) -> None:
        """Not even those who take one again as soon as they gave one back, who hold the interpreter meanwhile."""
        pool = server.pool(max_size=1)
        (line,) = taken(pool, 1)
        turns: list[int] = []

        def take_turns(name: int) -> None:
            for _ in range(20):
                line = pool.take(10)
                turns.append(name)
                pool.give_back(line)

        with ThreadPoolExecutor(5) as others:
            waiters = [others.submit(take_turns, name) for name in range(5)]
            eventually_within(lambda: pool.waiting == 5)
            pool.give_back(line)
            for waiter in waiters:
                waiter.result(timeout=20)
        assert turns == turns[:5] * 20

    def test_there_is_no_waiting_behind_who_has_one_to_himself_already(self, server: Server) -> None:
        pool = server.pool(max_size=2)
        lines = taken(pool, 2)
        with ThreadPoolExecutor(1) as others:
            waiter = others.submit(pool.take, 10)
            eventually_within(lambda: pool.waiting == 1)
            with pool._changed:  # the waiter cannot wake up yet
                for line in lines:
                    pool.give_back(line)
                assert pool.take(2) in lines
                assert pool.waiting == 1
            assert waiter.result(timeout=5) in lines

    def test_who_waits_opens_one_where_a_broken_one_was_given_back(self, server: Server) -> None:
        pool = server.pool(max_size=1)
        (line,) = taken(pool, 1)
        with ThreadPoolExecutor(1) as others:
            waiter = others.submit(pool.take, 10)
            eventually_within(lambda: pool.waiting == 1)
            line.usable = False
            pool.give_back(line)
            assert waiter.result(timeout=5) is not line
        assert pool.in_use == 1

    def test_a_failed_connect_takes_no_room(self, server: Server) -> None:
        pool = server.pool(max_size=1)
        server.error = OSError("refused")
        for _ in range(2):
            with pytest.raises(OSError, match="refused"):
                pool.take(1)
        assert pool.in_use == 0
        server.error = None
        assert pool.take(1)

    def test_a_failed_connect_lets_the_next_one_try_who_waits(self, server: Server) -> None:
        waits, fails = threading.Event(), threading.Event()

        def connect(timeout_seconds: float) -> Line:
            if fails.is_set():
                return Line()
            fails.set()
            waits.wait(5)
            raise OSError("refused")

        pool = Pool(connect, min_size=0, max_size=1, idle_timeout=10)
        with ThreadPoolExecutor(2) as others:
            failing = others.submit(pool.take, 10)
            fails.wait(5)
            waiter = others.submit(pool.take, 10)
            eventually_within(lambda: pool.waiting == 1)
            waits.set()
            assert isinstance(failing.exception(timeout=5), OSError)
            assert waiter.result(timeout=5)

    def test_connecting_may_take_what_is_left_of_the_wait(self, server: Server) -> None:
        pool = server.pool()
        line = pool.take(3)
        pool.give_back(line)
        line.is_usable = lambda: self._pass(server, 2)  # type: ignore[method-assign]
        line = pool.take(3)
        pool.give_back(line)
        line.is_usable = lambda: self._pass(server, 30)  # type: ignore[method-assign]
        pool.take(3)
        assert server.timeouts == [3, 1, 0.001]

    def test_what_idles_too_long_is_closed_the_oldest_first(self, server: Server) -> None:
        pool = server.pool(max_size=4, idle=10)
        lines = taken(pool, 4)
        for line in lines[:3]:
            pool.give_back(line)
            server.now += 1
        server.now += 8
        pool.give_back(lines[3])
        assert [line.closed for line in lines] == [True, False, False, False], "10 s are not too long"
        server.now += 0.5
        assert pool.take(1) is lines[3]
        assert [line.closed for line in lines] == [True, True, False, False], "at each coming and going"
        assert pool.in_use == 1

    def test_the_least_is_kept_however_long_it_idles(self, server: Server) -> None:
        pool = server.pool(min_size=2, max_size=4, idle=10)
        lines = taken(pool, 4)
        for line in lines:
            pool.give_back(line)
        server.now += 1000
        assert pool.take(1) is lines[3]
        assert [line.closed for line in lines] == [True, True, False, False]

    def test_fewer_than_the_least_are_kept_too(self, server: Server) -> None:
        pool = server.pool(min_size=3, max_size=4, idle=10)
        lines = taken(pool, 2)
        for line in lines:
            pool.give_back(line)
        server.now += 1000
        assert pool.take(1) is lines[1]
        assert not lines[0].closed

    @staticmethod
    def _pass(server: Server, seconds: float) -> bool:
        """Take so many seconds to find that the connection is not usable."""
        server.now += seconds
        return False


def eventually_within(condition: Callable[[], bool]) -> None:
    """Like `eventually`, by a clock that the test does not hold."""
    deadline = time.perf_counter() + 5
    while not condition():
        assert time.perf_counter() < deadline
        time.sleep(0.005)
