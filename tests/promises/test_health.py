"""Readiness, which is looked for once a second; and what of the database is logged with it."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests

from common.web import _health
from common.web._health import SELECT_SCHEMA
from tests.support.proxy import proxy_to
from tests.support.stack import PATIENT, Database, FunctionProcess, Stack, eventually, open_database
from tests.support.tracking import at_once, statuses

OTHERS = 6


@pytest.fixture
def plain(stack: Stack, database: Database) -> Iterator[Database]:
    """Yield the database as a role that may only read the ledger of migrations and the default partitions."""
    role = f"plain_{uuid.uuid4().hex[:8]}"
    database(f"CREATE ROLE {role} LOGIN")
    database(f"GRANT SELECT ON schema_migrations, popup_views_default, popup_conversions_default TO {role}")
    user = stack.postgres.user
    with open_database(stack.database_url.replace(f"//{user}:", f"//{role}:")) as opened:
        assert opened.value("SELECT current_user") == role
        yield opened
    database(f"DROP OWNED BY {role}")
    database(f"DROP ROLE {role}")


def test_the_connections_of_all_roles_are_counted(stack: Stack, plain: Database) -> None:
    with ExitStack() as others:
        for _ in range(OTHERS):
            others.enter_context(open_database(stack.database_url))
        (row,) = plain(SELECT_SCHEMA)
    assert OTHERS < row["connections"] < row["max_connections"]


PROBERS = 50


@pytest.mark.parametrize("name", ["get_active_popups", "stats"])
def test_any_number_of_probes_a_second_costs_one_look(
    stack: Stack, start_function: Callable[..., FunctionProcess], name: str
) -> None:
    with proxy_to(stack.postgres.port) as to_postgres, proxy_to(stack.valkey.port) as to_redis:
        database_url = stack.database_url.replace(f":{stack.postgres.port}/", f":{to_postgres.port}/")
        redis_url = f"redis://127.0.0.1:{to_redis.port}/0{PATIENT}"
        function = start_function(name, DATABASE_URL=database_url, REDIS_URL=redis_url)
        eventually(lambda: function.state_of("cache") == "ok")
        time.sleep(_health.FRESH_SECONDS)
        for server in (to_postgres, to_redis):
            server.reset()
        started = time.monotonic()
        answers = at_once([lambda: requests.get(f"{function.url}/_ready", timeout=30)] * 10 * PROBERS, PROBERS)
        looks = 1 + (time.monotonic() - started) / _health.FRESH_SECONDS
    assert statuses(answers) == {200: 10 * PROBERS}
    assert to_redis.round_trips <= 2 * looks  # a script is sent whole once
    assert to_postgres.round_trips <= 2 * looks  # it is pinged, and asked for its schema


def test_who_cannot_wait_for_anothers_look_is_told_that_the_database_is_down() -> None:
    with _health._checking:
        assert _health.check_readiness().database == "down"
