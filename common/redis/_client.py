"""The Redis client: scripts that fail fast, and are not tried while a node's breaker is open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha1
from pathlib import Path
from typing import Any, TypeVar

from common import logs
from common.config import settings
from common.process import waits
from common.redis._nodes import Node, nodes

T = TypeVar("T")
# A key and the script's arguments.
Run = tuple[str, list[Any]]

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


def admits(key: str) -> bool:
    """Return whether a call for the current request would be made: it must have patience left. Never blocks."""
    return is_reachable(key) and waits.waited_for("redis") < PATIENCE_SECONDS


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

    def run_each(self, runs: Sequence[Run]) -> list[Any]:
        """Return the result of each run, or a RedisDown in its place; in one round trip per node."""
        by_node: dict[Node, list[int]] = defaultdict(list)
        for place, (key, _) in enumerate(runs):
            by_node[nodes().of(key)].append(place)
        results: list[Any] = [RedisDown() for _ in runs]
        for node, places in by_node.items():
            with suppress(RedisDown):
                of_node = self._run_on_node(node, [runs[place] for place in places])
                for place, result in zip(places, of_node, strict=True):
                    results[place] = result
        return results

    def _run_on_node(self, node: Node, runs: Sequence[Run]) -> list[Any]:
        if len(runs) == 1:  # without a pipeline, which costs half as much again
            return [self.run(*runs[0])]
        from redis.exceptions import AskError

        answers = _ask(node, lambda client: self._eval_each(client, runs))
        return [
            self._run_again(run) if isinstance(answer, AskError) else answer
            for run, answer in zip(runs, answers, strict=True)
        ]

    def _run_again(self, run: Run) -> Any:
        """Return the result from the node to which the presumed one has pointed, or a RedisDown."""
        try:
            return self.run(*run)
        except RedisDown as error:
            return error

    def _eval_each(self, client: Any, runs: Sequence[Run]) -> list[Any]:
        """Return the results, an AskError in place of those that another node has. Raises redis-py's other errors."""
        from redis.exceptions import AskError, NoScriptError, RedisError

        pipeline = client.pipeline(transaction=False)
        for key, arguments in runs:
            pipeline.evalsha(self._sha, 1, key, *arguments)
        answers: list[Any] = pipeline.execute(raise_on_error=False)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            for key, arguments in runs:
                pipeline.eval(self._source, 1, key, *arguments)
            answers = pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, RedisError) and not isinstance(answer, AskError):
                raise answer
        return answers

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
