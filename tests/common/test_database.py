"""How long a request may wait for connections in all, and what a server's silence means for the next one."""

import time
from collections.abc import Callable, Iterator

import pytest

from common.config import Config, load
from common.errors import DatabaseUnavailable
from common.postgres import DatabaseUnreachable, _database, driver
from common.process import waits
from common.process.breaker import Breaker

SECONDS = 2.0


class Line:
    """A connection that was opened."""

    def __init__(self) -> None:
        self.closed = False

    def is_usable(self) -> bool:
        return not self.closed

    def answers(self, timeout_seconds: float) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


class Server:
    """What is there to be connected to, and the seconds that each attempt had."""

    def __init__(self) -> None:
        self.is_there = True
        self.attempts: list[float] = []
        self.lines: list[Line] = []
        self.breakers = {replica: Breaker("A test's") for replica in (False, True)}

    def open_connection(self, config: Config, timeout_seconds: float, *, replica: bool = False) -> Line:
        self.attempts.append(timeout_seconds)
        if not self.is_there:
            raise DatabaseUnreachable()
        self.lines.append(Line())
        return self.lines[-1]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    config = load({"DATABASE_URL": "postgresql://nowhere/", "DB_CONNECTION_TIMEOUT": str(int(SECONDS * 1000))})
    started = Server()
    monkeypatch.setattr(_database, "settings", lambda: config)
    monkeypatch.setattr(driver, "open_connection", started.open_connection)
    monkeypatch.setattr(_database, "_breaker", started.breakers.__getitem__)
    make_pool = _database._pool.__wrapped__  # type: ignore[attr-defined]
    monkeypatch.setattr(_database, "_pool", {False: make_pool(False), True: make_pool(True)}.__getitem__)
    return started


@pytest.fixture(autouse=True)
def waited() -> Iterator[waits.Waited]:
    """Yield what a request counts of its waits, from its beginning."""
    yield waits.start()
    waits.start()


def use(*, replica: bool = False) -> None:
    with _database.connection(replica=replica):
        pass


def fall_silent() -> None:
    with _database.connection() as line:
        line.close()
        raise DatabaseUnreachable


def refuse(seconds: float) -> Callable[[], None]:
    def act() -> None:
        with _database.connection(), waits.waiting_for("database"):
            time.sleep(seconds)
            raise DatabaseUnavailable

    return act


def fails(act: Callable[[], None]) -> type[Exception]:
    with pytest.raises(DatabaseUnavailable) as raised:
        act()
    return raised.type


def test_a_request_has_one_time_for_all_the_connections_that_it_takes(server: Server, waited: waits.Waited) -> None:
    use()
    waited["connection"] = 1.5
    with _database.connection():
        use()
    assert server.attempts == pytest.approx([2.0, 0.5], abs=0.1)


def test_once_it_is_over_the_request_is_refused_even_if_a_connection_idles(
    server: Server, waited: waits.Waited
) -> None:
    use()
    waited["connection"] = SECONDS
    assert fails(use) is DatabaseUnavailable
    waits.start()
    use()


def test_what_a_refused_statement_took_counts_and_what_an_answered_one_took_does_not(
    server: Server, waited: waits.Waited
) -> None:
    with _database.connection(), waits.waiting_for("database"):
        time.sleep(0.1)
    assert "in_vain" not in waited
    fails(refuse(0.2))
    assert waited["in_vain"] == pytest.approx(0.2, abs=0.1)
    waited["in_vain"] = SECONDS
    assert fails(use) is DatabaseUnavailable


def test_the_replica_gets_half_of_it(server: Server) -> None:
    use(replica=True)
    assert server.attempts == pytest.approx([1.0], abs=0.1)


def test_after_a_silence_nobody_tries_what_idles_and_one_a_new_connection(server: Server) -> None:
    with _database.connection(), _database.connection():
        pass
    server.is_there = False
    fails(fall_silent)
    assert all(line.closed for line in server.lines)
    assert [fails(use) for _ in range(5)] == [DatabaseUnreachable] + [DatabaseUnavailable] * 4
    assert len(server.attempts) == 3


def test_a_silence_that_was_one_connections_alone_costs_nobody_else(server: Server) -> None:
    """As when a firewall forgot it."""
    fails(fall_silent)
    use()
    assert server.breakers[False].closed


def test_a_statement_that_is_answered_ends_the_outage(server: Server) -> None:
    with _database.connection():
        fails(fall_silent)
        assert not server.breakers[False].closed
    assert server.breakers[False].closed


def test_an_attempt_without_time_does_not_speak_for_the_server(server: Server, waited: waits.Waited) -> None:
    server.is_there = False
    waited["connection"] = SECONDS - 0.1
    assert fails(use) is DatabaseUnreachable
    assert server.breakers[False].closed
    waited["connection"] = SECONDS / 2
    assert fails(use) is DatabaseUnreachable
    assert not server.breakers[False].closed
