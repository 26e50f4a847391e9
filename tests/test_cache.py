"""The cache: what it promises to those who read, to those who write, and to Postgres."""

import asyncio
import datetime
import gzip
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis
import requests

import common
from common import cache, cache_entry, local_cache, shared_cache
from common.cache_entry import make_entry
from common.local_cache import Held
from tests.factories import Shop, make_popup, make_shop, view
from tests.proxy import Proxy, proxy_to
from tests.stack import Database, FunctionProcess, Stack, eventually

BODY = f"body v{cache_entry.FORMAT}"
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


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database)


def read(function: FunctionProcess, shop_id: str, **headers: str) -> requests.Response:
    return requests.get(function.url, params={"shop_id": shop_id}, headers=headers, timeout=30)


def key_of(shop: Shop) -> str:
    return f"active-popups:{shop.id}"


def fresh_ms(valkey: redis.Redis, key: str, name: str = BODY) -> int:
    """For how long Redis counts an entry as fresh, from when it was stored."""
    fresh_until, stored_at = valkey.hmget(key, f"{name}:fresh_until", f"{name}:stored_at")
    return int(fresh_until) - int(stored_at)


def expire(valkey: redis.Redis, shop: Shop) -> None:
    """Ends an entry's freshness, in Redis and in every memory, for which then no log of changes vouches any more."""
    valkey.hset(key_of(shop), f"{BODY}:fresh_until", int(time.time() * 1000))
    valkey.delete("changes")
    time.sleep(cache.MEMORY_SECONDS + 0.1)


def patch(manage_popups: FunctionProcess, shop: Shop, popup_id: str, **changes: Any) -> None:
    url = f"{manage_popups.url}/popups/{popup_id}"
    requests.patch(url, json=changes, headers=shop.writer, timeout=30).raise_for_status()


def headings(response: requests.Response) -> list[str]:
    return [popup["design"]["heading"] for popup in response.json()["popups"]]


class TestAnswer:
    """Finished bytes, their compressed form and their ETag are one entry."""

    def test_the_first_is_a_miss_and_everybodys_next_a_hit(self, readers: list[FunctionProcess], shop: Shop) -> None:
        first, second = readers
        verdicts = [read(reader, shop.id).headers["X-Cache"] for reader in (first, second, first)]
        assert verdicts == ["MISS", "HIT", "HIT"]

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
        stored = cache_entry.decode(valkey.hget(key_of(shop), BODY))
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
        for name in (f"body v{cache_entry.FORMAT - 1}", f"body v{cache_entry.FORMAT + 1}"):
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
        assert fresh_until_ms <= at.timestamp() * 1000
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
        """The verdicts on BURST requests at once, spread over both instances."""
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
        assert to_postgres.round_trips <= 1 + (time.monotonic() - started) / cache.MEMORY_SECONDS
        eventually(lambda: not valkey.exists("active-popups:nobody-has-this"))

    def test_a_shop_made_meanwhile_is_found(self, readers: list[FunctionProcess], database: Database) -> None:
        shop_id = f"late-{uuid.uuid4().hex[:8]}"
        assert read(readers[0], shop_id).status_code == 404
        make_shop(database, id=shop_id)
        eventually(lambda: read(readers[0], shop_id).status_code == 200)


