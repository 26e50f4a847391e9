"""Postgres refuses or swallows: reads are answered with what there is, writes with a 503 that says when to retry."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
import requests

from common import cache
from common.process import breaker
from common.shop import api_keys
from tests.support.factories import Shop, make_popup, make_shop, view
from tests.support.proxy import Proxy, proxy_to
from tests.support.stack import PATIENT, Database, FunctionProcess, Stack, eventually

FAULTS: dict[str, Callable[[Proxy], None]] = {"refused": Proxy.refuse, "black-holed": Proxy.black_hole}
CONNECTION_TIMEOUT_SECONDS, STATEMENT_TIMEOUT_SECONDS = 2, 1
# Either of them once, on a machine as busy as may be; without them nobody is answered at all.
IN_TIME_SECONDS = 30


@pytest.fixture(scope="module")
def to_postgres(stack: Stack) -> Iterator[Proxy]:
    with proxy_to(stack.postgres.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def to_redis(stack: Stack) -> Iterator[Proxy]:
    with proxy_to(stack.valkey.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def start(stack: Stack, to_postgres: Proxy, to_redis: Proxy) -> Callable[..., FunctionProcess]:
    """Return a function that starts a function whose Postgres and Redis are behind the proxies."""

    def start_function(name: str, **env: str) -> FunctionProcess:
        ours = {
            "DATABASE_URL": stack.database_url.replace(str(stack.postgres.port), str(to_postgres.port)),
            "REDIS_URL": f"redis://127.0.0.1:{to_redis.port}/0{PATIENT}",
            "DB_CONNECTION_TIMEOUT": str(CONNECTION_TIMEOUT_SECONDS * 1000),
            "DB_STATEMENT_TIMEOUT": str(STATEMENT_TIMEOUT_SECONDS * 1000),
        }
        return stack.start_function(name, **ours | env)

    return start_function


@pytest.fixture(scope="module")
def reader(start: Callable[..., FunctionProcess]) -> FunctionProcess:
    return start("get_active_popups")


@pytest.fixture(scope="module")
def reports(start: Callable[..., FunctionProcess]) -> FunctionProcess:
    return start("stats")


@pytest.fixture(scope="module")
def tracker(start: Callable[..., FunctionProcess]) -> FunctionProcess:
    return start("track_view")


@pytest.fixture(scope="module")
def manager(start: Callable[..., FunctionProcess]) -> FunctionProcess:
    return start("manage_popups")


@pytest.fixture(autouse=True)
def healthy(
    to_postgres: Proxy,
    to_redis: Proxy,
    reader: FunctionProcess,
    reports: FunctionProcess,
    tracker: FunctionProcess,
    manager: FunctionProcess,
) -> Iterator[None]:
    """Before each test both servers are there, and the functions have come back by themselves."""
    to_postgres.heal()
    to_redis.heal()
    for function in (reader, reports, tracker, manager):
        eventually(lambda function=function: is_ready(function), seconds=15)
    yield
    to_postgres.heal()
    to_redis.heal()


def is_ready(function: FunctionProcess) -> bool:
    answer = requests.get(f"{function.url}/_ready", timeout=30)
    return (answer.status_code, answer.json()["cache"]) == (200, "ok")


def read(function: FunctionProcess, shop_id: str) -> requests.Response:
    return requests.get(function.url, params={"shop_id": shop_id}, timeout=60)


def expire(stack: Stack, *keys: str) -> None:
    """End the freshness of what is cached under these keys, in Redis and in every instance's memory.

    The log of changes is emptied, so that it vouches for none.
    """
    with redis.Redis.from_url(stack.valkey.url) as valkey:
        for key in keys:
            ends = {field: int(time.time() * 1000) for field in valkey.hkeys(key) if field.endswith(b":fresh_until")}
            valkey.hset(key, mapping=ends)
        valkey.delete("changes")
    time.sleep(cache.MEMORY_SECONDS + 0.1)


def seen(answer: requests.Response) -> tuple[int, str, list[str]]:
    shown = [popup["design"]["heading"] for popup in answer.json()["popups"]]
    return answer.status_code, answer.headers["X-Cache"], shown


def assert_unavailable(answer: requests.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("fault", FAULTS)
class TestOutage:
    def test_storefronts_get_what_was_last_known(
        self, stack: Stack, reader: FunctionProcess, database: Database, shop: Shop, to_postgres: Proxy, fault: str
    ) -> None:
        make_popup(database, shop, design={"heading": "known"})
        read(reader, shop.id)
        expire(stack, f"active-popups:{shop.id}")
        FAULTS[fault](to_postgres)
        assert [seen(read(reader, shop.id)) for _ in range(20)] == [(200, "STALE", ["known"])] * 20
        to_postgres.heal()
        eventually(lambda: read(reader, shop.id).headers["X-Cache"] == "HIT", seconds=15)

    def test_also_from_an_instance_that_starts_in_the_outage(
        self,
        stack: Stack,
        reader: FunctionProcess,
        start: Callable[..., FunctionProcess],
        database: Database,
        shop: Shop,
        to_postgres: Proxy,
        fault: str,
    ) -> None:
        make_popup(database, shop, design={"heading": "known"})
        read(reader, shop.id)
        expire(stack, f"active-popups:{shop.id}")
        FAULTS[fault](to_postgres)
        fresh = start("get_active_popups")
        try:
            eventually(lambda: fresh.state_of("cache") == "ok")
            answers = [read(fresh, shop.id) for _ in range(3)]
        finally:
            fresh.stop()
        assert [seen(answer) for answer in answers] == [(200, "STALE", ["known"])] * 3

    def test_what_nobody_knows_is_a_503_and_most_do_not_wait_for_it(
        self, reader: FunctionProcess, database: Database, to_postgres: Proxy, fault: str
    ) -> None:
        shops = [make_shop(database).id for _ in range(20)]
        FAULTS[fault](to_postgres)
        assert_unavailable(read(reader, shops[0]))  # whoever is first may wait for the connection that was there
        assert_unavailable(read(reader, shops[1]))
        to_postgres.reset()
        started = time.monotonic()
        for shop_id in shops:
            assert_unavailable(read(reader, shop_id))
        assert to_postgres.connections <= 1 + (time.monotonic() - started) / breaker.PAUSE_SECONDS
        assert read(reader, "no shop").status_code == 422
        assert requests.get(f"{reader.url}/_health", timeout=30).status_code == 200
        eventually(lambda: reader.state_of("database") == "down")

    def test_events_are_refused_in_time_and_taken_once_when_sent_again(
        self, tracker: FunctionProcess, database: Database, shop: Shop, to_postgres: Proxy, fault: str
    ) -> None:
        popup_id = make_popup(database, shop)
        requests.post(tracker.url, json=view(popup_id), timeout=30).raise_for_status()  # with a connection at hand
        event = view(popup_id)
        FAULTS[fault](to_postgres)
        for _ in range(3):
            assert_unavailable(requests.post(tracker.url, json=event, timeout=IN_TIME_SECONDS))
        to_postgres.heal()
        eventually(lambda: requests.post(tracker.url, json=event, timeout=30).status_code == 202, seconds=15)
        assert database.value("SELECT sum(views)::int FROM daily_views WHERE popup_id = :id", id=popup_id) == 2

    def test_a_merchants_edit_is_refused_in_time_however_often_it_needs_the_database(
        self, manager: FunctionProcess, database: Database, shop: Shop, to_postgres: Proxy, fault: str
    ) -> None:
        popup = f"{manager.url}/popups/{make_popup(database, shop)}"

        def edit() -> requests.Response:
            return requests.patch(popup, json={"name": "Edited"}, headers=shop.writer, timeout=IN_TIME_SECONDS)

        with ThreadPoolExecutor(4) as pool:  # so that several connections idle, of which none works any more
            assert {answer.status_code for answer in pool.map(lambda _: edit(), range(8))} == {200}
        time.sleep(api_keys.FRESH_SECONDS + 0.1)  # the key is asked for again
        FAULTS[fault](to_postgres)
        assert_unavailable(edit())
        to_postgres.reset()
        started = time.monotonic()
        for _ in range(10):
            assert_unavailable(edit())
        # Most do not wait for what is known.
        assert to_postgres.connections <= 1 + (time.monotonic() - started) / breaker.PAUSE_SECONDS

    def test_reports_are_served_as_they_were(
        self, stack: Stack, reports: FunctionProcess, database: Database, shop: Shop, to_postgres: Proxy, fault: str
    ) -> None:
        popup_id = make_popup(database, shop)
        paths = (f"popups/{popup_id}", "shop")

        def look(path: str) -> requests.Response:
            return requests.get(f"{reports.url}/{path}", headers=shop.reader, timeout=60)

        before = [look(path).content for path in paths]
        expire(stack, f"stats:popup:{popup_id}", f"stats:shop:{shop.id}")
        FAULTS[fault](to_postgres)
        for path, content in zip(paths, before, strict=True):
            answers = [look(path) for _ in range(5)]
            assert {(answer.status_code, answer.headers["X-Cache"]) for answer in answers} == {(200, "STALE")}
            assert {answer.content for answer in answers} == {content}
        unknown = requests.get(f"{reports.url}/shop", headers=make_shop(database).reader, timeout=60)
        assert_unavailable(unknown)

    def test_with_both_down_memory_answers_and_all_comes_back(
        self,
        stack: Stack,
        reader: FunctionProcess,
        database: Database,
        shop: Shop,
        to_postgres: Proxy,
        to_redis: Proxy,
        fault: str,
    ) -> None:
        popup_id = make_popup(database, shop, design={"heading": "known"})
        read(reader, shop.id)
        FAULTS[fault](to_postgres)
        FAULTS[fault](to_redis)
        time.sleep(cache.MEMORY_SECONDS + 0.1)
        assert [seen(read(reader, shop.id)) for _ in range(20)] == [(200, "STALE", ["known"])] * 20
        assert_unavailable(read(reader, make_shop(database).id))
        assert requests.get(f"{reader.url}/_health", timeout=30).status_code == 200
        database("UPDATE popups SET design = jsonb_set(design, '{heading}', '\"changed\"') WHERE id = :id", id=popup_id)
        to_postgres.heal()
        to_redis.heal()
        eventually(lambda: seen(read(reader, shop.id)) == (200, "HIT", ["changed"]), seconds=15)


def test_a_database_that_swallows_blocks_nobody_who_does_not_need_it(
    stack: Stack, start: Callable[..., FunctionProcess], database: Database, shop: Shop, to_postgres: Proxy
) -> None:
    long = {"DB_CONNECTION_TIMEOUT": "200000", "DB_STATEMENT_TIMEOUT": "200000", "RATE_LIMIT_DEFAULT": "100000"}
    function = start("get_active_popups", **long)
    other = make_shop(database)
    read(function, shop.id)
    read(function, other.id)
    expire(stack, f"active-popups:{other.id}")
    to_postgres.black_hole()
    with ThreadPoolExecutor(60) as pool:
        waiting = [pool.submit(read, function, make_shop(database).id) for _ in range(60)]
        time.sleep(0.5)
        try:
            assert requests.get(f"{function.url}/_health", timeout=30).status_code == 200
            for _ in range(500):  # some of them settle their limit with Redis
                assert read(function, shop.id).headers["X-Cache"] in ("HIT", "STALE")
            assert read(function, other.id).headers["X-Cache"] == "STALE"
            assert not any(future.done() for future in waiting), "the others were to wait all the while"
        finally:
            function.kill()
