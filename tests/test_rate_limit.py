"""Limits: so many requests a minute and client, whoever he says he is and whichever instance he asks."""

import http.client
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
import requests

from common import rate_limit
from common.memory import Memory
from tests.client import Client, assert_problem
from tests.factories import make_popup, make_shop, view
from tests.stack import Database, FunctionProcess, Stack

QUOTA = 5
_addresses = (f"198.51.{third}.{fourth}" for third in range(256) for fourth in range(1, 255))


@pytest.fixture
def address() -> str:
    """A client that nobody has seen yet."""
    return next(_addresses)


@pytest.fixture(scope="module")
def limited(stack: Stack) -> FunctionProcess:
    """An instance behind one proxy."""
    return stack.start_function("get_active_popups", RATE_LIMIT_DEFAULT=str(QUOTA), TRUSTED_PROXIES="1")


@pytest.fixture(scope="module")
def twins(stack: Stack) -> list[FunctionProcess]:
    """Two instances with the real quota, on the same Redis."""
    env = {"RATE_LIMIT_DEFAULT": "1000", "TRUSTED_PROXIES": "1"}
    return [stack.start_function("get_active_popups", **env) for _ in range(2)]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def valkey(stack: Stack) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(stack.valkey.url, decode_responses=True) as client:
        yield client


def ask(function: FunctionProcess, forwarded_for: str | None = None, path: str = "/nothing") -> requests.Response:
    """A request that is counted like any other, though there is nothing at its address."""
    headers = {"X-Forwarded-For": forwarded_for} if forwarded_for else {}
    return Client(function).get(path, headers=headers)


def passes(function: FunctionProcess, forwarded_for: str | None = None) -> bool:
    return ask(function, forwarded_for).status_code != 429


def use_up(function: FunctionProcess, forwarded_for: str | None = None) -> None:
    """All that this client may ask for in a minute."""
    assert [passes(function, forwarded_for) for _ in range(QUOTA + 1)] == [True] * QUOTA + [False]


def test_a_window_that_starts_now_ends_in_60_seconds_at_any_time_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "_windows", Memory(10))
    for nanoseconds in range(1, 10**17, 10**13 + 7):
        monkeypatch.setattr(time, "monotonic_ns", lambda now=nanoseconds: now)
        verdict = rate_limit.hit_in_memory(rate_limit.DEFAULT, str(nanoseconds))
        assert verdict
        assert verdict.reset_seconds == 60


@pytest.mark.parametrize("quota", [1, 2, 5, 100, 1000])
def test_after_the_time_that_is_told_the_next_one_passes(monkeypatch: pytest.MonkeyPatch, quota: int) -> None:
    """And not a second before: over ten minutes of somebody who always comes too early and then in time."""
    clock = itertools.count(10**12)
    monkeypatch.setattr(rate_limit, "_windows", Memory(10))
    monkeypatch.setattr(rate_limit, "quota_of", lambda _: quota)
    monkeypatch.setattr(rate_limit, "_now_ms", lambda: now_ms)
    now_ms, waits = next(clock), 0
    end = now_ms + 600_000
    while now_ms < end:
        verdict = rate_limit.hit_in_memory(rate_limit.DEFAULT, "somebody")
        assert verdict
        now_ms += 1
        if verdict.passes:
            continue
        waits += 1
        assert verdict.retry_after_seconds <= 60
        now_ms += 1000 * (verdict.retry_after_seconds - 1) - 2
        if verdict.retry_after_seconds > 1:
            too_early = rate_limit.hit_in_memory(rate_limit.DEFAULT, "somebody")
            assert too_early
            assert not too_early.passes
        now_ms += 1001
        in_time = rate_limit.hit_in_memory(rate_limit.DEFAULT, "somebody")
        assert in_time
        assert in_time.passes
    assert waits


# What passes and what does not


