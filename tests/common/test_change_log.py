"""The log of changes: memory is trusted while nothing is added, and no longer than that is known for sure."""

import time
import uuid
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

import common
from common import cache
from common.cache import _changes, _entry, keys
from common.redis import _client
from common.redis._nodes import Nodes
from common.shop.targeting_rules import NEWEST_EDITION
from tests.support.clock import Clock
from tests.support.factories import Shop, make_popup, make_shop
from tests.support.proxy import Proxy, proxy_to
from tests.support.stack import PATIENT, Database, FunctionProcess, Stack, eventually

SHOPS = 20
LOG = "changes"


@pytest.fixture(scope="module")
def valkey(stack: Stack) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(stack.valkey.url) as client:
        yield client


@pytest.fixture(scope="module")
def to_redis(stack: Stack) -> Iterator[Proxy]:
    with proxy_to(stack.valkey.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def reader(stack: Stack, to_redis: Proxy) -> FunctionProcess:
    return stack.start_function("get_active_popups", REDIS_URL=f"redis://127.0.0.1:{to_redis.port}/0{PATIENT}")


def read(function: FunctionProcess, shop: Shop) -> requests.Response:
    answer = requests.get(function.url, params={"shop_id": shop.id}, timeout=30)
    assert answer.status_code == 200
    return answer


def outlive_the_moment() -> None:
    """So long that memory would have to ask again."""
    time.sleep(cache.MEMORY_SECONDS + 0.1)


def vouched_for(function: FunctionProcess, shop: Shop) -> None:
    """Has the function hold the shop's answer, looked at after the log was first asked for."""
    read(function, shop)
    outlive_the_moment()
    read(function, shop)


def tamper(valkey: redis.Redis, shop: Shop) -> bytes:
    """Put another answer into Redis, without a change in the log, and return it: who shows it has read Redis."""
    body = b'{"shop_id": "%s", "popups": []}' % shop.id.encode()
    entry = _entry.encode(_entry.make_entry(body))
    valkey.hset(keys.active_popups(shop.id), f"rules {NEWEST_EDITION} v{_entry.FORMAT}", entry)
    return body


def patch(manage_popups: FunctionProcess, shop: Shop, popup_id: str, heading: str) -> None:
    url, change = f"{manage_popups.url}/popups/{popup_id}", {"design": {"heading": heading}}
    requests.patch(url, json=change, headers=shop.writer, timeout=30).raise_for_status()


def heading(response: requests.Response) -> str:
    return str(response.json()["popups"][0]["design"]["heading"])


def test_an_instance_asks_once_for_all_shops_that_have_not_changed(
    reader: FunctionProcess, database: Database, to_redis: Proxy
) -> None:
    shops = [make_shop(database) for _ in range(SHOPS)]
    for shop in shops:
        vouched_for(reader, shop) if shop is shops[0] else read(reader, shop)
    for _ in range(3):
        outlive_the_moment()
        to_redis.reset()
        started = time.monotonic()
        assert {read(reader, shop).headers["X-Cache"] for shop in shops} == {"HIT"}
        assert to_redis.round_trips <= 1 + (time.monotonic() - started) / _changes.KNOWN_SECONDS


def test_an_edit_is_served_within_two_seconds_though_memory_could_go_on_for_minutes(
    reader: FunctionProcess, manage_popups: FunctionProcess, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop, design={"heading": "first"})
    vouched_for(reader, shop)
    for number in range(3):
        patch(manage_popups, shop, popup_id, f"edit {number}")
        eventually(lambda number=number: heading(read(reader, shop)) == f"edit {number}", seconds=2 + 1)


def test_what_is_not_in_the_log_stays_in_memory_for_as_long_as_it_is_fresh(
    reader: FunctionProcess, shop: Shop, valkey: redis.Redis
) -> None:
    vouched_for(reader, shop)
    tampered = tamper(valkey, shop)
    outlive_the_moment()
    assert read(reader, shop).content != tampered


def lose(valkey: redis.Redis, shop: Shop) -> None:
    valkey.delete(LOG)


def add_to_a_log_that_is_full(valkey: redis.Redis, shop: Shop) -> None:
    valkey.hset(LOG, mapping={f"active-popups:{uuid.uuid4()}": 1 for _ in range(_changes.MAX_CHANGES + 1)})
    Log(valkey).add("active-popups:another-shop")


def add_the_shop(valkey: redis.Redis, shop: Shop) -> None:
    Log(valkey).add(keys.active_popups(shop.id))


def fall_back(valkey: redis.Redis, shop: Shop) -> None:
    """As a replica that was promoted before it had heard of the last changes."""
    valkey.hset(LOG, "number", -1)


@pytest.mark.parametrize("event", [add_the_shop, lose, add_to_a_log_that_is_full, fall_back])
def test_memory_is_not_trusted_any_longer_after(
    reader: FunctionProcess,
    shop: Shop,
    valkey: redis.Redis,
    event: Callable[[redis.Redis, Shop], None],
) -> None:
    vouched_for(reader, shop)
    tampered = tamper(valkey, shop)
    event(valkey, shop)
    eventually(lambda: read(reader, shop).content == tampered, seconds=cache.MEMORY_SECONDS + 1)


def test_memory_is_not_trusted_beyond_an_outage(
    reader: FunctionProcess, shop: Shop, database: Database, to_redis: Proxy
) -> None:
    """Who has missed a change, because Redis was not there to tell, does not go on from where it was."""
    popup_id = make_popup(database, shop, design={"heading": "old"})
    vouched_for(reader, shop)
    to_redis.refuse()
    database("""UPDATE popups SET design = design || '{"heading": "new"}' WHERE id = :id""", id=popup_id)
    eventually(lambda: heading(read(reader, shop)) == "new", seconds=cache.MEMORY_SECONDS + 1)
    to_redis.heal()
    outlive_the_moment()
    assert heading(read(reader, shop)) == "new"


def test_only_what_storefronts_read_is_logged() -> None:
    """Reports change with every event."""
    assert keys.active_popups("acme").startswith(_changes.LOGGED)
    assert not keys.shop_stats("acme").startswith(_changes.LOGGED)
    assert not keys.popup_stats(uuid.uuid4()).startswith(_changes.LOGGED)


class Log:
    """The Lua files on a log, in any order."""

    def __init__(self, client: redis.Redis, key: str = LOG) -> None:
        folder = Path(common.__file__).parent / "cache"
        self._key = key
        self._add, self._read = (
            client.register_script((folder / f"changes_{name}.lua").read_text()) for name in ("add", "read")
        )

    def add(self, *keys: str, epoch: str = "new", most: int = _changes.MAX_CHANGES) -> None:
        self._add([self._key], [epoch, 60_000, most, *keys])

    def read(self, known: int = 0, *, epoch: str = "new") -> tuple[bytes, int, set[bytes]]:
        found: list[Any] = self._read([self._key], [epoch, 60_000, known])
        return found[0], found[1], set(found[2:])


class TestLog:
    @pytest.fixture
    def log(self, valkey: redis.Redis) -> Iterator[Log]:
        key = f"test-changes:{uuid.uuid4()}"
        yield Log(valkey, key)
        valkey.delete(key)

    def test_it_begins_with_whoever_comes_first_and_then_keeps_its_name(self, log: Log) -> None:
        assert log.read(epoch="first") == (b"first", 0, set())
        log.add("a", epoch="second")
        assert log.read(epoch="third") == (b"first", 1, {b"a"})

    def test_it_tells_what_has_changed_since_the_number_that_is_known(self, log: Log) -> None:
        log.add("a", "b")
        log.add("c")
        log.add("a")
        assert log.read() == (b"new", 3, {b"a", b"b", b"c"})
        assert log.read(1) == (b"new", 3, {b"a", b"c"})
        assert log.read(2) == (b"new", 3, {b"a"})
        assert log.read(3) == (b"new", 3, set())

    def test_one_that_is_full_starts_over_as_another_epoch(self, log: Log) -> None:
        log.add(*(f"key {number}" for number in range(5)), epoch="first", most=5)
        assert log.read()[0] == b"first"
        log.add("last", epoch="second", most=5)
        assert log.read() == (b"second", 1, {b"last"})


class TestWhatIsVouchedFor:
    """By what is known of the log; no Redis is asked."""

    def test_nothing_before_the_log_was_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_changes, "_known", None)
        assert _changes.unchanged_until("active-popups:acme", inf) == -inf

    @pytest.mark.parametrize(
        ("key", "looked_at", "until"),
        [
            ("active-popups:quiet", 99.9, -inf),
            ("active-popups:quiet", 100, 201.5),
            ("active-popups:quiet", 200, 201.5),
            ("active-popups:edited", 149.9, -inf),
            ("active-popups:edited", 150, -inf),
            ("active-popups:edited", 150.1, 201.5),
            ("stats:popup:quiet", 200, -inf),
        ],
    )
    def test_what_was_looked_at_since_the_log_is_known_and_after_its_last_change_for_a_second_and_a_half(
        self, monkeypatch: pytest.MonkeyPatch, key: str, looked_at: float, until: float
    ) -> None:
        known = _changes._Known(b"epoch", 7, 100, 200, {b"active-popups:edited": 150})
        monkeypatch.setattr(_changes, "_known", known)
        assert _changes.unchanged_until(key, looked_at) == until


