"""Whatever breaks under load: an accepted event is stored once, none twice, and the tallies equal the events."""

from collections.abc import Callable

import pytest

from cli.dev.embedded import Postgres
from tests.faults.load import Load
from tests.support.proxy import Proxy
from tests.support.stack import Database, FunctionProcess, open_database

Start = Callable[..., FunctionProcess]


def test_a_function_that_is_killed_loses_nothing_it_has_answered_for(
    load: Load, functions: dict[str, FunctionProcess], start: Start
) -> None:
    with load.running():
        for name in functions:
            functions[name].kill()
            load.until_failed()
            functions[name] = start(name)
            load.until_accepted(30)
    load.assert_kept_once()


def test_connections_that_the_server_terminates_lose_nothing(load: Load, server: Postgres, url: str) -> None:
    with load.running(), open_database(server.url) as admin:
        for _ in range(5):
            admin(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = :name AND application_name = 'popups' AND pid <> ALL (:spared::integer[])",
                name=url.rpartition("/")[2],
                spared=[load.database.value("SELECT pg_backend_pid()")],
            )
            load.until_accepted(30)
    load.assert_kept_once()


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_a_postgres_that_is_gone_for_a_while_loses_nothing(load: Load, server: Postgres, url: str, way: str) -> None:
    with load.running():
        getattr(server, way)()
        load.until_failed(20)
        server.start()
        load.until_accepted(30)
    with open_database(url) as load.database:
        load.assert_kept_once()


def test_a_network_that_swallows_everything_loses_nothing(load: Load, proxy: Proxy) -> None:
    with load.running():
        proxy.black_hole()
        load.until_failed(20)
        proxy.heal()
        load.until_accepted(30)
    load.assert_kept_once()


def test_answers_that_come_too_late_lose_nothing_and_count_nothing_twice(load: Load, proxy: Proxy) -> None:
    with load.running():
        proxy.delay(2)  # the statement is committed, and nobody hears of it
        load.until_failed(20)
        proxy.heal()
        load.until_accepted(30)
    load.assert_kept_once()


def test_connections_that_are_cut_at_any_moment_lose_nothing(load: Load, proxy: Proxy) -> None:
    with load.running():
        for _ in range(10):
            proxy.cut()
            load.until_accepted(10)
    load.assert_kept_once()


def test_a_pool_that_is_full_loses_nothing(
    load: Load, functions: dict[str, FunctionProcess], start: Start, own: Database
) -> None:
    functions |= {name: start(name, DB_POOL_MAX="1", DB_STATEMENT_TIMEOUT="5000") for name in functions}
    with load.running():
        own("BEGIN")
        own("LOCK TABLE popup_views, popup_conversions IN ACCESS EXCLUSIVE MODE")
        load.until_failed(5)  # whose flush found the only connection waiting for the table
        own("ROLLBACK")
        load.until_accepted(30)
    assert any("all are in use" in function.logs() for function in functions.values())
    load.assert_kept_once()
