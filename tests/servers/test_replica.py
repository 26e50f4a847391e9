"""stats reads from the replica while it keeps up, and from the primary otherwise."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path

import pytest
import requests

from cli.dev.child import as_account
from cli.dev.embedded import Postgres
from common.errors import DatabaseTimeout, DatabaseUnavailable
from common.postgres import _database as database_module
from common.postgres import replica as replica_module
from common.postgres.replica import MAX_LAG_SECONDS
from tests.support.factories import Shop, make_popup, make_shop, view
from tests.support.proxy import proxy_to
from tests.support.stack import Database, FunctionProcess, Stack, eventually, open_database, temporary_folder


class Standby(Postgres):
    """A hot standby that follows another server."""

    def __init__(self, folder: Path, primary: Postgres) -> None:
        super().__init__(folder, durable=False)
        self._primary = primary

    def _create_cluster(self) -> None:
        source = f"host=127.0.0.1 port={self._primary.port} user={self.user} dbname=postgres"
        # -R writes what makes it a standby of its source.
        command: list[str | Path] = [
            self._programs / "pg_basebackup",
            "-d",
            source,
            "-D",
            self._cluster,
            "-R",
            "-c",
            "fast",
            "--no-sync",
        ]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **as_account(self._account))


@pytest.fixture(scope="module")
def standby(stack: Stack) -> Iterator[Standby]:
    with temporary_folder() as folder:
        server = Standby(folder / "standby", stack.postgres)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture
def replica(standby: Standby, stack: Stack) -> Iterator[Database]:
    """Yield the standby's database. It runs before the test, and replays again after it."""
    if not standby.running():
        standby.start()
    with open_database(standby.url_of(stack.database_url.rpartition("/")[2])) as opened:
        yield opened
    if standby.running():
        with open_database(standby.url) as opened:
            opened("SELECT pg_wal_replay_resume()")


@pytest.fixture(scope="module")
def reports(stack: Stack, standby: Standby) -> FunctionProcess:
    url = standby.url_of(stack.database_url.rpartition("/")[2])
    # Nothing is answered from the cache: each look shows where it was read.
    return stack.start_function("stats", DATABASE_REPLICA_URL=url, CACHE_TTL_STATS="1", REDIS_URL=None)


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


@pytest.fixture
def views(reports: FunctionProcess, shop: Shop, popup_id: str) -> Callable[[], int]:
    def look() -> int:
        answer = requests.get(f"{reports.url}/popups/{popup_id}", headers=shop.reader, timeout=30)
        answer.raise_for_status()
        return int(answer.json()["views"])

    return look


def record_view(track_view: FunctionProcess, popup_id: str) -> None:
    assert requests.post(track_view.url, json=view(popup_id), timeout=30).status_code == 202


def follows(replica: Database, database: Database) -> bool:
    """Whether the standby has replayed all that the primary has written."""
    position = database.value("SELECT pg_current_wal_insert_lsn()::text")  # the tests' commits are written later
    return bool(replica.value("SELECT pg_last_wal_replay_lsn() >= :position::pg_lsn", position=position))


def is_read(replica: Database) -> bool:
    """Whether a function's connection to the standby has asked for tallies."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'popups' AND query ILIKE '%daily%'"
    return bool(replica.value(sql))


def test_reports_are_read_from_the_replica(
    replica: Database, database: Database, views: Callable[[], int], track_view: FunctionProcess, popup_id: str
) -> None:
    eventually(lambda: follows(replica, database))
    eventually(lambda: views() == 0 and is_read(replica))


def test_from_the_primary_once_the_replica_is_too_far_behind_and_back_when_it_has_caught_up(
    replica: Database,
    database: Database,
    views: Callable[[], int],
    reports: FunctionProcess,
    track_view: FunctionProcess,
    popup_id: str,
) -> None:
    eventually(lambda: follows(replica, database))
    eventually(lambda: views() == 0 and is_read(replica))
    replica("SELECT pg_wal_replay_pause()")
    eventually(lambda: replica.value("SELECT pg_get_wal_replay_pause_state()") == "paused")
    paused_at = time.monotonic()
    record_view(track_view, popup_id)
    seen = views()
    # On a machine that took too long over the lines above, the primary is asked already.
    assert seen == 0 or time.monotonic() - paused_at > MAX_LAG_SECONDS - 2
    eventually(lambda: views() == 1, seconds=MAX_LAG_SECONDS + 10)
    replica("SELECT pg_wal_replay_resume()")
    before = reports.log_bytes()
    eventually(lambda: views() == 1 and "Replica keeps up" in messages(reports, since=before), seconds=15)


def test_from_the_primary_while_the_replica_is_down(
    replica: Database,
    standby: Standby,
    database: Database,
    views: Callable[[], int],
    reports: FunctionProcess,
    track_view: FunctionProcess,
    popup_id: str,
) -> None:
    eventually(lambda: follows(replica, database))
    assert views() == 0
    before = reports.log_bytes()
    standby.stop()
    record_view(track_view, popup_id)
    eventually(lambda: views() == 1)
    standby.start()
    eventually(lambda: views() == 1 and "Replica keeps up" in messages(reports, since=before), seconds=15)


def test_from_the_primary_in_time_when_the_replica_says_nothing(
    stack: Stack, standby: Standby, replica: Database, database: Database, shop: Shop, popup_id: str
) -> None:
    """The time that a request has for a connection is not the replica's alone."""
    eventually(lambda: follows(replica, database))
    with proxy_to(standby.port) as proxy:
        proxy.black_hole()
        url = standby.url_of(stack.database_url.rpartition("/")[2]).replace(f":{standby.port}/", f":{proxy.port}/")
        function = stack.start_function("stats", DATABASE_REPLICA_URL=url, DB_CONNECTION_TIMEOUT="2000")
        try:
            answer = requests.get(f"{function.url}/popups/{popup_id}", headers=shop.reader, timeout=30)
            assert answer.status_code == 200, "nothing was left of its two seconds for the primary"
        finally:
            function.stop()