def test_who_has_used_up_his_limit_is_told_when_to_come_again(limited: FunctionProcess, address: str) -> None:
    use_up(limited, address)
    answer = ask(limited, address)
    assert_problem(answer, 429, "rate_limited")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["RateLimit"].startswith('"default";r=0;t=')
    assert answer.headers["RateLimit-Policy"] == f'"default";q={QUOTA};w=60'
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_what_remains_is_told_with_each_request(limited: FunctionProcess, address: str) -> None:
    answers = [ask(limited, address) for _ in range(QUOTA)]
    told = [answer.headers["RateLimit"].split(";")[1] for answer in answers]
    assert told == [f"r={remaining}" for remaining in reversed(range(QUOTA))]


def test_one_clients_limit_is_not_anothers(limited: FunctionProcess, address: str) -> None:
    use_up(limited, address)
    assert passes(limited, next(_addresses))


def test_a_refused_event_is_not_stored(stack: Stack, database: Database) -> None:
    function = stack.start_function("track_view", RATE_LIMIT_VIEWS="3", REDIS_URL=None)
    popup_id = make_popup(database, make_shop(database))
    answers = [Client(function).post(json=view(popup_id)).status_code for _ in range(6)]
    assert answers == [202] * 3 + [429] * 3
    assert database.value("SELECT count(*) FROM popup_views WHERE popup_id = :id", id=popup_id) == 3


def test_a_limit_holds_before_keys_are_looked_at(stack: Stack, database: Database) -> None:
    """Who guesses keys is slowed down as well."""
    function = stack.start_function("manage_popups", RATE_LIMIT_DEFAULT="2", REDIS_URL=None)
    shop = make_shop(database)
    wrong, right = Client(function, "eip_wrong"), Client(function, shop.write_key)
    assert [wrong.get("/shop").status_code for _ in range(3)] == [401, 401, 429]
    assert right.get("/shop").status_code == 429


def test_probes_and_preflights_are_never_counted_nor_refused(limited: FunctionProcess, address: str) -> None:
    headers = {"X-Forwarded-For": address}
    client = Client(limited)
    uncounted = [("GET", "/_health"), ("GET", "/_ready"), ("OPTIONS", "/")]
    for verb, path in uncounted * 3:
        assert client(verb, path, headers=headers).status_code in (200, 204)
    use_up(limited, address)
    for verb, path in uncounted:
        assert client(verb, path, headers=headers).status_code in (200, 204)


def test_a_limit_of_0_never_refuses(get_active_popups: FunctionProcess) -> None:
    assert all(passes(get_active_popups) for _ in range(150))


def test_at_once_or_one_by_one_the_same_number_passes(stack: Stack) -> None:
    function = stack.start_function("get_active_popups", RATE_LIMIT_DEFAULT="50", REDIS_URL=None)
    with ThreadPoolExecutor(16) as pool:
        passed = sum(pool.map(lambda _: passes(function), range(100)))
    assert passed == 50


# Several instances, and none but this one