class TestMemory:
    """The part in the process, looked at from within."""

    def test_it_is_bounded_by_bytes(self) -> None:
        big = make_entry(b"\0" * (local_cache.MEMORY_BYTES // 10))
        self._hold(big, 30)
        assert len(self._found(30)) <= 10
        assert "big 29" in self._found(30), "the oldest makes room"

    def test_what_does_not_exist_has_a_small_room_of_its_own(self) -> None:
        local_cache.hold("a-shop body", self._held(make_entry(b"{}")))
        self._hold(make_entry(None), 3 * local_cache.MAX_ABSENT)
        assert len(self._found(3 * local_cache.MAX_ABSENT)) == local_cache.MAX_ABSENT
        assert local_cache.find("a-shop body")

    def test_what_is_gone_leaves_no_copy_for_an_outage(self) -> None:
        local_cache.hold("gone body", self._held(make_entry(b"{}")))
        local_cache.hold("gone body", self._held(make_entry(None)))
        found = local_cache.find("gone body")
        assert found
        assert found.entry.body is None
        assert local_cache.copy_at_hand("gone body") is None

    def test_a_copy_served_in_an_outage_is_not_kept_longer_for_it(self) -> None:
        now = time.monotonic()
        local_cache.hold("old body", Held(make_entry(b"{}"), "HIT", now - 3, now - 1, now - 1, now + 0.05))
        for _ in range(3):
            if copy := local_cache.copy_at_hand("old body"):
                local_cache.hold_longer("old body", copy, 10)
            time.sleep(0.03)
        assert local_cache.copy_at_hand("old body") is None
        assert local_cache.find("old body") is None

    def test_a_key_is_dropped_with_all_its_entries_and_no_other_key(self) -> None:
        for name in ("old 2026", "old 2025", "older 2026"):
            local_cache.hold(name, self._held(make_entry(b"{}")))
        local_cache.drop("old")
        assert [bool(local_cache.find(name)) for name in ("old 2026", "old 2025", "older 2026")] == [False, False, True]
        local_cache.drop("older")

    def test_what_was_just_loaded_is_served_as_such_while_redis_is_slow_to_take_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken = threading.Event()
        monkeypatch.setattr(shared_cache, "store", lambda *_: taken.wait(10))

        async def ask() -> cache.Cached:
            try:
                return await cache.get("slow", lambda: cache.Loaded(b"{}", 300))
            finally:
                taken.set()

        assert asyncio.run(ask()).verdict == "MISS"

    @pytest.fixture(autouse=True)
    def _forget(self) -> Iterator[None]:
        yield
        for key in ("a-shop", "gone", "old", "slow", "big"):
            local_cache.drop(key)

    def _held(self, entry: cache_entry.Entry) -> Held:
        now = time.monotonic()
        return Held(entry, "HIT", now, now + 60, now + 60, now + 60)

    def _hold(self, entry: cache_entry.Entry, count: int) -> None:
        for number in range(count):
            local_cache.hold(f"big {number}", self._held(entry))

    def _found(self, count: int) -> set[str]:
        names = (f"big {number}" for number in range(count))
        return {name for name in names if local_cache.find(name)}


class Scripts:
    """The Lua files on one key, in any order."""

    def __init__(self, client: redis.Redis, key: str) -> None:
        folder = Path(common.__file__).parent
        self.key = key
        self._read, self._store, self._forget = (
            client.register_script((folder / f"cache_{name}.lua").read_text()) for name in ("read", "store", "forget")
        )

    def read(self, *, trusted_ms: int = 10**12) -> dict[str, Any]:
        names = ("generation", "entry", "fresh_ms", "leased", "forgotten_ms")
        return dict(zip(names, self._read([self.key], ["body", 1000, trusted_ms]), strict=True))

    def store(self, generation: bytes, entry: str, *, fresh: int = 60_000) -> int:
        return int(self._store([self.key], [generation, "body", entry, fresh, 3600_000]))

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
        scripts.forget("second")
        assert scripts.store(slow["generation"], "old") == 0
        assert scripts.read()["entry"] == b""

    def test_nor_after_the_writer_has_put_the_new_in_place(self, scripts: Scripts) -> None:
        slow = scripts.read()
        scripts.forget("second")
        assert scripts.store(b"second", "new") == 1
        assert scripts.store(slow["generation"], "old") == 0
        assert scripts.read()["entry"] == b"new"

    def test_of_two_writers_the_one_whose_drop_came_last_puts_its_state_in_place(self, scripts: Scripts) -> None:
        scripts.forget("first writer")
        scripts.forget("second writer")
        assert scripts.store(b"second writer", "both changes") == 1
        assert scripts.store(b"first writer", "one change") == 0
        assert scripts.read()["entry"] == b"both changes"

    def test_a_reader_that_looked_after_the_drop_may_store(self, scripts: Scripts) -> None:
        scripts.forget("second")
        assert scripts.store(scripts.read()["generation"], "new") == 1

    def test_one_at_a_time_holds_the_lease_and_a_store_ends_it(self, scripts: Scripts) -> None:
        assert [scripts.read()["leased"] for _ in range(3)] == [1, 0, 0]
        scripts.store(b"", "entry", fresh=0)
        assert [scripts.read()["leased"] for _ in range(3)] == [1, 0, 0]

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
        times = {f"body:{name}": an_hour_ahead for name in ("stored_at", "fresh_until", "leased_until")}
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
        patched_at = time.monotonic()
        for reader in readers:
            eventually(lambda reader=reader: headings(read(reader, shop.id)) == ["new"], seconds=3)
        assert time.monotonic() - patched_at < 3
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

    def test_stats_are_fresh_for_a_minute_when_nothing_happens(
        self, stats: FunctionProcess, database: Database, shop: Shop, valkey: redis.Redis
    ) -> None:
        popup_id = make_popup(database, shop)
        requests.get(f"{stats.url}/popups/{popup_id}", headers=shop.reader, timeout=30).raise_for_status()
        fields = valkey.hkeys(f"stats:popup:{popup_id}")
        (name,) = (field.decode().removesuffix(":stored_at") for field in fields if field.endswith(b":stored_at"))
        until_midnight = 86_400 - time.time() % 86_400
        assert min(53.0, until_midnight - 2) <= fresh_ms(valkey, f"stats:popup:{popup_id}", name) / 1000 <= 66
