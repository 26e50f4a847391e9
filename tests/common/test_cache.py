"""The cache: what it promises to those who read, to those who write, and to Postgres."""

import asyncio
import datetime
import gc
import gzip
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis
import requests

import common
from common.cache import _cache, _changes, _entry, _loading, _lookups, _memory, _redis
from common.cache._entry import Cached, Entry, Slot, make_entry
from common.cache._loading import Loaded
from common.cache._redis import LEASE_PAUSES_SECONDS, MAX_NAMES, Lookup
from common.errors import DatabaseUnavailable, PopupNotFound
from common.process import waits
from common.redis import _client
from common.redis._nodes import Nodes
from common.shop.targeting_rules import NEWEST_EDITION
from tests.support.client import PROMISED_SECONDS
from tests.support.clock import Clock
from tests.support.factories import Shop, make_popup, make_shop, view
from tests.support.proxy import Proxy, proxy_to
from tests.support.stack import PATIENT, Database, FunctionProcess, Stack, eventually

BODY = f"rules {NEWEST_EDITION} v{_entry.FORMAT}"
BURST = 500


@pytest.fixture(scope="module")
def valkey(stack: Stack) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(stack.valkey.url) as client:
        yield client


@pytest.fixture(scope="module")
def to_postgres(stack: Stack) -> Iterator[Proxy]:
    with proxy_to(stack.postgres.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def readers(stack: Stack, to_postgres: Proxy) -> list[FunctionProcess]:
    """Two instances of get_active_popups whose round trips to Postgres are counted."""
    url = stack.database_url.replace(str(stack.postgres.port), str(to_postgres.port))
    return [stack.start_function("get_active_popups", DATABASE_URL=url) for _ in range(2)]


def read(function: FunctionProcess, shop_id: str, **headers: str) -> requests.Response:
    return requests.get(function.url, params={"shop_id": shop_id}, headers=headers, timeout=30)


def key_of(shop: Shop) -> str:
    return f"active-popups:{shop.id}"


def as_bytes(value: Any) -> bytes:
    """Encode an answer of Redis as a client does that decodes nothing."""
    assert isinstance(value, bytes)
    return value


def fresh_ms(valkey: redis.Redis, key: str, name: str = BODY) -> int:
    """For how long Redis counts an entry as fresh, from when it was stored."""
    fresh_until, stored_at = valkey.hmget(key, f"{name}:fresh_until", f"{name}:stored_at")
    return int(fresh_until or 0) - int(stored_at or 0)


def expire(valkey: redis.Redis, shop: Shop) -> None:
    """End the freshness of the shop's entry, in Redis and in every instance's memory.

    The log of changes is emptied, so that it vouches for none.
    """
    valkey.hset(key_of(shop), f"{BODY}:fresh_until", int(time.time() * 1000))
    valkey.delete("changes")
    time.sleep(_loading.MEMORY_SECONDS + 0.1)


def patch(manage_popups: FunctionProcess, shop: Shop, popup_id: str, **changes: Any) -> None:
    url = f"{manage_popups.url}/popups/{popup_id}"
    requests.patch(url, json=changes, headers=shop.writer, timeout=30).raise_for_status()


def headings(response: requests.Response) -> list[str]:
    return [popup["design"]["heading"] for popup in response.json()["popups"]]


class TestAnswer:
    """Finished bytes, their compressed form and their ETag are one entry."""

    def test_the_first_is_a_miss_and_everybodys_next_a_hit(
        self, readers: list[FunctionProcess], database: Database
    ) -> None:
        """Of one shop at least: on a busy machine a reader who has waited too long for Redis loads by itself."""
        first, second = readers

        def verdicts() -> list[str]:
            shop = make_shop(database)
            return [read(reader, shop.id).headers["X-Cache"] for reader in (first, second, first)]

        eventually(lambda: verdicts() == ["MISS", "HIT", "HIT"])

    def test_a_304_has_no_body(self, readers: list[FunctionProcess], shop: Shop) -> None:
        etag = read(readers[0], shop.id).headers["ETag"]
        answer = read(readers[1], shop.id, **{"If-None-Match": etag})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
        assert "Content-Length" not in answer.headers

    def test_plain_and_compressed_are_the_same_answer(
        self, readers: list[FunctionProcess], database: Database, shop: Shop, valkey: redis.Redis
    ) -> None:
        for _ in range(5):
            make_popup(database, shop)
        plain = [read(reader, shop.id, **{"Accept-Encoding": "identity"}) for reader in readers]
        zipped = [read(reader, shop.id, **{"Accept-Encoding": "gzip"}) for reader in readers]
        assert {answer.headers.get("Content-Encoding") for answer in plain} == {None}
        assert {answer.headers.get("Content-Encoding") for answer in zipped} == {"gzip"}
        assert len({answer.content for answer in plain + zipped}) == 1
        assert len({answer.headers["ETag"] for answer in plain + zipped}) == 1
        stored: Any = _entry.decode(as_bytes(valkey.hget(key_of(shop), BODY)))
        assert gzip.decompress(stored.gzipped or b"") == stored.body == plain[0].content

    def test_keys_are_those_of_the_contract_one_for_each_shop(
        self, readers: list[FunctionProcess], shop: Shop, valkey: redis.Redis
    ) -> None:
        read(readers[0], shop.id)
        assert valkey.type(key_of(shop)) == b"hash"
        assert "{" not in key_of(shop), "a hash tag would put all shops on one node of a cluster"

    def test_entries_of_another_format_are_ignored(
        self, readers: list[FunctionProcess], shop: Shop, valkey: redis.Redis
    ) -> None:
        for name in (f"rules {NEWEST_EDITION} v{_entry.FORMAT + change}" for change in (-1, 1)):
            valkey.hset(key_of(shop), mapping={name: "another release's", f"{name}:fresh_until": 2**50})
        answer = read(readers[0], shop.id)
        assert (answer.status_code, answer.headers["X-Cache"]) == (200, "MISS")


class TestFreshness:
    def test_entries_are_fresh_for_their_ttl_give_or_take_a_tenth(
        self, readers: list[FunctionProcess], database: Database, valkey: redis.Redis
    ) -> None:
        shops = [make_shop(database) for _ in range(30)]
        for shop in shops:
            read(readers[0], shop.id)
        # A load takes its time from it: a second is for a machine that is very busy.
        seconds = [fresh_ms(valkey, key_of(shop)) / 1000 for shop in shops]
        assert all(270 - 1 <= fresh <= 330 for fresh in seconds)
        assert max(seconds) - min(seconds) > 10, "they would all end together"
        assert all(3600 <= valkey.ttl(key_of(shop)) <= 3600 + 330 for shop in shops), "kept an hour for outages"

    @pytest.mark.parametrize("change", ["starts_at", "ends_at"])
    def test_an_entry_ends_with_the_next_change_of_the_schedule(
        self, readers: list[FunctionProcess], database: Database, shop: Shop, valkey: redis.Redis, change: str
    ) -> None:
        at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=4)
        make_popup(database, shop, **{change: at.isoformat()})
        shown_before = change == "ends_at"
        assert bool(read(readers[0], shop.id).json()["popups"]) is shown_before
        fresh_until_ms = int(valkey.hget(key_of(shop), f"{BODY}:fresh_until") or 0)
        # The way to Redis comes on top: a second is for a machine that is very busy. The TTL is minutes.
        assert fresh_until_ms <= 1000 * (at.timestamp() + 1)
        time.sleep(max(0.0, at.timestamp() - time.time()))
        eventually(lambda: bool(read(readers[1], shop.id).json()["popups"]) is not shown_before)

    def test_an_expired_entry_is_served_while_one_request_refreshes_it(
        self, readers: list[FunctionProcess], shop: Shop, valkey: redis.Redis, to_postgres: Proxy
    ) -> None:
        read(readers[0], shop.id)
        expire(valkey, shop)
        to_postgres.delay(1)
        try:
            answers = [read(reader, shop.id) for reader in (*readers, *readers)]
        finally:
            to_postgres.heal()
        assert {(answer.status_code, answer.headers["X-Cache"]) for answer in answers} == {(200, "STALE")}
        eventually(lambda: read(readers[0], shop.id).headers["X-Cache"] == "HIT")


