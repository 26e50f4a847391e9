"""The Redis client: scripts that fail fast, and are not tried while a node's breaker is open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha1
from pathlib import Path
from typing import Any, TypeVar

from common import logs
from common.config import settings
from common.process import waits
from common.redis._nodes import Node, nodes

T = TypeVar("T")

PROOF_MS = 60_000
# A request that has waited this long for Redis makes no further call: one more could bring it near 200 ms.
PATIENCE_SECONDS = 0.1


class RedisDown(Exception):
    """Redis did not answer, or its breaker is open."""


class _Redirected(RedisDown):
    """Another node of the cluster has the key: permanently (MOVED), or for this request only (ASK)."""

    def __init__(self, host: str, port: int, *, for_good: bool) -> None:
        self.host, self.port = host, port
        self.for_good = for_good


def is_configured() -> bool:
    return settings().redis_url is not None


def load_client() -> None:
    """Import the client and prepare it, without connecting."""
    nodes()


def is_reachable(key: str) -> bool:
    """Return whether the key's node answered when last asked, or is due for a probe. Never blocks."""
    return is_configured() and nodes().of(key).breaker.would_admit()


def seconds_since_outage(key: str) -> float:
    """Return the seconds since the key's node recovered from an outage; infinite if it had none."""
    return nodes().of(key).breaker.seconds_since_outage()


def prove_writable() -> None:
    """Raise RedisDown unless every node accepts a write: a read-only node would hide invalidations."""
    for node in nodes().all():
        _proof.run(nodes().key_on(node, "rate-limit:proof"), [PROOF_MS])


class Script:
    """A Lua script on one key, sent by its hash once the server knows it."""

    def __init__(self, path: Path) -> None:
        self._source = path.read_text()
        self._sha = sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    def run(self, key: str, arguments: list[Any]) -> Any:
        """Return the script's result, in one round trip. Raises RedisDown."""
        node = nodes().of(key)
        try:
            return _ask(node, lambda client: self._eval(client, key, arguments))
        except _Redirected as redirection:
            owner = nodes().at(redirection.host, redirection.port)
            if not redirection.for_good:
                return _ask(owner, lambda client: self._eval_asking(client, key, arguments))
            with suppress(RedisDown):
                _ask(node, nodes().learn)
            return _ask(owner, lambda client: self._eval(client, key, arguments))

    def run_many(self, runs: dict[str, list[Any]]) -> set[str]:
        """Run the script for each key with its arguments, in one round trip per node.

        Return the keys for which it has run.
        """
        by_node: dict[Node, list[str]] = defaultdict(list)
        for key in runs:
            by_node[nodes().of(key)].append(key)
        done: set[str] = set()
        for node, keys in by_node.items():
            with suppress(RedisDown):
                done |= self._run_on_node(node, {key: runs[key] for key in keys})
        return done

    def _run_on_node(self, node: Node, runs: dict[str, list[Any]]) -> set[str]:
        def pipelined(client: Any) -> list[Any]:
            pipeline = client.pipeline(transaction=False)
            for key, arguments in runs.items():
                pipeline.eval(self._source, 1, key, *arguments)
            answers: list[Any] = pipeline.execute(raise_on_error=False)
            for answer in answers:
                if isinstance(answer, RedisError) and not isinstance(answer, AskError):
                    raise answer
            return answers

        from redis.exceptions import AskError, RedisError

        done = set(runs)
        for key, answer in zip(runs, _ask(node, pipelined), strict=True):
            if isinstance(answer, AskError):
                done.remove(key)
                with suppress(RedisDown):
                    self.run(key, runs[key])
                    done.add(key)
        return done

    def _eval(self, client: Any, key: str, arguments: list[Any]) -> Any:
        from redis.exceptions import NoScriptError

        try:
            return client.evalsha(self._sha, 1, key, *arguments)
        except NoScriptError:
            return client.eval(self._source, 1, key, *arguments)

    def _eval_asking(self, client: Any, key: str, arguments: list[Any]) -> Any:
        pipeline = client.pipeline(transaction=False)
        pipeline.execute_command("ASKING")
        pipeline.eval(self._source, 1, key, *arguments)
        return pipeline.execute()[1]


_proof = Script(Path(__file__).with_name("proof.lua"))


def _ask(node: Node, command: Callable[[Any], T]) -> T:
    """Return `command(client)`. Raises RedisDown, at once while the node's breaker is open."""
    if waits.waited_for("redis") >= PATIENCE_SECONDS or not node.breaker.admits():
        raise RedisDown
    import redis  # 100 ms that a function without Redis never pays

    try:
        with waits.waiting_for("redis"):
            answer = command(node.client)
    except redis.exceptions.AskError as error:
        node.breaker.record(success=True)
        for_good = isinstance(error, redis.exceptions.MovedError)
        raise _Redirected(error.host, error.port, for_good=for_good) from error
    except (redis.RedisError, OSError) as error:
        if isinstance(error, redis.ResponseError):
            # Full, read-only, not permitted: in any case nothing can be written or dropped there. Another server may
            # have taken over the address, which only a new connection finds out.
            logs.write("ERROR", "Redis refused a command", reason=f"{type(error).__name__}: {error}"[:200])
            node.client.connection_pool.disconnect(inuse_connections=False)
        node.breaker.record(success=False)
        _learn_without(node)
        raise RedisDown from error
    node.breaker.record(success=True)
    return answer


def _learn_without(failed: Node) -> None:
    """Ask another node for the cluster's layout: a replica may have taken over the failed node's slots."""
    other = next((node for node in nodes().all() if node is not failed and node.breaker.closed), None)
    if other:
        with suppress(RedisDown):
            _ask(other, nodes().learn)