class TestCatchingUp:
    """A real log beside this process."""

    @pytest.fixture
    def log(self, stack: Stack, valkey: redis.Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
        """One of the test's own, of which this process knows nothing yet."""
        key, nodes = f"test-changes:{uuid.uuid4()}", Nodes(stack.valkey.url + PATIENT)
        monkeypatch.setattr(_client, "nodes", lambda: nodes)
        monkeypatch.setattr("common.redis.is_configured", lambda: True)
        monkeypatch.setattr(_changes, "_KEY", key)
        monkeypatch.setattr(_changes, "_known", None)
        yield Log(valkey, key)
        valkey.delete(key)

    def test_the_log_is_asked_for_every_second_and_a_half(self, log: Log, clock: Clock) -> None:
        _changes.catch_up()
        assert _changes.unchanged_until("active-popups:acme", 1000) == 1001.5
        log.add("active-popups:acme")
        clock.now = 1001.4
        _changes.catch_up()
        assert _changes.unchanged_until("active-popups:acme", 1000) == 1001.5, "it need not be asked yet"
        clock.now = 1001.5
        _changes.catch_up()
        assert _changes.unchanged_until("active-popups:acme", 1000) == -inf
        assert _changes.unchanged_until("active-popups:acme", 1001.6) == 1003
        assert _changes.unchanged_until("active-popups:another", 1000) == 1003

    def test_a_change_is_not_forgotten_with_the_next_question(self, log: Log, clock: Clock) -> None:
        _changes.catch_up()
        for name in ("acme", "another", None, None):
            if name:
                log.add(f"active-popups:{name}")
            clock.now += 2
            _changes.catch_up()
        assert _changes.unchanged_until("active-popups:acme", 1002) == -inf
        assert _changes.unchanged_until("active-popups:acme", 1002.1) == 1009.5
        assert _changes.unchanged_until("active-popups:another", 1004) == -inf
        assert _changes.unchanged_until("active-popups:another", 1004.1) == 1009.5

    def test_what_the_log_had_when_first_asked_says_nothing_about_later_looks(self, log: Log, clock: Clock) -> None:
        log.add("active-popups:acme")
        _changes.catch_up()
        assert _changes.unchanged_until("active-popups:acme", 999.9) == -inf
        assert _changes.unchanged_until("active-popups:acme", 1000) == 1001.5

    @pytest.mark.parametrize(
        ("name", "value"),
        [("epoch", "0"), ("epoch", "zero"), ("number", "0")],
        ids=["as another", "as any other", "from further back"],
    )
    def test_of_a_log_that_goes_on_otherwise_nothing_earlier_is_known(
        self, log: Log, clock: Clock, valkey: redis.Redis, name: str, value: str
    ) -> None:
        log.add("active-popups:acme")
        _changes.catch_up()
        assert _changes.unchanged_until("active-popups:acme", 1000) == 1001.5
        valkey.hset(_changes._KEY, name, value)
        clock.now += 2
        _changes.catch_up()
        assert _changes.unchanged_until("active-popups:acme", 1001.9) == -inf
        assert _changes.unchanged_until("active-popups:acme", 1002) == 1003.5

    def test_while_redis_does_not_answer_nothing_is_known_nor_logged(
        self, log: Log, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _changes.catch_up()
        nodes = Nodes("redis://127.0.0.1:1")
        monkeypatch.setattr(_client, "nodes", lambda: nodes)
        clock.now += 2
        _changes.catch_up()
        assert _changes.unchanged_until("active-popups:acme", clock.now) == -inf
        assert _changes.add({"active-popups:acme"}) is False
        assert _changes.add({"stats:popup:acme"}), "of which nothing need be told"

    def test_without_redis_nothing_is_asked(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("common.redis.is_configured", lambda: False)
        _changes.catch_up()
        assert _changes._known is None

    def test_only_what_is_vouched_for_is_logged_and_kept_for_an_hour(self, log: Log, valkey: redis.Redis) -> None:
        assert _changes.add({"active-popups:acme", "stats:popup:acme"})
        epoch, number, keys = log.read()
        assert (len(epoch), number, keys) == (32, 1, {b"active-popups:acme"})
        assert _changes.add(set())
        assert _changes.add({"stats:popup:acme"})
        assert log.read()[1] == 1
        _changes.add({"active-popups:acme"})
        assert _changes.KEPT_SECONDS == 3600
        assert 3_590_000 < valkey.pttl(_changes._KEY) <= 3_600_000

    def test_who_asks_keeps_the_log_for_another_hour(self, log: Log, valkey: redis.Redis) -> None:
        _changes.catch_up()
        assert 3_590_000 < valkey.pttl(_changes._KEY) <= 3_600_000

    def test_a_log_of_a_thousand_changes_is_cut_off(self, log: Log) -> None:
        assert _changes.MAX_CHANGES == 1000
        _changes.add({f"active-popups:{number}" for number in range(1000)})
        epoch = log.read()[0]
        _changes.add({"active-popups:last"})
        assert log.read()[1:] == (1, {b"active-popups:last"})
        assert log.read()[0] != epoch
