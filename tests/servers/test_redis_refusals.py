"""A Redis that answers reads and refuses writes is as good as none, and is told as that: what it has may be old."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from cli.dev.child import free_port
from cli.dev.embedded import Valkey, valkey
from tests.support.client import PROMISED_SECONDS, Client
from tests.support.factories import Shop, make_popup, make_shop, view
from tests.support.imports import ROOT
from tests.support.stack import PATIENT, Database, FunctionProcess, Stack, eventually
from tests.support.tracking import send

Admin = Callable[[redis.Redis], object]

REFUSALS: dict[str, tuple[Admin, Admin]] = {
    "READONLY": (lambda admin: admin.replicaof("127.0.0.1", free_port()), lambda admin: admin.replicaof("NO", "ONE")),
    "NOREPLICAS": (
        lambda admin: admin.config_set("min-replicas-to-write", 1),
        lambda admin: admin.config_set("min-replicas-to-write", 0),
    ),
    "OOM": (
        lambda admin: admin.config_set("maxmemory", 1, "maxmemory-policy", "noeviction"),
        lambda admin: admin.config_set("maxmemory", 0),
    ),
    "MISCONF": (lambda admin: fail_to_save(admin), lambda admin: admin.config_set("save", "")),
    "NOPERM": (
        lambda admin: admin.acl_setuser("default", enabled=True, nopass=True, categories=["+@all", "-@write"]),
        lambda admin: admin.acl_setuser("default", enabled=True, nopass=True, categories=["+@all"]),
    ),
}


def fail_to_save(admin: redis.Redis) -> None:
    """Has the server fail at a snapshot: its file's name is taken by a folder."""
    (Path(str(admin.config_get("dir")["dir"])) / "dump.rdb" / "full").mkdir(parents=True, exist_ok=True)
    admin.config_set("save", "900 1")
    admin.bgsave()
    eventually(lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with valkey(tmp_path_factory.mktemp("refusing")) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: Valkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url) as client:
        yield client


Functions = dict[str, FunctionProcess]


@pytest.fixture(scope="module")
def functions(stack: Stack, server: Valkey) -> Iterator[Functions]:
    names = ("get_active_popups", "track_view", "manage_popups", "stats")
    started = {name: stack.start_function(name, REDIS_URL=server.url + PATIENT) for name in names}
    yield started
    for function in started.values():
        function.stop()


@pytest.fixture(params=REFUSALS)
def refusal(request: pytest.FixtureRequest, admin: redis.Redis, functions: Functions) -> Iterator[tuple[Admin, Admin]]:
    eventually(lambda: all(function.state_of("cache") == "ok" for function in functions.values()))
    begin, end = REFUSALS[request.param]
    yield begin, end
    end(admin)


def headings(functions: Functions, shop: Shop) -> list[str]:
    answer = Client(functions["get_active_popups"]).get(f"/?shop_id={shop.id}")
    return [popup["design"]["heading"] for popup in answer.json()["popups"]]


def views(functions: Functions, shop: Shop, popup_id: str) -> int:
    return int(Client(functions["stats"], shop.read_key).get(f"/popups/{popup_id}").json()["views"])


def test_readiness_says_down_while_writes_are_refused(
    functions: Functions, admin: redis.Redis, refusal: tuple[Admin, Admin]
) -> None:
    begin, end = refusal
    begin(admin)
    for function in functions.values():
        eventually(lambda function=function: function.state_of("cache") == "down", seconds=PROMISED_SECONDS)
    assert Client(functions["stats"]).get("/_ready").status_code == 200
    end(admin)
    for function in functions.values():
        eventually(lambda function=function: function.state_of("cache") == "ok", seconds=PROMISED_SECONDS)


def test_an_edit_and_a_view_show_within_two_seconds_though_nothing_can_be_dropped(
    functions: Functions, admin: redis.Redis, database: Database, refusal: tuple[Admin, Admin]
) -> None:
    begin, end = refusal
    shop = make_shop(database)
    popup_id = make_popup(database, shop, design={"heading": "old"})
    send(functions["track_view"], view(popup_id)).raise_for_status()
    assert headings(functions, shop) == ["old"]
    assert views(functions, shop, popup_id) == 1
    time.sleep(2)  # what was cached soon after an event is fresh for a second only
    assert views(functions, shop, popup_id) == 1
    begin(admin)
    edit = Client(functions["manage_popups"], shop.write_key)
    assert edit.patch(f"/popups/{popup_id}", {"design": {"heading": "new"}}).status_code == 200
    send(functions["track_view"], view(popup_id)).raise_for_status()
    eventually(lambda: headings(functions, shop) == ["new"], seconds=PROMISED_SECONDS)
    eventually(lambda: views(functions, shop, popup_id) == 2, seconds=PROMISED_SECONDS)
    end(admin)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        assert headings(functions, shop) == ["new"]
        assert views(functions, shop, popup_id) == 2
        time.sleep(0.05)


def test_a_reader_who_comes_seldom_is_not_fooled_either(
    functions: Functions, admin: redis.Redis, database: Database
) -> None:
    """He asks once in a while, and each time it is Redis that is asked: no copy in memory is that young."""
    shop = make_shop(database)
    popup_id = make_popup(database, shop, design={"heading": "old"})
    eventually(lambda: all(function.state_of("cache") == "ok" for function in functions.values()))
    assert headings(functions, shop) == ["old"]
    begin, end = REFUSALS["READONLY"]
    begin(admin)
    try:
        edit = Client(functions["manage_popups"], shop.write_key)
        assert edit.patch(f"/popups/{popup_id}", {"design": {"heading": "new"}}).status_code == 200
        for _ in range(3):
            time.sleep(4)
            assert headings(functions, shop) == ["new"]
    finally:
        end(admin)


ARGUMENTS: dict[str, list[str | int]] = {
    "forget": ["abc", 60_000],
    "read": ["body", 1000, 10**12],
    "store": ["", "body", "entry", 60_000, 60_000, 50],
    "changes_add": ["epoch", 60_000, 1000, "changed"],
    "changes_read": ["epoch", 60_000, 0],
    "proof": [60_000],
    "hit": [100, 60_000, 0],
}
# To drop something frees memory, so that a full server takes it, and what little it writes after that.
DROPPING = {"forget", "store"}


@pytest.mark.parametrize("refused", ["READONLY", "OOM"])
def test_every_script_proves_that_writes_are_taken_also_where_it_finds_all_it_looks_for(
    admin: redis.Redis, refused: str
) -> None:
    scripts = {path.stem: path.read_text() for path in (ROOT / "common").rglob("*.lua")}
    assert scripts.keys() == ARGUMENTS.keys()
    begin, end = REFUSALS[refused]
    taken = set()
    for name in scripts:
        first = "store" if name == "read" else name
        admin.eval(scripts[first], 1, f"script:{name}", *ARGUMENTS[first])
    begin(admin)
    try:
        for name, script in scripts.items():
            with suppress(redis.exceptions.ReadOnlyError, redis.exceptions.OutOfMemoryError):
                admin.eval(script, 1, f"script:{name}", *ARGUMENTS[name])
                taken.add(name)
    finally:
        end(admin)
    assert taken == (DROPPING if refused == "OOM" else set())
