"""A connection's statements: several in one round trip, and what becomes of them when one fails."""

import os
import resource
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from common.config import load
from common.errors import DatabaseUnavailable
from common.postgres import DatabaseUnreachable, Duplicate, LostRace, retry_lost_races
from common.postgres._database import MAX_LOST_RACES
from common.postgres._errors import StaleStatement
from common.postgres.connect import connect
from common.postgres.driver import Connection
from tests.support.proxy import Proxy, proxy_to
from tests.support.stack import Database, Stack, eventually

INSERT = "INSERT INTO {} (name) VALUES (:name)"
SELECT = "SELECT * FROM {} ORDER BY name"


@pytest.fixture
def connection(stack: Stack) -> Iterator[Connection]:
    opened = Connection(connect(load({"DATABASE_URL": stack.database_url})))
    yield opened
    opened.close()


@pytest.fixture
def table(database: Database) -> Iterator[str]:
    name = f"things_{uuid.uuid4().hex}"
    database(f"CREATE TABLE {name} (name text CONSTRAINT {name}_key PRIMARY KEY)")
    yield name
    database(f"DROP TABLE {name}")


def names(database: Database, table: str) -> list[str]:
    return [row["name"] for row in database(SELECT.format(table))]


def test_a_queued_statement_goes_with_the_next_one_which_has_its_own_rows_and_count(
    connection: Connection, database: Database, table: str
) -> None:
    for name in "abc":
        connection.queue(INSERT.format(table), name=name)
    assert names(database, table) == []
    assert connection.fetch_all("SELECT count(*) AS all FROM " + table) == [{"all": 3}]
    connection.queue(f"DELETE FROM {table} WHERE name < :name RETURNING name", name="c")
    assert connection.execute(f"UPDATE {table} SET name = :name", name="d") == 1
    assert names(database, table) == ["d"]


def test_what_comes_after_a_statement_that_fails_is_not_run(
    connection: Connection, database: Database, table: str
) -> None:
    connection.execute(INSERT.format(table), name="a")
    connection.queue(INSERT.format(table), name="b")
    connection.queue(INSERT.format(table), name="a")
    with pytest.raises(Duplicate) as raised:
        connection.execute(INSERT.format(table), name="c")
    assert raised.value.constraint == f"{table}_key"
    assert names(database, table) == ["a"]
    assert connection.is_usable()
    assert connection.execute(INSERT.format(table), name="c") == 1


@pytest.mark.parametrize("fails", ["first", "queued last"])
def test_a_transaction_whose_statement_fails_leaves_nothing_and_a_session_that_works(
    connection: Connection, database: Database, table: str, fails: str
) -> None:
    connection.execute(INSERT.format(table), name="a")

    def write() -> None:
        with connection.transaction():
            connection.execute(INSERT.format(table), name="a" if fails == "first" else "b")
            connection.queue(INSERT.format(table), name="a")

    with pytest.raises(Duplicate):
        write()
    with connection.transaction():
        connection.execute(INSERT.format(table), name="c")
    assert names(database, table) == ["a", "c"]


def test_a_block_that_ends_early_leaves_nothing_queued(connection: Connection, database: Database, table: str) -> None:
    def leave() -> None:
        with connection.transaction():
            connection.queue(INSERT.format(table), name="a")
            raise KeyError

    with pytest.raises(KeyError):
        leave()
    connection.execute(INSERT.format(table), name="b")
    assert names(database, table) == ["b"]


def test_a_migration_before_a_transactions_first_round_trip_costs_nothing(
    connection: Connection, database: Database, table: str
) -> None:
    connection.fetch_all(SELECT.format(table))
    database(f"ALTER TABLE {table} ADD COLUMN added integer")
    with connection.transaction():
        connection.queue(INSERT.format(table), name="a")
        assert connection.fetch_all(SELECT.format(table)) == [{"name": "a", "added": None}]
    assert names(database, table) == ["a"]


def test_a_migration_in_the_middle_of_a_transaction_ends_it(
    connection: Connection, database: Database, table: str
) -> None:
    other = f"{table}_2"
    database(f"CREATE TABLE {other} (name text)")

    def write() -> None:
        with connection.transaction():
            connection.execute(INSERT.format(table), name="a")
            database(f"ALTER TABLE {other} ADD COLUMN added integer")
            connection.fetch_all(SELECT.format(other))

    connection.fetch_all(SELECT.format(other))
    with pytest.raises(StaleStatement):
        write()
    assert names(database, table) == []
    write_again = connection.execute(INSERT.format(table), name="b")
    assert (write_again, connection.fetch_all(SELECT.format(other))) == (1, [])
    database(f"DROP TABLE {other}")


