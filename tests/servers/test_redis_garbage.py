"""Whatever stands in Redis under our keys that we have not written is a miss, and is replaced."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from common.cache._changes import KNOWN_SECONDS
from common.cache._entry import FORMAT
from common.shop.targeting_rules import NEWEST_EDITION
from tests.support.client import PROMISED_SECONDS, Client
from tests.support.factories import Shop, make_popup, make_shop
from tests.support.stack import Database, FunctionProcess, Stack, eventually

FIELD = f"rules {NEWEST_EDITION} v{FORMAT}"
FAR = 10**13


@pytest.fixture(scope="module")
def reader(stack: Stack) -> Iterator[FunctionProcess]:
    function = stack.start_function("get_active_popups", RATE_LIMIT_DEFAULT="1000", TRUSTED_PROXIES="1")
    yield function
    function.stop()


@pytest.fixture(scope="module")
def shared(stack: Stack) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(stack.valkey.url) as client:
        yield client


def read(reader: FunctionProcess, shop: Shop) -> str:
    answer = Client(reader).get(f"/?shop_id={shop.id}")
    assert [popup["design"]["heading"] for popup in answer.json()["popups"]] == ["right"]
    return answer.headers["X-Cache"]


def hash_of(client: redis.Redis, key: str, **fields: Any) -> None:
    client.delete(key)
    fresh: dict[Any, Any] = {FIELD: b"", f"{FIELD}:fresh_until": FAR, f"{FIELD}:stored_at": 1}
    client.hset(key, mapping=fresh | fields)


def entry(content: Callable[[bytes], bytes]) -> Callable[[redis.Redis, str], Any]:
    """Fresh, and made of the real one."""

    def put(client: redis.Redis, key: str) -> None:
        stored: Any = client.hget(key, FIELD)
        client.hset(key, FIELD, content(stored or b""))

    return put


GARBAGE: dict[str, Callable[[redis.Redis, str], Any]] = {
    "text": lambda client, key: client.set(key, "garbage"),
    "a list": lambda client, key: client.delete(key) and client.rpush(key, "garbage"),
    "a set": lambda client, key: client.delete(key) and client.sadd(key, "garbage"),
    "an empty entry": entry(lambda _: b""),
    "an entry of bytes": entry(lambda _: bytes(range(256))),
    "an entry of an older form": entry(lambda _: b'{"etag": "W/\\"x\\"", "plain": 2}\n{}'),
    "an entry of JSON without a line": entry(lambda _: b"{}"),
    "an entry of another JSON": entry(lambda _: b'{"a": 1}\n{}'),
    "an entry that begins with a number": entry(lambda _: b"5\n{}"),
    "an entry that is nested deeply": entry(lambda _: b"[" * 100_000),
    "half an entry": entry(lambda real: real[: len(real) // 2]),
    "an entry with a byte changed": entry(lambda real: real[:-20] + b"!" + real[-19:]),
    "an entry with more behind it": entry(lambda real: real + b"!"),
    "times in words": lambda client, key: hash_of(
        client, key, **{f"{FIELD}:{name}": "soon" for name in ("fresh_until", "stored_at", "leased_until")}
    ),
    "a generation of bytes": lambda client, key: hash_of(client, key, generation=b"\xff\xfe", forgotten_at=b"\xff"),
    "times beyond all time": lambda client, key: hash_of(
        client, key, forgotten_at="9" * 400, **{f"{FIELD}:leased_until": "9" * 400}
    ),
}


def test_garbage_in_place_of_an_entry_is_a_miss_and_replaced(
    reader: FunctionProcess, shared: redis.Redis, database: Database
) -> None:
    """Each kind in a shop of its own, all at once: an entry is served unasked for a while, which passes twice."""
    shops = {kind: make_shop(database) for kind in GARBAGE}
    for shop in shops.values():
        make_popup(database, shop, design={"heading": "right"})
        read(reader, shop)
    before = reader.log_bytes()
    for kind, put in GARBAGE.items():
        put(shared, key_of(shops[kind]))
    forget_what_is_in_memory(shared)
    for shop in shops.values():
        read(reader, shop)
    forget_what_is_in_memory(shared)
    # Not fresh any more if the machine was busy, but in the cache.
    assert [kind for kind, shop in shops.items() if read(reader, shop) not in ("HIT", "STALE")] == []
    assert {kind: shared.type(key_of(shop)) for kind, shop in shops.items()} == dict.fromkeys(GARBAGE, b"hash")
    assert {line["severity"] for line in reader.log_lines(since=before)} == {"INFO"}


def key_of(shop: Shop) -> str:
    """Return the key of the shop's entry in Redis."""
    return f"active-popups:{shop.id}"


def forget_what_is_in_memory(shared: redis.Redis) -> None:
    """Wait until it is no longer served unasked, and leave nothing that vouches for it."""
    time.sleep(KNOWN_SECONDS + 0.1)
    shared.delete("changes")


LIMITS: dict[str, Callable[[redis.Redis, str], Any]] = {
    "text": lambda client, key: client.set(key, "garbage"),
    "a list": lambda client, key: client.rpush(key, "garbage"),
    "numbers in words": lambda client, key: client.hset(key, mapping={"start": "x", "current": "nan", "previous": "-"}),
    "no numbers": lambda client, key: client.hset(key, mapping={"start": "inf", "current": "1e5", "previous": b"\xff"}),
}


@pytest.mark.parametrize("put", LIMITS.values(), ids=LIMITS)
def test_garbage_in_place_of_a_count_counts_nothing(
    reader: FunctionProcess, shared: redis.Redis, put: Callable[[redis.Redis, str], Any]
) -> None:
    client = f"203.0.113.{list(LIMITS.values()).index(put)}"
    put(shared, f"rate-limit:default:{client}")
    before = reader.log_bytes()
    for number in range(1, 5):
        answer = Client(reader).get("/nothing", headers={"X-Forwarded-For": client})
        assert answer.headers["RateLimit"].startswith(f'"default";r={1000 - number};t=')
    assert {line["severity"] for line in reader.log_lines(since=before)} == {"INFO"}


LOGS: dict[str, Callable[[redis.Redis], Any]] = {
    "text": lambda client: client.set("changes", "garbage"),
    "a list": lambda client: client.delete("changes") and client.rpush("changes", "garbage"),
    "numbers in words": lambda client: client.hset("changes", "active-popups:x", "soon"),
    "a last number in words": lambda client: client.hset("changes", "number", b"\xff"),
    "no epoch": lambda client: client.hdel("changes", "epoch"),
}


@pytest.mark.parametrize("put", LOGS.values(), ids=LOGS)
def test_garbage_in_place_of_the_log_of_changes_hides_no_edit(
    reader: FunctionProcess,
    manage_popups: FunctionProcess,
    shared: redis.Redis,
    database: Database,
    put: Callable[[redis.Redis], Any],
) -> None:
    shop = make_shop(database)
    popup_id = make_popup(database, shop, design={"heading": "right"})
    read(reader, shop)
    before = reader.log_bytes()
    put(shared)
    edit = {"status": "paused"}
    assert Client(manage_popups, shop.write_key).patch(f"/popups/{popup_id}", edit).status_code == 200
    eventually(lambda: Client(reader).get(f"/?shop_id={shop.id}").json()["popups"] == [], seconds=PROMISED_SECONDS)
    assert shared.type("changes") == b"hash"
    assert {line["severity"] for line in reader.log_lines(since=before)} == {"INFO"}