def passed_of(functions: list[FunctionProcess], address: str, requests_each: int) -> int:
    """How many requests of a client pass, sent to all instances at once over a few connections each."""

    def send(function: FunctionProcess) -> int:
        with requests.Session() as session:
            session.headers["X-Forwarded-For"] = address
            answers = (session.get(f"{function.url}/nothing", timeout=30) for _ in range(requests_each // 4))
            return sum(answer.status_code != 429 for answer in answers)

    with ThreadPoolExecutor(4 * len(functions)) as pool:
        return sum(pool.map(send, functions * 4))


def test_of_a_limit_of_1000_that_two_instances_share_1000_pass_and_10_more_at_most(
    twins: list[FunctionProcess], address: str
) -> None:
    passed = passed_of(twins, address, 700)
    # Whoever was done before the other used up the rest has not heard of it yet.
    passed += passed_of(twins, address, 20)
    assert 1000 <= passed <= 1010
    assert not any(passes(function, address) for function in twins)


def test_a_small_limit_that_two_instances_share_is_kept_to_the_request(stack: Stack, address: str) -> None:
    env = {"RATE_LIMIT_DEFAULT": "20", "TRUSTED_PROXIES": "1"}
    both = itertools.cycle([stack.start_function("get_active_popups", **env) for _ in range(2)])  # type: ignore[arg-type]
    assert [passes(next(both), address) for _ in range(60)] == [True] * 20 + [False] * 40


def test_a_clock_of_redis_that_was_set_back_locks_nobody_out(
    twins: list[FunctionProcess], valkey: redis.Redis, address: str
) -> None:
    first, second = twins
    passed_of([first], address, 400)
    let_pass(valkey, address, -3600)
    answers = [ask(second, address) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {404}
    assert all(int(answer.headers["RateLimit"].rpartition("t=")[2]) <= 60 for answer in answers)


def test_without_redis_url_an_instance_counts_in_its_memory(stack: Stack) -> None:
    first, second = (
        stack.start_function("get_active_popups", RATE_LIMIT_DEFAULT=str(QUOTA), REDIS_URL=None) for _ in range(2)
    )
    use_up(first)
    use_up(second)


def test_while_redis_is_down_an_instance_counts_in_its_memory(stack: Stack) -> None:
    for name in ("get_active_popups", "manage_popups"):
        function = stack.start_function(name, RATE_LIMIT_DEFAULT=str(QUOTA), REDIS_URL="redis://127.0.0.1:1")
        use_up(function)


# The window


def key_of(address: str) -> str:
    return f"rate-limit:default:{address}"


def let_pass(valkey: redis.Redis, address: str, seconds: int) -> None:
    """As if the client's window had started that much earlier."""
    valkey.hincrby(key_of(address), "start", -seconds * 1000)


def test_the_window_slides_and_what_was_used_comes_back_bit_by_bit(
    twins: list[FunctionProcess], valkey: redis.Redis, address: str
) -> None:
    """Seen from an instance that has not met this client: the one that has would go on by its own clock."""
    first, second = twins
    started = time.monotonic()
    passed_of([first], address, 1200)
    let_pass(valkey, address, 60 + 30)
    passed = passed_of([second], address, 800)
    # Half of the last minute's requests are still in the window; meanwhile more of them slide out.
    slid_out = 1000 / 60 * (time.monotonic() - started)
    assert 400 <= passed <= 600 + slid_out


def test_after_two_minutes_nothing_is_left_of_what_was_used(
    twins: list[FunctionProcess], valkey: redis.Redis, address: str
) -> None:
    first, second = twins
    passed_of([first], address, 1200)
    let_pass(valkey, address, 121)
    assert 1000 <= passed_of([second], address, 1200) <= 1010


def test_who_is_refused_by_the_last_minutes_requests_may_come_again_soon(
    twins: list[FunctionProcess], valkey: redis.Redis, address: str
) -> None:
    first, second = twins
    passed_of([first], address, 1200)
    let_pass(valkey, address, 60)
    passed_of([second], address, 200)  # what has slid out meanwhile
    answer = next(answer for answer in (ask(second, address) for _ in range(100)) if answer.status_code == 429)
    assert int(answer.headers["Retry-After"]) <= 2  # 16 requests slide out of the window each second


def test_what_is_counted_expires_by_itself(limited: FunctionProcess, valkey: redis.Redis, address: str) -> None:
    for _ in range(QUOTA):
        ask(limited, address)
    assert 60_000 < valkey.pttl(key_of(address)) <= 120_000


# Who the client is


def test_without_trusted_proxies_x_forwarded_for_is_worth_nothing(stack: Stack) -> None:
    for name in ("get_active_popups", "manage_popups"):
        function = stack.start_function(name, RATE_LIMIT_DEFAULT=str(QUOTA), TRUSTED_PROXIES=None, REDIS_URL=None)
        forged = itertools.cycle(["1.1.1.1", "2.2.2.2, 3.3.3.3", "::1", "nonsense", None])
        assert [passes(function, next(forged)) for _ in range(QUOTA + 3)] == [True] * QUOTA + [False] * 3


def test_behind_one_proxy_only_the_last_entry_counts(limited: FunctionProcess, address: str) -> None:
    forged = itertools.cycle(["1.1.1.1, {}", "2.2.2.2,3.3.3.3 ,{}", "{}", "unknown, ,,{}", "{}, {}"])
    told = [next(forged).format(address, address) for _ in range(QUOTA + 3)]
    assert [passes(limited, entries) for entries in told] == [True] * QUOTA + [False] * 3
    assert passes(limited, f"{address}, {next(_addresses)}")


def test_a_header_that_came_twice_is_read_as_one(limited: FunctionProcess, address: str) -> None:
    def ask_twice_forwarded(first: str, second: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", limited.port, timeout=5)
        connection.putrequest("GET", "/nothing")
        connection.putheader("X-Forwarded-For", first)
        connection.putheader("X-Forwarded-For", second)
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status

    use_up(limited, address)
    assert ask_twice_forwarded("1.1.1.1", address) == 429
    assert ask_twice_forwarded(address, next(_addresses)) == 404


def test_behind_two_proxies_the_last_entry_but_one_counts(stack: Stack) -> None:
    for name in ("get_active_popups", "stats"):
        function = stack.start_function(
            name, RATE_LIMIT_DEFAULT=str(QUOTA), RATE_LIMIT_STATS=str(QUOTA), TRUSTED_PROXIES="2", REDIS_URL=None
        )
        balancers = itertools.cycle(["10.0.0.1", "10.0.0.2"])
        forged = itertools.cycle(["", "9.9.9.9, ", "8.8.8.8, 7.7.7.7, "])
        told = [f"{next(forged)}203.0.113.9, {next(balancers)}" for _ in range(QUOTA + 1)]
        assert [passes(function, entries) for entries in told] == [True] * QUOTA + [False]
        assert passes(function, "203.0.113.9, 203.0.113.10, 10.0.0.1")
        # Who did not come through both proxies is counted by his own address.
        assert [passes(function, f"203.0.113.{last}") for last in range(QUOTA + 1)] == [True] * QUOTA + [False]


def test_the_addresses_of_an_ipv6_64_are_one_client(limited: FunctionProcess) -> None:
    line = [f"2001:db8:1:2::{last:x}" for last in range(1, QUOTA)] + ["2001:0DB8:1:2:ffff:ffff:ffff:ffff"]
    assert [passes(limited, address) for address in line] == [True] * QUOTA
    assert not passes(limited, "2001:db8:1:2:a:b:c:d")
    assert passes(limited, "2001:db8:1:3::1")


def test_a_port_behind_an_address_makes_no_other_client(limited: FunctionProcess, address: str) -> None:
    use_up(limited, address)
    assert not passes(limited, f"{address}:4711")
    line = ["[2001:db8:7:7::1]:1", "[2001:db8:7:7::2]", "2001:db8:7:7::3", "[2001:db8:7:7::1]:2", "2001:db8:7:7::5"]
    assert [passes(limited, entry) for entry in line] == [True] * QUOTA
    assert not passes(limited, "[2001:db8:7:7::9]:80")


def test_an_ipv4_address_written_as_ipv6_is_the_same_client(limited: FunctionProcess, address: str) -> None:
    use_up(limited, address)
    assert not passes(limited, f"::ffff:{address}")


def test_addresses_that_are_none_share_one_limit(limited: FunctionProcess) -> None:
    nonsense = ["unknown", "_hidden", "999.1.1.1", "1.2.3", "<script>", "x" * 3000, "::1::2"]
    assert [passes(limited, f"1.1.1.1, {entry}") for entry in nonsense] == [True] * QUOTA + [False] * 2