def test_what_interrupts_a_statement_breaks_its_connection(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is still to come, and would be taken for that of the next statement."""

    def interrupt(contexts: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(connection, "_read_answers", interrupt)
    with pytest.raises(KeyboardInterrupt):
        connection.fetch_all("SELECT 1 AS one")
    assert not connection.is_usable()


@contextmanager
def many_open_files() -> Iterator[None]:
    """Keep so many files open for the block that the next one's number is beyond what select() takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        yield
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_session_is_usable_however_many_files_the_process_has_open(stack: Stack) -> None:
    with many_open_files():
        connection = Connection(connect(load({"DATABASE_URL": stack.database_url})))
        assert connection._connection._usock.fileno() > 1024
        assert connection.is_usable()
        connection.close()


def test_a_session_whose_server_has_hung_up_and_one_that_is_closed_are_not_usable(
    stack: Stack, connection: Connection, database: Database
) -> None:
    pid = connection.fetch_one("SELECT pg_backend_pid() AS pid")
    assert pid
    database("SELECT pg_terminate_backend(:pid::integer)", **pid)
    eventually(lambda: not connection.is_usable())
    connection.close()
    assert not connection.is_usable()


@pytest.mark.skipif(sys.platform != "linux", reason="NOT RUN: other platforms have not all of them")
@pytest.mark.parametrize(
    ("option", "value"), {"KEEPIDLE": 60, "KEEPINTVL": 10, "KEEPCNT": 3, "USER_TIMEOUT": 90_000}.items()
)
def test_a_connection_that_the_network_forgot_is_over_after_a_minute_and_a_half(
    connection: Connection, option: str, value: int
) -> None:
    sock = connection._connection._usock
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{option}")) == value


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    with proxy_to(stack.postgres.port) as running:
        yield running


@pytest.fixture
def behind(stack: Stack, proxy: Proxy) -> Iterator[Connection]:
    """Yield a session through the proxy whose statements may take 0.2 s."""
    url = stack.database_url.replace(f":{stack.postgres.port}/", f":{proxy.port}/")
    opened = Connection(connect(load({"DATABASE_URL": url, "DB_STATEMENT_TIMEOUT": "200"})))
    yield opened
    opened.close()


def test_a_session_answers_in_one_round_trip_and_is_as_it_was(behind: Connection, proxy: Proxy) -> None:
    patience = behind._connection._usock.gettimeout()
    eventually(lambda: proxy.round_trips > 0)
    proxy.reset()
    assert behind.answers(1)
    eventually(lambda: proxy.round_trips == 1)
    assert behind._connection._usock.gettimeout() == patience
    assert behind.fetch_one("SELECT 1 AS one") == {"one": 1}


@pytest.mark.parametrize("fault", [Proxy.black_hole, Proxy.refuse])
def test_a_session_that_the_network_lost_does_not_answer_in_time_and_is_not_usable(
    behind: Connection, proxy: Proxy, fault: Callable[[Proxy], None]
) -> None:
    fault(proxy)
    started = time.monotonic()
    assert not behind.answers(0.3)
    assert time.monotonic() - started < 20  # not as long as TCP would wait
    assert not behind.is_usable()


@pytest.mark.parametrize(
    ("fault", "error"), [(Proxy.black_hole, DatabaseUnreachable), (Proxy.cut, DatabaseUnavailable)]
)
def test_a_server_that_falls_silent_is_told_from_one_that_hangs_up(
    behind: Connection, proxy: Proxy, fault: Callable[[Proxy], None], error: type[Exception]
) -> None:
    """After silence nobody else shall wait; after an end a new connection is tried, which tells at once."""
    fault(proxy)
    with pytest.raises(DatabaseUnavailable) as raised:
        behind.fetch_one("SELECT 1")
    assert type(raised.value) is error
    assert not behind.is_usable()


@pytest.mark.parametrize("lost", range(MAX_LOST_RACES + 2))
def test_a_lost_race_is_run_again_three_times_and_then_told(lost: int) -> None:
    outcomes = iter([LostRace()] * lost + ["won"])

    def act() -> str:
        if isinstance(outcome := next(outcomes), LostRace):
            raise outcome
        return outcome

    assert MAX_LOST_RACES == 3
    if lost <= 3:
        assert retry_lost_races(act) == "won"
    else:
        with pytest.raises(LostRace):
            retry_lost_races(act)
        assert next(outcomes) == "won"