class TestSingleFlight:
    async def _burst(self, readers: list[FunctionProcess], shop: Shop) -> Counter[str]:
        """Send BURST requests at once, spread over the instances, and count their X-Cache."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as session:

            async def ask(number: int) -> str:
                url = readers[number % len(readers)].url
                async with session.get(url, params={"shop_id": shop.id}) as answer:
                    await answer.read()
                    assert answer.status == 200
                    return answer.headers["X-Cache"]

            return Counter(await asyncio.gather(*map(ask, range(BURST))))

    @pytest.mark.parametrize("copy", ["an old copy", "no copy"])
    def test_a_burst_for_one_shop_over_two_instances_is_one_query(
        self,
        readers: list[FunctionProcess],
        database: Database,
        shop: Shop,
        valkey: redis.Redis,
        to_postgres: Proxy,
        copy: str,
    ) -> None:
        for reader in readers:  # with a connection and its statement at hand
            read(reader, make_shop(database).id)
        if copy == "an old copy":
            read(readers[0], shop.id)
            expire(valkey, shop)
        to_postgres.reset()
        verdicts = asyncio.run(self._burst(readers, shop))
        assert to_postgres.round_trips == 1, verdicts
        assert verdicts.total() == BURST

    def test_a_shop_nobody_has_is_asked_for_once_in_a_while(
        self, readers: list[FunctionProcess], database: Database, to_postgres: Proxy, valkey: redis.Redis
    ) -> None:
        read(readers[0], make_shop(database).id)
        to_postgres.reset()
        started = time.monotonic()
        answers = [read(readers[0], "nobody-has-this") for _ in range(30)]
        assert {answer.status_code for answer in answers} == {404}
        assert to_postgres.round_trips <= 1 + (time.monotonic() - started) / _loading.MEMORY_SECONDS
        eventually(lambda: not valkey.exists("active-popups:nobody-has-this"))

    def test_a_shop_made_meanwhile_is_found(self, readers: list[FunctionProcess], database: Database) -> None:
        shop_id = f"late-{uuid.uuid4().hex[:8]}"
        assert read(readers[0], shop_id).status_code == 404
        make_shop(database, id=shop_id)
        eventually(lambda: read(readers[0], shop_id).status_code == 200)


class TestMemory:
    """The part in the process, looked at from within."""

    def test_it_is_bounded_by_bytes(self) -> None:
        big = make_entry(b"\0" * (_memory.MEMORY_BYTES // 10))
        self._put(big, 30)
        assert len(self._found(30)) <= 10
        assert "29" in self._found(30), "the oldest makes room"

    def test_what_does_not_exist_has_a_small_room_of_its_own(self) -> None:
        _memory.put(Slot("a-shop", "body"), self._cached(make_entry(b"{}")))
        self._put(make_entry(None), 3 * _memory.MAX_ABSENT)
        assert len(self._found(3 * _memory.MAX_ABSENT)) == _memory.MAX_ABSENT
        assert _memory.find(Slot("a-shop", "body"))

    def test_what_is_gone_leaves_no_copy_for_an_outage(self) -> None:
        _memory.put(Slot("gone", "body"), self._cached(make_entry(b"{}")))
        _memory.put(Slot("gone", "body"), self._cached(make_entry(None)))
        found = _memory.find(Slot("gone", "body"))
        assert found
        assert found.entry.body is None
        assert _memory.copy_of(Slot("gone", "body")) is None

    def test_a_copy_served_in_an_outage_is_not_kept_longer_for_it(self) -> None:
        now = time.monotonic()
        _memory.put(Slot("old", "body"), Cached(make_entry(b"{}"), "HIT", now - 3, now - 1, now - 1, now + 0.05))
        for _ in range(3):
            if copy := _memory.copy_of(Slot("old", "body")):
                _memory.serve_stale(Slot("old", "body"), copy, 10)
            time.sleep(0.03)
        assert _memory.copy_of(Slot("old", "body")) is None
        assert _memory.find(Slot("old", "body")) is None

    def test_a_key_is_dropped_with_all_its_entries_and_no_other_key(self) -> None:
        slots = [Slot("old", "2026"), Slot("old", "2025"), Slot("older", "2026")]
        for slot in slots:
            _memory.put(slot, self._cached(make_entry(b"{}")))
        _memory.drop("old")
        assert [bool(_memory.find(slot)) for slot in slots] == [False, False, True]
        _memory.drop("older")

    def test_what_was_just_loaded_is_served_as_such_while_redis_is_slow_to_take_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken = threading.Event()
        monkeypatch.setattr(_redis, "store", lambda *_: taken.wait(10))

        async def ask() -> Cached:
            try:
                return await _cache.get_async("slow", lambda: Loaded(b"{}", 300))
            finally:
                taken.set()

        assert asyncio.run(ask()).verdict == "MISS"

    def test_what_redis_had_is_no_miss_though_the_thread_that_read_it_is_slow_to_return(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answered, look_up_each = threading.Event(), _loading.look_up_each

        def slow_to_return(slots: Sequence[Slot]) -> list[Cached | Lookup]:
            found = look_up_each(slots)
            answered.wait(10)
            return found

        found = Lookup("", make_entry(b"{}"), 60, holds_lease=False, looked_at=time.monotonic())
        monkeypatch.setattr(_loading, "look_up_each", slow_to_return)
        monkeypatch.setattr(_redis, "read_each", lambda _: [found])

        async def ask() -> Cached:
            try:
                return await _cache.get_async("slow", lambda: pytest.fail("it was loaded"))
            finally:
                answered.set()

        assert asyncio.run(ask()).verdict == "HIT"

    @pytest.fixture(autouse=True)
    def _forget(self) -> Iterator[None]:
        yield
        for key in ("a-shop", "gone", "old", "slow", "big"):
            _memory.drop(key)

    def _cached(self, entry: _entry.Entry) -> Cached:
        now = time.monotonic()
        return Cached(entry, "HIT", now, now + 60, now + 60, now + 60)

    def _put(self, entry: _entry.Entry, count: int) -> None:
        for number in range(count):
            _memory.put(Slot("big", str(number)), self._cached(entry))

    def _found(self, count: int) -> set[str]:
        return {name for name in map(str, range(count)) if _memory.find(Slot("big", name))}


@pytest.fixture
def key() -> str:
    """One that no other test has used."""
    return f"key-{uuid.uuid4()}"


class Source:
    """What is cached: counts how often it is asked, and fails when told to."""

    def __init__(self, ttl_seconds: float = 300) -> None:
        self.asked, self.ttl_seconds = 0, ttl_seconds
        self.error: BaseException | None = None

    def __call__(self) -> Loaded:
        self.asked += 1
        if self.error:
            raise self.error
        return Loaded(b"answer %d" % self.asked, self.ttl_seconds)


def read_in_coroutine(key: str, load: Callable[[], Loaded]) -> Cached:
    return asyncio.run(_cache.get_async(key, load))


BOTH_READERS = pytest.mark.parametrize("read", [_cache.get_blocking, read_in_coroutine])


def answer(cached: Cached) -> tuple[bytes | None, str]:
    return cached.entry.body, cached.verdict


class TestHeld:
    """What memory holds, by the times that are written on it."""

    def test_an_entry_is_served_unasked_and_in_need_until_and_not_at_the_end_of_its_times(
        self, clock: Clock, key: str
    ) -> None:
        _memory.put(Slot(key, "body"), Cached(make_entry(b"{}"), "HIT", 1000, 1002, 1003, 1005))
        found = []
        for now in (1000.0, 1001.9, 1002.0, 1004.9, 1005.0):
            clock.now = now
            found.append((bool(_memory.find(Slot(key, "body"))), bool(_memory.copy_of(Slot(key, "body")))))
        assert found == [(True, True), (True, True), (False, True), (False, True), (False, False)]

    def test_an_old_copy_is_held_for_the_seconds_asked_for_as_stale(self, clock: Clock, key: str) -> None:
        held = Cached(make_entry(b"{}"), "HIT", 990, 991, 993, 1005)
        _memory.serve_stale(Slot(key, "body"), held, 2)
        assert _memory.find(Slot(key, "body")) == Cached(held.entry, "STALE", 990, 1002, 993, 1005)

    def test_a_dropped_key_is_also_forgotten_not_to_exist(self, key: str) -> None:
        _memory.put(Slot(key, "body"), Cached(make_entry(None), "HIT", 0, 2**40, 2**40, 2**40))
        assert _memory.find(Slot(key, "body"))
        _memory.drop(key)
        assert _memory.find(Slot(key, "body")) is None

    def test_memory_has_32_mebibytes_and_room_for_1000_names_that_do_not_exist(self) -> None:
        assert (_memory.MEMORY_BYTES, _memory.MAX_ABSENT) == (32 * 2**20, 1000)


def test_of_many_locks_those_that_nobody_holds_are_dropped() -> None:
    held_slot, idle_slot = Slot("held", "body"), Slot("idle", "body")
    with _cache._lock_of(held_slot):
        held, idle = _cache._lock_of(held_slot), _cache._lock_of(idle_slot)
        for number in range(_cache.MAX_LOCKS + 2):
            _cache._lock_of(Slot("another", str(number)))
        assert _cache._lock_of(held_slot) is held
        assert _cache._lock_of(idle_slot) is not idle
        assert len(_cache._locks) <= _cache.MAX_LOCKS + 1


class TestHowLong:
    """For how long an answer that was loaded now is served, fresh, and kept."""

    @pytest.fixture(autouse=True)
    def without_redis(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Return a list of the seconds of freshness that Redis would be told; Redis itself is not asked."""
        self.told: list[float] = []
        monkeypatch.setattr(_redis, "store", lambda *arguments: self.told.append(arguments[-1]))
        return self.told

    def keep(self, key: str, loaded: Loaded, lookup: Lookup) -> Cached:
        _loading.keep(Slot(key, "body"), loaded, lookup)
        held = _memory.copy_of(Slot(key, "body"))
        assert held
        return held

    def test_its_freshness_counts_from_before_it_was_loaded(
        self, clock: Clock, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(random, "uniform", lambda low, high: high)
        held = self.keep(key, Loaded(b"{}", 100), Lookup(looked_at=995))
        assert (held.verdict, held.looked_at, held.serve_until) == ("HIT", 995, 996.5)
        assert (held.fresh_until, held.keep_until) == pytest.approx((1105, 1105 + 3600))
        assert self.told == pytest.approx([105])

    def test_the_ttl_is_spread_by_a_tenth_to_each_side(self, clock: Clock, key: str) -> None:
        freshness = [self.keep(key, Loaded(b"{}", 100), Lookup(looked_at=1000)).fresh_until for _ in range(200)]
        assert 1090 <= min(freshness) < 1092
        assert 1108 < max(freshness) <= 1110

    def test_it_is_never_fresh_beyond_what_its_content_allows(self, clock: Clock, key: str) -> None:
        held = self.keep(key, Loaded(b"{}", 100, most_seconds=1), Lookup(looked_at=1000))
        assert (held.serve_until, held.fresh_until) == (1001, 1001)

    @pytest.mark.parametrize(
        ("forgotten_seconds", "fresh_seconds"), [(0.0, 1), (0.9, 1), (1.0, 100), (5.0, 100), (None, 100)], ids=str
    )
    def test_of_a_key_that_keeps_changing_an_answer_is_fresh_for_a_second(
        self,
        clock: Clock,
        key: str,
        monkeypatch: pytest.MonkeyPatch,
        forgotten_seconds: float | None,
        fresh_seconds: int,
    ) -> None:
        monkeypatch.setattr(random, "uniform", lambda *_: 1)
        lookup = Lookup(looked_at=1000, forgotten_seconds=forgotten_seconds)
        assert self.keep(key, Loaded(b"{}", 100), lookup).fresh_until == 1000 + fresh_seconds
        assert self.keep(key, Loaded(b"{}", 0.5), lookup).fresh_until == 1000.5

    def test_what_took_longer_to_load_than_it_is_fresh_is_stored_as_a_copy(self, clock: Clock, key: str) -> None:
        self.keep(key, Loaded(b"{}", 1), Lookup(looked_at=990))
        assert self.told == [0]

    def test_the_promises_in_numbers(self) -> None:
        assert (_loading.MEMORY_SECONDS, _cache.PATIENCE_SECONDS, _loading.RETRY_SECONDS) == (1.5, 0.1, 1)
        assert (_loading.CHANGING_SECONDS, _loading.CHANGING_FRESH_SECONDS) == (0.5, 1)


class TestFromRedis:
    """What becomes of what was found in Redis."""

    ENTRY = make_entry(b"{}")

    @pytest.mark.parametrize(
        ("lookup", "verdict"),
        [
            (Lookup(entry=None, holds_lease=True), None),
            (Lookup(entry=None, holds_lease=False), None),
            (Lookup(entry=ENTRY, fresh_seconds=9, holds_lease=False, looked_at=1000), "HIT"),
            (Lookup(entry=ENTRY, fresh_seconds=0, holds_lease=False, looked_at=1000), "STALE"),
            (Lookup(entry=ENTRY, fresh_seconds=-9, holds_lease=False, looked_at=1000), "STALE"),
            (Lookup(entry=ENTRY, fresh_seconds=-9, holds_lease=True, looked_at=1000), None),
        ],
        ids=["nothing", "nothing yet", "fresh", "at its end", "old, and others load", "old, and ours to load"],
    )
    def test_it_is_served_unless_its_finder_shall_load_what_replaces_it(
        self, clock: Clock, key: str, lookup: Lookup, verdict: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_redis, "read_each", lambda _: [lookup])
        found = _loading.look_up(Slot(key, "body"))
        assert (found.verdict if isinstance(found, Cached) else None) == verdict
        assert bool(_memory.copy_of(Slot(key, "body"))) is (lookup.entry is not None)
        assert bool(_memory.find(Slot(key, "body"))) is (lookup.fresh_seconds > 0)


class TestUnchanged:
    """How long memory goes on, where the log of changes vouches for it."""

    @pytest.fixture
    def vouched_until(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
        until: dict[str, float] = {}
        monkeypatch.setattr(_changes, "unchanged_until", lambda key, looked_at: until[key])
        return until

    def test_until_it_is_vouched_for_no_longer_and_never_beyond_its_freshness(
        self, clock: Clock, key: str, vouched_until: dict[str, float]
    ) -> None:
        _memory.put(Slot(key, "body"), Cached(make_entry(b"{}"), "HIT", 990, 991, 1010, 2000))
        for vouched, now, served_until in (
            (1002, 1001.9, 1002),
            (1002, 1002, None),
            (-1, 1003, None),
            (1012, 1009.9, 1010),
            (1012, 1010, None),
        ):
            clock.now, vouched_until[key] = now, vouched
            found = _loading.find_unchanged(Slot(key, "body"))
            assert bool(found) is (served_until is not None)
            held = _memory.find(Slot(key, "body"))
            assert (held.serve_until if held else None) == served_until

    def test_nobody_is_asked_about_what_is_not_held(self, key: str, vouched_until: dict[str, float]) -> None:
        assert _loading.find_unchanged(Slot(key, "body")) is None


class TestLookupsTogether:
    """Lookups of one moment share their way to Redis."""

    @pytest.fixture
    def to_redis(self, stack: Stack) -> Iterator[Proxy]:
        with proxy_to(stack.valkey.port) as proxy:
            yield proxy

    @pytest.fixture(autouse=True)
    def nodes(self, to_redis: Proxy, monkeypatch: pytest.MonkeyPatch) -> Nodes:
        nodes = Nodes(f"redis://127.0.0.1:{to_redis.port}{PATIENT}")
        monkeypatch.setattr(_client, "nodes", lambda: nodes)
        monkeypatch.setattr("common.redis.is_configured", lambda: True)
        monkeypatch.setattr("common.redis._client.is_configured", lambda: True)
        monkeypatch.setattr(_changes, "_known", None)
        waits._waited.set(None)  # outside of any request
        return nodes

    def test_each_has_its_answer_from_one_round_trip(
        self, to_redis: Proxy, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keys = [f"{key}-{number}" for number in range(_lookups.MAX_LOOKUPS_A_BATCH)]
        for number, each in enumerate(keys):
            _cache.reload(each, partial(Loaded, b"answer %d" % number, 300))
            _memory.drop(each)

        async def ask() -> list[Cached]:
            never = partial(pytest.fail, "it was loaded")
            return await asyncio.gather(*(_cache.get_async(each, never) for each in keys))

        asyncio.run(ask())  # the server knows the scripts from now on
        for each in keys:
            _memory.drop(each)
        monkeypatch.setattr(_changes, "_known", None)
        to_redis.reset()
        found = asyncio.run(ask())
        assert [answer(each) for each in found] == [(b"answer %d" % number, "HIT") for number in range(len(keys))]
        assert to_redis.round_trips == 2, "the log of changes, and all of the lookups"

    def test_while_redis_is_down_nobody_waits_for_the_one_that_probes_it(
        self, to_redis: Proxy, nodes: Nodes, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_lookups._Lookups, "look_up", lambda *_: pytest.fail("it joined the others"))
        nodes.of(key).breaker.record(success=False)
        assert answer(asyncio.run(_cache.get_async(key, Source()))) == (b"answer 1", "MISS")
        assert to_redis.connections == 0


class TestWithoutRedis:
    """The readers on memory alone."""

    @pytest.fixture(autouse=True)
    def no_redis(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("common.redis.is_configured", lambda: False)

    def test_it_is_loaded_once_a_moment(self, clock: Clock, key: str) -> None:
        source = Source()
        assert answer(_cache.get_blocking(key, source)) == (b"answer 1", "MISS")
        clock.now += 1.4
        assert answer(_cache.get_blocking(key, source)) == (b"answer 1", "HIT")
        clock.now += 0.1
        assert answer(_cache.get_blocking(key, source)) == (b"answer 2", "MISS")

    def test_names_under_a_key_are_entries_of_their_own(self, clock: Clock, key: str) -> None:
        source = Source()
        assert [_cache.get_blocking(key, source, name).verdict for name in ("a", "b", "a")] == ["MISS", "MISS", "HIT"]

    @pytest.mark.parametrize("error", [DatabaseUnavailable(), ZeroDivisionError()], ids=["expected", "unexpected"])
    def test_while_it_cannot_be_loaded_the_copy_is_stale_and_asked_for_once_a_second(
        self, clock: Clock, key: str, capsys: pytest.CaptureFixture[str], error: Exception
    ) -> None:
        source = Source()
        _cache.get_blocking(key, source)
        source.error = error
        clock.now += 1000
        assert answer(_cache.get_blocking(key, source)) == (b"answer 1", "STALE")
        clock.now += 0.9
        assert answer(_cache.get_blocking(key, source)) == (b"answer 1", "STALE")
        assert source.asked == 2
        clock.now += 0.2
        assert answer(_cache.get_blocking(key, source)) == (b"answer 1", "STALE")
        assert source.asked == 3
        logged = capsys.readouterr().out.count("A cached answer could not be loaded")
        assert logged == (0 if isinstance(error, DatabaseUnavailable) else 2)
        source.error = None
        clock.now += 1
        assert answer(_cache.get_blocking(key, source)) == (b"answer 4", "MISS")

    @pytest.mark.parametrize("error", [PopupNotFound(), KeyboardInterrupt()], ids=["the caller's", "the end"])
    def test_what_is_no_trouble_of_ours_is_told_though_there_is_a_copy(
        self, clock: Clock, key: str, error: BaseException
    ) -> None:
        source = Source()
        _cache.get_blocking(key, source)
        source.error = error
        clock.now += 10
        with pytest.raises(type(error)):
            _cache.get_blocking(key, source)

    def test_without_a_copy_the_trouble_is_told_and_the_next_may_load(self, clock: Clock, key: str) -> None:
        source = Source()
        source.error = DatabaseUnavailable()
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                _cache.get_blocking(key, source)
        source.error = None
        assert answer(_cache.get_blocking(key, source)) == (b"answer 3", "MISS")

    def test_a_copy_is_kept_for_an_hour_after_its_freshness(self, clock: Clock, key: str) -> None:
        source = Source(ttl_seconds=0)
        _cache.get_blocking(key, source)
        source.error = DatabaseUnavailable()
        clock.now += 3599
        assert _cache.get_blocking(key, source).verdict == "STALE"
        clock.now += 1
        with pytest.raises(DatabaseUnavailable):
            _cache.get_blocking(key, source)

    @pytest.mark.parametrize("copy", [True, False], ids=["with a copy", "without"])
    def test_of_many_threads_one_loads_and_the_others_wait_or_take_the_copy(self, key: str, copy: bool) -> None:
        source, loading, answers = Source(), threading.Event(), []
        if copy:
            now = time.monotonic()
            _memory.put(Slot(key, "body"), Cached(make_entry(b"old"), "HIT", now - 3, now - 1, now - 1, now + 60))

        def slow() -> Loaded:
            assert loading.wait(5)
            return source()

        threads = [
            threading.Thread(target=lambda: answers.append(answer(_cache.get_blocking(key, slow)))) for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        if copy:
            eventually(lambda: len(answers) == 4)
        else:
            time.sleep(3 * _cache.PATIENCE_SECONDS)
        loading.set()
        for thread in threads:
            thread.join()
        others = (b"old", "STALE") if copy else (b"answer 1", "HIT")
        assert Counter(answers) == {(b"answer 1", "MISS"): 1, others: 4}

    @pytest.mark.parametrize("copy", [True, False], ids=["with a copy", "without"])
    def test_who_has_a_copy_waits_a_moment_for_the_one_who_loads_and_who_has_none_to_the_end(
        self, clock: Clock, key: str, monkeypatch: pytest.MonkeyPatch, copy: bool
    ) -> None:
        waits: list[float] = []

        class Lock:
            """Held by another, longer than anybody waits who does not wait to the end."""

            def acquire(self, timeout: float = -1) -> bool:
                waits.append(timeout)
                return timeout == -1

            def release(self) -> None:
                pass

        source = Source()
        if copy:
            _cache.get_blocking(key, source)
            clock.now += 10
        monkeypatch.setattr(_cache, "_lock_of", lambda name: Lock())
        assert _cache.get_blocking(key, source).verdict == ("STALE" if copy else "MISS")
        assert waits == [_cache.PATIENCE_SECONDS if copy else -1]

    def test_what_is_forgotten_is_loaded_anew(self, clock: Clock, key: str) -> None:
        source = Source()
        _cache.get_blocking(key, source)
        _cache.forget(key)
        assert answer(_cache.get_blocking(key, source)) == (b"answer 2", "MISS")

    def test_what_changes_all_the_time_is_forgotten_every_half_second_each_key_for_itself(
        self, clock: Clock, key: str
    ) -> None:
        source, other = Source(), Source()
        verdicts = []
        for _ in range(4):
            verdicts.append(_cache.get_blocking(key, source).verdict)
            _cache.forget_soon(key)
            clock.now += 0.25
        assert verdicts == ["MISS", "MISS", "HIT", "MISS"]
        assert _cache.get_blocking(f"{key}-2", other).verdict == "MISS"
        _cache.forget_soon(key, f"{key}-2")
        assert _cache.get_blocking(f"{key}-2", other).verdict == "MISS"

    def test_what_is_replaced_is_there_for_the_next_reader(self, clock: Clock, key: str) -> None:
        source = Source()
        _cache.get_blocking(key, source)
        _cache.get_blocking(key, source, "another name")
        _cache.reload(key, source)
        assert answer(_cache.get_blocking(key, source)) == (b"answer 3", "HIT")
        assert _cache.get_blocking(key, source, "another name").verdict == "MISS"

    def test_what_cannot_be_replaced_is_forgotten_and_nobody_is_told(self, clock: Clock, key: str) -> None:
        source = Source()
        _cache.get_blocking(key, source)
        source.error = DatabaseUnavailable()
        _cache.reload(key, source)
        source.error = None
        assert answer(_cache.get_blocking(key, source)) == (b"answer 3", "MISS")

    def test_coroutines_share_a_load_and_its_error(self, key: str) -> None:
        source = Source()
        source.error = DatabaseUnavailable()

        async def ask() -> list[Any]:
            return await asyncio.gather(*(_cache.get_async(key, source) for _ in range(5)), return_exceptions=True)

        assert all(isinstance(error, DatabaseUnavailable) for error in asyncio.run(ask()))
        assert source.asked == 1
        source.error = None
        assert {answer(cached) for cached in asyncio.run(ask())} == {(b"answer 2", "MISS")}
        assert {answer(cached) for cached in asyncio.run(ask())} == {(b"answer 2", "HIT")}
        assert not _cache._refreshes

    def test_coroutines_are_given_what_redis_has(self, clock: Clock, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        source = Source()
        found = Lookup(entry=make_entry(b"theirs"), fresh_seconds=0.5, holds_lease=False, looked_at=clock.now)
        monkeypatch.setattr(_redis, "read_each", lambda _: [found])
        assert answer(asyncio.run(_cache.get_async(key, source))) == (b"theirs", "HIT")
        assert source.asked == 0

    def test_coroutines_ask_for_the_log_of_changes_and_for_the_entry_only_if_it_has_changed(
        self, clock: Clock, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _memory.put(Slot(key, "body"), Cached(make_entry(b"ours"), "HIT", 990, 991, 1100, 2000))
        vouched: list[float] = []
        monkeypatch.setattr(_changes, "catch_up", lambda: vouched.append(clock.now + 1.5))
        monkeypatch.setattr(_changes, "unchanged_until", lambda *_: vouched[-1] if vouched else -1)
        monkeypatch.setattr(_redis, "read_each", lambda slots: pytest.fail("asked") if slots else [])
        source = Source()
        assert [answer(asyncio.run(_cache.get_async(key, source))) for _ in range(2)] == [(b"ours", "HIT")] * 2
        assert (vouched, source.asked) == ([1001.5], 0)

    @pytest.mark.parametrize("end", ["an error", "a shutdown"])
    def test_a_refresh_that_nobody_waits_for_any_longer_ends_without_a_sound(self, key: str, end: str) -> None:
        now = time.monotonic()
        _memory.put(Slot(key, "body"), Cached(make_entry(b"old"), "HIT", now - 3, now - 1, now - 1, now + 60))
        loading, heard = threading.Event(), []

        def slow() -> Loaded:
            assert loading.wait(5)
            raise PopupNotFound

        async def story() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
            assert (await _cache.get_async(key, slow)).verdict == "STALE"
            if end == "a shutdown":
                _cache._refreshes[Slot(key, "body")].task.cancel()
            else:
                loading.set()
            while _cache._refreshes:
                await asyncio.sleep(0.01)
            gc.collect()
            loading.set()

        asyncio.run(story())
        assert heard == []

    def test_coroutines_take_the_copy_when_a_load_is_slow_and_no_later_one_waits_as_long_again(
        self, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = time.monotonic()
        _memory.put(Slot(key, "body"), Cached(make_entry(b"old"), "HIT", now - 3, now - 1, now - 1, now + 60))
        source, loading = Source(), threading.Event()

        def slow() -> Loaded:
            assert loading.wait(5)
            return source()

        waits: list[float | None] = []
        wait = asyncio.wait

        def noted(tasks: Any, timeout: float | None = None) -> Any:
            waits.append(timeout)
            return wait(tasks, timeout=timeout)

        async def ask() -> tuple[bytes | None, str]:
            return answer(await _cache.get_async(key, slow))

        async def story() -> None:
            assert await ask() == (b"old", "STALE")
            await asyncio.sleep(_cache.PATIENCE_SECONDS)
            assert await ask() == (b"old", "STALE")
            loading.set()
            while _cache._refreshes:
                await asyncio.sleep(0.01)
            assert await ask() == (b"answer 1", "HIT")

        monkeypatch.setattr(asyncio, "wait", noted)
        asyncio.run(story())
        first, second = waits
        assert first == pytest.approx(_cache.PATIENCE_SECONDS, abs=0.05)
        assert second == 0

    def test_coroutines_without_a_copy_wait_however_long_it_takes(self, key: str) -> None:
        def slow() -> Loaded:
            time.sleep(3 * _cache.PATIENCE_SECONDS)
            return Loaded(b"late", 300)

        assert answer(asyncio.run(_cache.get_async(key, slow))) == (b"late", "MISS")

    @BOTH_READERS
    def test_what_another_process_has_stored_meanwhile_is_served_and_not_loaded(
        self, key: str, monkeypatch: pytest.MonkeyPatch, read: Callable[..., Cached]
    ) -> None:
        source = Source()
        stored: Entry = make_entry(b"theirs")
        found = Lookup(entry=stored, fresh_seconds=10, holds_lease=False, looked_at=time.monotonic())
        lookups = [Lookup(holds_lease=False, looked_at=time.monotonic()), found]
        monkeypatch.setattr(_redis, "read_each", lambda _: [lookups.pop(0)])
        assert answer(read(key, source)) == (b"theirs", "HIT")
        assert source.asked == 0
        assert not lookups

    @BOTH_READERS
    def test_who_holds_the_lease_loads_at_once(
        self, key: str, monkeypatch: pytest.MonkeyPatch, read: Callable[..., Cached]
    ) -> None:
        lookups = [Lookup(looked_at=time.monotonic())]
        monkeypatch.setattr(_redis, "read_each", lambda _: [lookups.pop(0)])
        assert answer(read(key, Source())) == (b"answer 1", "MISS")

    @BOTH_READERS
    def test_who_waits_for_another_process_longer_than_its_lease_loads_himself(
        self, key: str, monkeypatch: pytest.MonkeyPatch, read: Callable[..., Cached]
    ) -> None:
        lookups = list[Lookup]()

        def read_each(_: Sequence[Slot]) -> list[Lookup]:
            lookups.append(Lookup(holds_lease=False, looked_at=time.monotonic()))
            return lookups[-1:]

        monkeypatch.setattr(_redis, "read_each", read_each)
        assert answer(read(key, Source())) == (b"answer 1", "MISS")
        assert len(lookups) == 1 + len(LEASE_PAUSES_SECONDS)

    def test_who_could_not_load_ends_his_lease(self, clock: Clock, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        ended: list[tuple[Slot, str]] = []
        monkeypatch.setattr(_redis, "read_each", lambda _: [Lookup("generation", looked_at=clock.now)])
        monkeypatch.setattr(_redis, "end_lease", lambda *arguments: ended.append(arguments))
        source = Source()
        source.error = DatabaseUnavailable()
        with pytest.raises(DatabaseUnavailable):
            _cache.get_blocking(key, source)
        assert ended == [(Slot(key, "body"), "generation")]


class Scripts:
    """The Lua files on one key, in any order."""

    def __init__(self, client: redis.Redis, key: str) -> None:
        folder = Path(common.__file__).parent / "cache"
        self.key = key
        self._read, self._store, self._forget = (
            client.register_script((folder / f"{name}.lua").read_text()) for name in ("read", "store", "forget")
        )

    def read(self, *, trusted_ms: int = 10**12) -> dict[str, Any]:
        names = ("generation", "entry", "fresh_ms", "leased", "forgotten_ms")
        return dict(zip(names, self._read([self.key], ["body", 1000, trusted_ms]), strict=True))

    def store(self, generation: bytes, entry: str, *, fresh: int = 60_000, name: str = "body") -> int:
        return int(self._store([self.key], [generation, name, entry, fresh, 3600_000, MAX_NAMES]))

    def forget(self, generation: str) -> None:
        self._forget([self.key], [generation, 3600_000])


class TestGenerations:
    """A slow reader never puts back what a writer replaced."""

    @pytest.fixture
    def scripts(self, valkey: redis.Redis) -> Iterator[Scripts]:
        key = f"test-generations:{uuid.uuid4()}"
        yield Scripts(valkey, key)
        valkey.delete(key)

    def test_a_reader_that_looked_before_the_drop_cannot_store(self, scripts: Scripts) -> None:
        slow = scripts.read()
        scripts.forget("5e")
        assert scripts.store(slow["generation"], "old") == 0
        assert scripts.read()["entry"] == b""

    def test_nor_after_the_writer_has_put_the_new_in_place(self, scripts: Scripts) -> None:
        slow = scripts.read()
        scripts.forget("5e")
        assert scripts.store(b"5e", "new") == 1
        assert scripts.store(slow["generation"], "old") == 0
        assert scripts.read()["entry"] == b"new"

    def test_of_two_writers_the_one_whose_drop_came_last_puts_its_state_in_place(self, scripts: Scripts) -> None:
        scripts.forget("f12")
        scripts.forget("5e2")
        assert scripts.store(b"5e2", "both changes") == 1
        assert scripts.store(b"f12", "one change") == 0
        assert scripts.read()["entry"] == b"both changes"

    def test_a_reader_that_looked_after_the_drop_may_store(self, scripts: Scripts) -> None:
        scripts.forget("5e")
        assert scripts.store(scripts.read()["generation"], "new") == 1

    def test_one_at_a_time_holds_the_lease_and_a_store_ends_it(self, scripts: Scripts) -> None:
        assert [scripts.read()["leased"] for _ in range(3)] == [1, 0, 0]
        scripts.store(b"", "entry", fresh=0)
        assert [scripts.read()["leased"] for _ in range(3)] == [1, 0, 0]

    def test_of_many_names_under_a_key_a_few_are_kept_and_who_may_store_is_not_forgotten(
        self, scripts: Scripts, valkey: redis.Redis
    ) -> None:
        scripts.forget("5e")
        for number in range(20 * MAX_NAMES):
            assert scripts.store(b"5e", "entry", name=f"period {number}") == 1
            assert scripts.store(b"f1", "old", name=f"period {number}") == 0
            assert scripts.store(b"5e", "body") == 1  # one that is asked for all the time
        assert valkey.hlen(scripts.key) <= 3 * MAX_NAMES + 5
        found = scripts.read()
        assert (found["generation"], found["entry"], found["leased"]) == (b"5e", b"body", 0)
        assert 0 <= found["forgotten_ms"] < 60_000

    def test_an_entry_from_before_an_outage_is_a_copy_and_not_fresh(self, scripts: Scripts) -> None:
        scripts.store(b"", "entry")
        time.sleep(0.02)
        assert scripts.read(trusted_ms=10_000)["fresh_ms"] > 0
        distrusted = scripts.read(trusted_ms=1)
        assert (distrusted["entry"], distrusted["leased"]) == (b"entry", 1)
        assert distrusted["fresh_ms"] <= 0

    def test_what_was_stored_by_a_clock_that_was_set_back_is_a_copy_and_not_fresh(
        self, scripts: Scripts, valkey: redis.Redis
    ) -> None:
        scripts.read()
        scripts.store(b"", "entry")
        an_hour_ahead = int(time.time() * 1000) + 3_600_000
        times: dict[Any, Any] = {f"body:{name}": an_hour_ahead for name in ("stored_at", "fresh_until", "leased_until")}
        valkey.hset(scripts.key, mapping=times)
        found = scripts.read()
        assert (found["entry"], found["leased"]) == (b"entry", 1)
        assert found["fresh_ms"] <= 0

    def test_through_the_functions_with_a_reader_whose_query_hangs(
        self,
        readers: list[FunctionProcess],
        manage_popups: FunctionProcess,
        get_active_popups: FunctionProcess,
        database: Database,
        shop: Shop,
        valkey: redis.Redis,
        to_postgres: Proxy,
    ) -> None:
        popup_id = make_popup(database, shop, design={"heading": "old"})
        slow = readers[0]
        read(slow, make_shop(database).id)  # with a connection and its statement at hand
        to_postgres.reset()
        to_postgres.delay(1)
        try:
            seen: list[requests.Response] = []
            reading = threading.Thread(target=lambda: seen.append(read(slow, shop.id)))
            reading.start()
            eventually(lambda: to_postgres.round_trips)  # Postgres has answered; the answer is on its way
            patch(manage_popups, shop, popup_id, design={"heading": "new"})
            reading.join()
        finally:
            to_postgres.heal()
        assert headings(seen[0]) == ["old"]
        assert b'"new"' in (valkey.hget(key_of(shop), BODY) or b"")
        assert headings(read(get_active_popups, shop.id)) == ["new"]
        eventually(lambda: headings(read(slow, shop.id)) == ["new"], seconds=3)


class TestWriters:
    def test_a_writer_puts_the_new_answer_in_place(
        self,
        readers: list[FunctionProcess],
        manage_popups: FunctionProcess,
        database: Database,
        shop: Shop,
        to_postgres: Proxy,
    ) -> None:
        popup_id = make_popup(database, shop, design={"heading": "old"})
        assert [headings(read(reader, shop.id)) for reader in readers] == [["old"], ["old"]]
        to_postgres.reset()
        patch(manage_popups, shop, popup_id, design={"heading": "new"})
        for reader in readers:
            eventually(lambda reader=reader: headings(read(reader, shop.id)) == ["new"], seconds=PROMISED_SECONDS)
        assert to_postgres.round_trips == 0, "a reader had to rebuild"

    def test_an_accepted_event_shows_in_stats_within_moments(
        self, stats: FunctionProcess, track_view: FunctionProcess, database: Database, shop: Shop
    ) -> None:
        popup_id = make_popup(database, shop)

        def look() -> requests.Response:
            return requests.get(f"{stats.url}/popups/{popup_id}", headers=shop.reader, timeout=30)

        assert look().json()["views"] == 0
        for count in range(1, 4):
            assert requests.post(track_view.url, json=view(popup_id), timeout=30).status_code == 202
            eventually(lambda count=count: look().json()["views"] == count, seconds=3)
        verdicts = Counter(look().headers["X-Cache"] for _ in range(20))
        assert verdicts["HIT"] >= 15

    def test_who_asks_for_ever_new_periods_fills_no_memory(
        self, stats: FunctionProcess, database: Database, shop: Shop, valkey: redis.Redis
    ) -> None:
        popup_id, first = make_popup(database, shop), datetime.date(2020, 1, 1)
        for days in range(2 * MAX_NAMES + 5):
            url = f"{stats.url}/popups/{popup_id}?from={first}&to={first + datetime.timedelta(days)}"
            requests.get(url, headers=shop.reader, timeout=30).raise_for_status()
        assert valkey.hlen(f"stats:popup:{popup_id}") <= 3 * MAX_NAMES + 5

    def test_stats_are_fresh_for_a_minute_when_nothing_happens(
        self, stats: FunctionProcess, database: Database, shop: Shop, valkey: redis.Redis
    ) -> None:
        popup_id = make_popup(database, shop)
        requests.get(f"{stats.url}/popups/{popup_id}", headers=shop.reader, timeout=30).raise_for_status()
        fields = [as_bytes(field).decode() for field in valkey.hkeys(f"stats:popup:{popup_id}")]
        (name,) = (field.removesuffix(":stored_at") for field in fields if field.endswith(":stored_at"))
        until_midnight = 86_400 - time.time() % 86_400
        assert min(53.0, until_midnight - 2) <= fresh_ms(valkey, f"stats:popup:{popup_id}", name) / 1000 <= 66
