"""Limits: so many requests a minute and client, whoever he says he is and whichever instance he asks."""

import http.client
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
import requests

from common.errors import RateLimited
from common.limits import Verdict, _limits
from common.process.bounded import Memory
from common.redis import _client
from common.redis._nodes import Nodes
from tests.support.client import Client, assert_problem
from tests.support.factories import make_popup, make_shop, view
from tests.support.stack import PATIENT, Database, FunctionProcess, Stack, eventually

QUOTA = 5
_addresses = (f"198.51.{third}.{fourth}" for third in range(256) for fourth in range(1, 255))


@pytest.fixture
def address() -> str:
    """Return a client's address that no function has seen yet."""
    return next(_addresses)


@pytest.fixture(scope="module")
def limited(stack: Stack) -> FunctionProcess:
    """Return an instance behind one proxy."""
    return stack.start_function("get_active_popups", RATE_LIMIT_DEFAULT=str(QUOTA), TRUSTED_PROXIES="1")


@pytest.fixture(scope="module")
def twins(stack: Stack) -> list[FunctionProcess]:
    """Two instances with the real quota, on the same Redis."""
    env = {"RATE_LIMIT_DEFAULT": "1000", "TRUSTED_PROXIES": "1"}
    return [stack.start_function("get_active_popups", **env) for _ in range(2)]


@pytest.fixture(scope="module")
def small_twins(stack: Stack) -> list[FunctionProcess]:
    """Two instances with a quota that is settled as the real one is, two hits at a time, in a fifth of the requests."""
    env = {"RATE_LIMIT_DEFAULT": "200", "TRUSTED_PROXIES": "1"}
    return [stack.start_function("get_active_popups", **env) for _ in range(2)]


@pytest.fixture(scope="module")
def valkey(stack: Stack) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(stack.valkey.url, decode_responses=True) as client:
        yield client


def ask(function: FunctionProcess, forwarded_for: str | None = None, path: str = "/nothing") -> requests.Response:
    """Send a request that counts like any other, though nothing is at its path; return the answer."""
    headers = {"X-Forwarded-For": forwarded_for} if forwarded_for else {}
    return Client(function).get(path, headers=headers)


def passes(function: FunctionProcess, forwarded_for: str | None = None) -> bool:
    return ask(function, forwarded_for).status_code != 429


def use_up(function: FunctionProcess, forwarded_for: str | None = None) -> None:
    """All that this client may ask for in a minute."""
    assert [passes(function, forwarded_for) for _ in range(QUOTA + 1)] == [True] * QUOTA + [False]


def test_a_window_that_starts_now_ends_in_60_seconds_at_any_time_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_limits, "_windows", Memory(10))
    for nanoseconds in range(1, 10**17, 10**13 + 7):
        monkeypatch.setattr(time, "monotonic_ns", lambda now=nanoseconds: now)
        verdict = _limits.hit_in_memory(_limits.DEFAULT, str(nanoseconds))
        assert verdict
        assert verdict.reset_seconds == 60


@pytest.mark.parametrize("quota", [1, 2, 5, 100, 1000])
def test_after_the_time_that_is_told_the_next_one_passes(monkeypatch: pytest.MonkeyPatch, quota: int) -> None:
    """And not a second before: over ten minutes of somebody who always comes too early and then in time."""
    clock = itertools.count(10**12)
    monkeypatch.setattr(_limits, "_windows", Memory(10))
    monkeypatch.setattr(_limits, "quota_of", lambda _: quota)
    now_ms, waits = next(clock), 0
    monkeypatch.setattr(_limits, "_now_ms", lambda: now_ms)
    end = now_ms + 600_000
    while now_ms < end:
        verdict = _limits.hit_in_memory(_limits.DEFAULT, "somebody")
        assert verdict
        now_ms += 1
        if verdict.passes:
            continue
        waits += 1
        assert verdict.retry_after_seconds <= 60
        now_ms += 1000 * (verdict.retry_after_seconds - 1) - 2
        if verdict.retry_after_seconds > 1:
            too_early = _limits.hit_in_memory(_limits.DEFAULT, "somebody")
            assert too_early
            assert not too_early.passes
        now_ms += 1001
        in_time = _limits.hit_in_memory(_limits.DEFAULT, "somebody")
        assert in_time
        assert in_time.passes
    assert waits


