"""Idempotency-Key when things go wrong in the middle: what was begun is done once, and no key blocks for ever."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, make_discount_code
from tests.support.proxy import Proxy, proxy_to
from tests.support.stack import Database, FunctionProcess, Stack, eventually

KEY = {"Idempotency-Key": "again"}


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    with proxy_to(urlsplit(stack.database_url).port or 5432) as running:
        yield running


@pytest.fixture
def doomed(start_function: Callable[..., FunctionProcess], stack: Stack, proxy: Proxy) -> FunctionProcess:
    """Return an instance that reaches its database through the proxy."""
    url = stack.database_url.replace(f":{urlsplit(stack.database_url).port}", f":{proxy.port}")
    return start_function("manage_popups", DATABASE_URL=url, DB_POOL_MAX="1", DB_POOL_MIN="1")


def names(merchant: Client) -> list[str]:
    return [popup["name"] for popup in merchant.get("/popups").json()["popups"]]


def holds_a_key(database: Database) -> bool:
    """Whether somebody has written, not committed, and does nothing."""
    return bool(
        database.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
        )
    )


@pytest.mark.parametrize("end", ["killed", "cut off"])
def test_who_dies_between_the_work_and_its_answer_leaves_neither_and_the_retry_does_both(
    merchant: Client, doomed: FunctionProcess, proxy: Proxy, shop: Shop, database: Database, end: str
) -> None:
    lost = Client(doomed, shop.write_key)
    assert lost.post("/popups", {"name": "Before"}, headers={"Idempotency-Key": "before"}).status_code == 201
    proxy.delay(3)  # the work is done, and its author has not heard of it
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(lambda: lost.post("/popups", {"name": "Once"}, headers=KEY))
        eventually(lambda: holds_a_key(database), seconds=10)
        if end == "killed":
            doomed.kill()
        else:
            proxy.cut()
        first = merchant.post("/popups", {"name": "Once"}, headers=KEY)
        assert first.status_code == 201
        assert asked.exception() or asked.result().status_code == 503
    assert merchant.post("/popups", {"name": "Once"}, headers=KEY).json() == first.json()
    assert names(merchant) == ["Once", "Before"]


def test_who_comes_while_the_first_is_at_work_waits_and_gets_its_answer(
    merchant: Client, doomed: FunctionProcess, proxy: Proxy, shop: Shop, database: Database
) -> None:
    slow = Client(doomed, shop.write_key)
    assert slow.post("/popups", {"name": "Before"}, headers={"Idempotency-Key": "before"}).status_code == 201
    proxy.delay(1)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(lambda: slow.post("/popups", {"name": "Once"}, headers=KEY))
        eventually(lambda: holds_a_key(database), seconds=10)
        second: requests.Response = merchant.post("/popups", {"name": "Once"}, headers=KEY)
        assert (first.result().status_code, second.status_code) == (201, 201)
        assert second.json() == first.result().json()
    assert names(merchant) == ["Once", "Before"]


def test_a_conflict_with_something_else_is_told_as_such_and_leaves_the_key_free(
    merchant: Client, database: Database, shop: Shop
) -> None:
    make_discount_code(database, shop, code="TAKEN")
    terms = {"type": "fixed", "value": "1"}
    taken = merchant.post("/discount-codes", {"code": "taken", **terms}, headers=KEY)
    assert_problem(taken, 409, "conflict")
    assert merchant.post("/discount-codes", {"code": "FREE", **terms}, headers=KEY).status_code == 201
