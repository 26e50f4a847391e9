"""`popups warm`: afterwards no storefront's first shopper waits for Postgres."""

import subprocess
from collections.abc import Iterator

import pytest
import redis
import requests

from cli.dev.child import free_port
from tests.support.factories import make_popup, make_shop
from tests.support.stack import Database, Stack, create_database, open_database

SHOPS = 12


@pytest.fixture(scope="module")
def shops(stack: Stack) -> Iterator[Database]:
    """Yield a database of twelve shops with an active popup, one whose popup is paused, and one without any."""
    with open_database(create_database(stack.postgres, "warm")) as database:
        for number in range(SHOPS):
            make_popup(database, make_shop(database, id=f"warm-{number}"))
        make_popup(database, make_shop(database, id="warm-paused"), status="paused")
        make_shop(database, id="warm-empty")
        yield database


@pytest.fixture
def cache(stack: Stack) -> Iterator[redis.Redis]:
    """Yield the Valkey that the command fills, without entries of this module's shops before and after."""
    client = redis.Redis.from_url(stack.valkey.url)

    def clear() -> None:
        for key in client.scan_iter("active-popups:warm-*"):
            client.delete(key)

    clear()
    yield client
    clear()


def warm(stack: Stack, shops: Database, **env: str) -> subprocess.CompletedProcess[str]:
    return stack.popups("warm", **{"DATABASE_URL": shops.url, "REDIS_URL": stack.valkey.url, **env})


def keys(cache: redis.Redis) -> set[str]:
    return {key.decode() for key in cache.scan_iter("active-popups:warm-*")}


def test_every_active_shop_is_filled_and_no_other(stack: Stack, shops: Database, cache: redis.Redis) -> None:
    result = warm(stack, shops)
    assert (result.returncode, result.stdout) == (0, f"{SHOPS} filled, 0 already fresh, 0 failed\n")
    assert keys(cache) == {f"active-popups:warm-{number}" for number in range(SHOPS)}


def test_what_is_fresh_is_left_alone(stack: Stack, shops: Database, cache: redis.Redis) -> None:
    warm(stack, shops)
    cache.delete("active-popups:warm-3")
    result = warm(stack, shops)
    assert (result.returncode, result.stdout) == (0, f"1 filled, {SHOPS - 1} already fresh, 0 failed\n")


def test_a_function_serves_what_was_filled_without_a_database(
    stack: Stack, shops: Database, cache: redis.Redis
) -> None:
    warm(stack, shops)
    function = stack.start_function("get_active_popups", DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/nothing")
    try:
        answer = requests.get(function.url, params={"shop_id": "warm-0"})
        assert (answer.status_code, answer.headers["X-Cache"]) == (200, "HIT")
    finally:
        function.stop()


def test_shops_that_could_not_be_filled_are_counted_and_fail_the_command(
    stack: Stack, shops: Database, cache: redis.Redis
) -> None:
    """Their popups are counted in a table that somebody holds longer than a statement may take."""
    shops("BEGIN")
    shops("LOCK TABLE daily_views")
    try:
        result = warm(stack, shops, DB_STATEMENT_TIMEOUT="300")
    finally:
        shops("ROLLBACK")
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == f"0 filled, 0 already fresh, {SHOPS} failed"


def test_without_redis_there_is_nothing_to_fill(stack: Stack, shops: Database) -> None:
    result = warm(stack, shops, REDIS_URL="")
    assert (result.returncode, result.stdout) == (0, "REDIS_URL is unset: there is no shared cache to fill\n")


@pytest.mark.parametrize("missing", ["REDIS_URL", "DATABASE_URL"])
def test_a_server_that_is_down_is_one_plain_line(stack: Stack, shops: Database, missing: str) -> None:
    scheme = {"REDIS_URL": "redis", "DATABASE_URL": "postgresql"}[missing]
    result = warm(stack, shops, **{missing: f"{scheme}://127.0.0.1:{free_port()}"})
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1