class Here:
    """The limits of this process, by a clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.now_ms, self.quota, self.reachable = 10**12, 5, False

    def hit(self, client: str = "somebody", name: str = _limits.DEFAULT) -> Verdict:
        verdict = _limits.hit_in_memory(name, client)
        assert verdict, "Redis must be asked first"
        return verdict

    def hits(self, count: int) -> list[bool]:
        return [self.hit().passes for _ in range(count)]

    def window(self, client: str = "somebody") -> _limits._Window:
        window = _limits._windows.get(f"rate-limit:default:{client}")
        assert window
        return window


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    """Without Redis."""
    here = Here()
    monkeypatch.setattr(_limits, "_windows", Memory(10))
    monkeypatch.setattr(_limits, "quota_of", lambda _: here.quota)
    monkeypatch.setattr(_limits, "_now_ms", lambda: here.now_ms)
    monkeypatch.setattr("common.redis.is_reachable", lambda _: here.reachable)
    return here


class TestInMemory:
    """What this process decides by itself."""

    def test_each_hit_is_told_what_is_left_and_for_how_long(self, here: Here) -> None:
        here.quota = 2
        assert here.hit() == Verdict("default", True, 2, 1, 60, 1)
        here.now_ms += 999
        assert here.hit() == Verdict("default", True, 2, 0, 60, 1)
        here.now_ms += 1
        # 59 s of this window, and half of the next: then one of the two has slid out.
        assert here.hit() == Verdict("default", False, 2, 0, 59, 60)

    def test_the_clock_counts_whole_milliseconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "monotonic_ns", lambda: 10**15 - 1)
        assert _limits._now_ms() == 10**9 - 1

    def test_what_was_used_slides_out_evenly_during_the_next_window(self, here: Here) -> None:
        assert here.hits(6) == [True] * 5 + [False]
        here.now_ms += 59_999
        assert here.hits(1) == [False]
        here.now_ms += 1
        assert here.hits(1) == [False], "all of it is still within the last minute"
        here.now_ms += 24_000
        assert [here.hit().remaining for _ in range(2)] == [1, 0]
        assert here.hits(1) == [False]
        here.now_ms += 36_000
        assert here.hits(5) == [True] * 3 + [False] * 2, "of the window before nothing, of the last one its two"

    def test_two_windows_later_nothing_is_left_and_the_window_is_the_running_one(self, here: Here) -> None:
        here.hits(5)
        here.now_ms += 150_000
        assert here.hit() == Verdict("default", True, 5, 4, 30, 1)
        assert here.window() == (10**12 + 120_000, 1, 0, 1)
        here.now_ms += 30_000
        assert here.hit().remaining == 3

    def test_refused_hits_count_for_nothing(self, here: Here) -> None:
        here.hits(50)
        assert here.window() == (10**12, 5, 0, 5)

    def test_whoever_is_over_his_quota_has_nothing_left_and_waits_a_minute_at_the_most(self) -> None:
        """As he may be by what several instances let through."""
        told = _limits._verdict("default", 5, False, _limits._Window(0, current=9), now_ms=0)
        assert told == Verdict("default", False, 5, 0, 60, 60)

    @pytest.mark.parametrize(
        ("quota", "current", "previous"), [(3, 3, 0), (3, 7, 0), (1, 1, 5), (5, 2, 9), (7, 1, 7), (1000, 999, 17)]
    )
    def test_the_wait_ends_with_the_very_millisecond_in_which_one_more_passes(
        self, quota: int, current: int, previous: int
    ) -> None:
        window = _limits._Window(0, current, previous)
        end = int(_limits._wait_ms(window, quota, now_ms=0))
        assert window.at(end).used(end) + 1 <= quota
        assert window.at(end - 1).used(end - 1) + 1 > quota

    def test_every_client_and_every_limit_is_counted_apart(self, here: Here) -> None:
        here.quota = 1
        assert [here.hit("a").passes, here.hit("b").passes, here.hit("a", _limits.VIEWS).passes] == [True] * 3
        assert [here.hit("a").passes, here.hit("b").passes, here.hit("a", _limits.VIEWS).passes] == [False] * 3

    def test_a_limit_of_0_is_off_and_remembers_nobody(self, here: Here) -> None:
        here.quota = 0
        assert here.hit() == _limits.untouched(_limits.DEFAULT) == Verdict("default", True, 0, 0, 60)
        assert _limits._windows.keys() == []

    def test_what_is_not_counted_leaves_the_whole_quota(self, here: Here) -> None:
        assert _limits.untouched(_limits.STATS) == Verdict("stats", True, 5, 5, 60, 0)

    def test_only_who_may_not_pass_is_refused_and_told_when_to_come_again(self, here: Here) -> None:
        _limits.refuse_if_exceeded(here.hit())
        with pytest.raises(RateLimited) as refused:
            _limits.refuse_if_exceeded(Verdict("default", False, 5, 0, 60, 12))
        assert refused.value.headers == {"Retry-After": "12"}


class TestWhenToSettle:
    """When Redis is asked, and what is kept for it meanwhile."""

    @pytest.mark.parametrize(
        ("quota", "current", "hits"),
        [
            (1, 0, 1),
            (2, 0, 1),
            (20, 0, 1),
            (21, 0, 2),
            (21, 10, 1),
            (1000, 0, 2),
            (1000, 499, 2),
            (1000, 500, 1),
            (1999, 0, 2),
            (5000, 0, 6),
            (5000, 2500, 1),
        ],
    )
    def test_a_thousandth_of_the_quota_is_settled_at_a_time_two_at_least_and_each_hit_of_a_small_one_or_past_half(
        self, quota: int, current: int, hits: int
    ) -> None:
        assert _limits._hits_to_settle(_limits._Window(0, current), quota) == hits

    def test_redis_is_asked_before_the_hit_that_makes_it_enough(self, here: Here) -> None:
        here.quota, here.reachable = 5000, True
        assert here.hits(5) == [True] * 5
        assert _limits.hit_in_memory(_limits.DEFAULT, "somebody") is None
        assert here.window() == (10**12, 5, 0, 5), "the hit is counted by whoever asks Redis"

    def test_while_redis_cannot_be_reached_memory_goes_on_alone(self, here: Here) -> None:
        here.quota = 5000
        assert here.hits(20) == [True] * 20
        assert here.window().unsettled == 20

    def test_what_an_outage_left_unsettled_is_settled_with_the_first_hit_after_it(self, here: Here) -> None:
        here.quota = 5000
        here.hits(20)
        here.reachable = True
        assert _limits.hit_in_memory(_limits.DEFAULT, "somebody") is None

    def test_a_refusal_costs_no_round_trip(self, here: Here) -> None:
        here.hits(5)
        here.reachable = True
        assert here.hits(10) == [False] * 10

    def test_what_redis_could_not_be_told_is_counted_here_and_kept_for_it(
        self, here: Here, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nodes = Nodes("redis://127.0.0.1:1")
        monkeypatch.setattr(_client, "nodes", lambda: nodes)
        here.quota = 3
        here.hit()
        verdicts = [_limits.hit(_limits.DEFAULT, "somebody") for _ in range(3)]
        assert [verdict.passes for verdict in verdicts] == [True, True, False]
        assert [verdict.remaining for verdict in verdicts] == [1, 0, 0]
        assert here.window() == (10**12, 3, 0, 3)
        here.now_ms += 120_000
        assert _limits.hit(_limits.DEFAULT, "somebody").remaining == 2
        assert here.window() == (10**12 + 120_000, 1, 0, 1)

    def test_what_was_counted_while_redis_was_waited_for_in_vain_is_kept_as_well(self, here: Here) -> None:
        here.hit()
        _limits._hit_without_redis(_limits.DEFAULT, "somebody", quota=5, unsettled=2)
        assert here.window() == (10**12, 2, 0, 4)

    def test_no_more_than_the_quota_is_kept_for_redis(self, here: Here) -> None:
        """Though the window may have ended while Redis was waited for."""
        _limits._hit_without_redis(_limits.DEFAULT, "somebody", quota=5, unsettled=5)
        assert here.window() == (10**12, 1, 0, 5)


class TestSettling:
    """A real Redis beside this process."""

    @pytest.fixture(autouse=True)
    def nodes(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        nodes = Nodes(stack.valkey.url + PATIENT)
        monkeypatch.setattr(_client, "nodes", lambda: nodes)

    @staticmethod
    def counts(valkey: redis.Redis, address: str) -> list[int]:
        return [int(count or -1) for count in valkey.hmget(key_of(address), "current", "previous")]

    def test_redis_is_told_what_was_counted_here_once(self, here: Here, valkey: redis.Redis, address: str) -> None:
        for _ in range(2):
            here.hit(address)
        assert _limits.hit(_limits.DEFAULT, address) == Verdict("default", True, 5, 2, 60, 1)
        assert self.counts(valkey, address) == [3, 0]
        assert here.window(address)[1:] == (3, 0, 0)
        _limits.hit(_limits.DEFAULT, address)
        assert self.counts(valkey, address) == [4, 0]

    def test_what_is_counted_while_redis_answers_is_settled_the_next_time(
        self, here: Here, valkey: redis.Redis, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = _limits._script.run

        def run_while_others_hit(key: str, arguments: list[int]) -> object:
            answer = run(key, arguments)
            here.hit(address)
            return answer

        with monkeypatch.context() as patched:
            patched.setattr(_limits._script, "run", run_while_others_hit)
            assert _limits.hit(_limits.DEFAULT, address).remaining == 3
        assert here.window(address)[1:] == (2, 0, 1)
        assert _limits.hit(_limits.DEFAULT, address).remaining == 2
        assert self.counts(valkey, address) == [3, 0]

    def test_what_other_instances_counted_is_believed_and_so_is_when_their_window_began(
        self, here: Here, valkey: redis.Redis, address: str
    ) -> None:
        _limits.hit(_limits.DEFAULT, address)
        valkey.hset(key_of(address), mapping={"current": 3, "previous": 2})
        let_pass(valkey, address, 40)
        verdict = _limits.hit(_limits.DEFAULT, address)
        assert (verdict.passes, verdict.remaining) == (True, 1)
        assert 10 <= verdict.reset_seconds <= 20
        assert here.window(address)[1:] == (4, 2, 0)
        valkey.hset(key_of(address), "current", 5)
        assert not _limits.hit(_limits.DEFAULT, address).passes

    def test_what_was_left_of_a_window_that_is_over_is_not_settled_in_the_next(
        self, here: Here, valkey: redis.Redis, address: str
    ) -> None:
        here.hit(address)
        here.now_ms += 61_000
        _limits.hit(_limits.DEFAULT, address)
        assert self.counts(valkey, address) == [1, 0]


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


def answers_of(functions: list[FunctionProcess], address: str, requests_each: int) -> list[requests.Response]:
    """Send a client's requests to all instances at once, over a few connections each; return the answers."""

    def send(function: FunctionProcess) -> list[requests.Response]:
        with requests.Session() as session:
            session.trust_env = False  # to look for proxies costs as much as a request
            session.headers["X-Forwarded-For"] = address
            return [session.get(f"{function.url}/nothing", timeout=30) for _ in range(requests_each // 4)]

    with ThreadPoolExecutor(4 * len(functions)) as pool:
        return list(itertools.chain.from_iterable(pool.map(send, functions * 4)))


def passed_of(functions: list[FunctionProcess], address: str, requests_each: int) -> int:
    """How many of them pass."""
    return sum(answer.status_code != 429 for answer in answers_of(functions, address, requests_each))


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
    both = itertools.cycle([stack.start_function("get_active_popups", **env) for _ in range(2)])
    assert [passes(next(both), address) for _ in range(60)] == [True] * 20 + [False] * 40


def test_what_was_used_up_at_one_instance_no_other_gives_out_of_a_small_limit(
    limited: FunctionProcess, stack: Stack, address: str
) -> None:
    other = stack.start_function("get_active_popups", RATE_LIMIT_DEFAULT=str(QUOTA), TRUSTED_PROXIES="1")
    assert passes(limited, address)
    assert ask(other, address).headers["RateLimit"].startswith(f'"default";r={QUOTA - 2};')
    while passes(limited, address):
        pass
    assert not passes(other, address)


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
    small_twins: list[FunctionProcess], valkey: redis.Redis, address: str
) -> None:
    """Seen from an instance that has not met this client: the one that has would go on by its own clock."""
    first, second = small_twins
    started = time.monotonic()
    passed_of([first], address, 240)
    let_pass(valkey, address, 60 + 30)
    passed = passed_of([second], address, 160)
    # Half of the last minute's requests are still in the window; meanwhile more of them slide out.
    slid_out = 200 / 60 * (time.monotonic() - started)
    assert 80 <= passed <= 120 + slid_out


def test_after_two_minutes_nothing_is_left_of_what_was_used(
    small_twins: list[FunctionProcess], valkey: redis.Redis, address: str
) -> None:
    first, second = small_twins
    passed_of([first], address, 240)
    let_pass(valkey, address, 121)
    assert 200 <= passed_of([second], address, 240) <= 210


def test_who_is_refused_by_the_last_minutes_requests_may_come_again_soon(
    small_twins: list[FunctionProcess], valkey: redis.Redis, address: str
) -> None:
    first, second = small_twins
    passed_of([first], address, 240)
    let_pass(valkey, address, 60)
    # Three requests slide out of the window each second: more come at a time, and the first ones pass.
    refused = eventually(
        lambda: [answer for answer in answers_of([second], address, 40) if answer.status_code == 429], seconds=30
    )
    assert int(refused[-1].headers["Retry-After"]) <= 2


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
