"""Scripts that are sent together."""

import uuid
from pathlib import Path

import pytest
import redis

from common.process import waits
from common.redis import RedisDown, Script, _client
from common.redis._nodes import Nodes
from tests.support.stack import PATIENT, Stack


@pytest.fixture
def script(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """One that no server knows yet, outside of any request; it returns its argument."""
    waits._waited.set(None)
    use(stack.valkey.url, monkeypatch)
    path = tmp_path / "script.lua"
    path.write_text(f"-- {uuid.uuid4()}\nreturn ARGV[1]")
    return Script(path)


def use(url: str, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    nodes = Nodes(url + PATIENT)
    monkeypatch.setattr(_client, "nodes", lambda: nodes)
    return nodes


@pytest.mark.parametrize("count", [0, 1, 2, 200])
def test_each_run_has_its_own_result(script: Script, count: int) -> None:
    runs = [("key", [number]) for number in range(count)]
    assert script.run_each(runs) == [b"%d" % number for number in range(count)]


def test_a_script_that_the_server_has_forgotten_is_sent_again(script: Script, stack: Stack) -> None:
    assert script.run_each([("key", ["one"]), ("key", ["two"])]) == [b"one", b"two"]
    with redis.Redis.from_url(stack.valkey.url) as admin:
        admin.script_flush()
    assert script.run_each([("key", ["three"]), ("key", ["four"])]) == [b"three", b"four"]


@pytest.mark.parametrize("count", [1, 2])
def test_what_could_not_be_run_is_told_in_its_place(
    script: Script, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    nodes = use("redis://127.0.0.1:1", monkeypatch)
    results = script.run_each([("key", ["one"])] * count)
    assert [type(result) for result in results] == [RedisDown] * count
    assert not nodes.of("key").breaker.closed