def test_what_the_replica_does_not_have_yet_is_found(
    replica: Database, database: Database, reports: FunctionProcess, shop: Shop, popup_id: str
) -> None:
    eventually(lambda: follows(replica, database))
    requests.get(f"{reports.url}/shop", headers=shop.reader, timeout=30).raise_for_status()
    replica("SELECT pg_wal_replay_pause()")
    new = make_shop(database)
    for path in ("shop", f"popups/{make_popup(database, new)}"):
        assert requests.get(f"{reports.url}/{path}", headers=new.reader, timeout=30).status_code == 200


def test_what_was_read_from_a_replica_that_lags_is_fresh_for_a_second_only(
    stack: Stack,
    standby: Standby,
    replica: Database,
    database: Database,
    track_view: FunctionProcess,
    shop: Shop,
    popup_id: str,
) -> None:
    """Else an event that it lacks would stay hidden for the whole TTL."""
    cached = stack.start_function("stats", DATABASE_REPLICA_URL=standby.url_of(stack.database_url.rpartition("/")[2]))

    def look() -> int:
        answer = requests.get(f"{cached.url}/popups/{popup_id}", headers=shop.reader, timeout=30)
        return int(answer.json()["views"])

    try:
        eventually(lambda: follows(replica, database))
        assert look() == 0
        replica("SELECT pg_wal_replay_pause()")
        record_view(track_view, popup_id)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            look()
            time.sleep(0.1)
        replica("SELECT pg_wal_replay_resume()")
        eventually(lambda: look() == 1, seconds=10)
    finally:
        cached.stop()


def messages(function: FunctionProcess, since: int) -> list[str]:
    return [line["message"] for line in function.log_lines(since)]


class TestTheVerdict:
    """From within: the replica is asked by nobody while it is not at hand."""

    @pytest.fixture(autouse=True)
    def verdict(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(replica_module, "_lag", replica_module._Lag())
        monkeypatch.setattr(replica_module, "has_replica", lambda _: True)

    def test_a_replica_that_fails_between_two_looks_costs_no_request_and_is_left_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []

        @contextmanager
        def connection(*, replica: bool = False) -> Iterator[str]:
            asked.append("replica" if replica else "primary")
            if replica:
                raise DatabaseUnavailable
            yield "the primary's session"

        monkeypatch.setattr(database_module, "connection", connection)
        replica_module._lag.set(0)
        assert [replica_module.read(str) for _ in range(2)] == ["the primary's session"] * 2
        assert asked == ["replica", "primary", "primary"]

    def test_what_takes_too_long_on_the_replica_is_not_asked_of_the_primary_too(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []

        @contextmanager
        def connection(*, replica: bool = False) -> Iterator[str]:
            asked.append("replica" if replica else "primary")
            raise DatabaseTimeout
            yield ""

        monkeypatch.setattr(database_module, "connection", connection)
        replica_module._lag.set(0)
        for _ in range(2):
            with pytest.raises(DatabaseTimeout):
                replica_module.read(str)
        assert asked == ["replica", "replica"]

    @pytest.mark.parametrize(
        ("down", "lag_seconds"), [("primary", 0), ("replica", inf)], ids=["the primary", "the replica"]
    )
    def test_where_only_one_answers_that_one_is_read(
        self, monkeypatch: pytest.MonkeyPatch, down: str, lag_seconds: float
    ) -> None:
        def fetch_one(sql: str, *, replica: bool = False, **_: object) -> dict[str, str]:
            if (down == "replica") is replica:
                raise DatabaseUnavailable
            return {"lsn": "0/0"}

        monkeypatch.setattr(database_module, "fetch_one", fetch_one)
        assert replica_module._lag.keeps_up() is (down == "primary")
        assert replica_module._lag.lag_seconds == lag_seconds

    @pytest.mark.parametrize(
        ("lag_seconds", "fresh_seconds"), [(0, inf), (0.5, inf), (0.6, 1), (5, 1), (5.1, inf), (inf, inf)]
    )
    def test_what_was_read_from_a_replica_that_is_a_little_behind_is_fresh_for_a_second(
        self, lag_seconds: float, fresh_seconds: float
    ) -> None:
        """Beyond five seconds it is the primary that was read."""
        replica_module._lag.set(lag_seconds)
        assert replica_module.fresh_seconds() == fresh_seconds
