"""Measure the worst minutes of a fleet: ten instances, beside ten no-ops that were started alike."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.load import Round
from benchmarks.processes import cpu_seconds
from benchmarks.report import table
from benchmarks.run import Run
from benchmarks.servers import Server
from benchmarks.traffic import READS_PER_SECOND, Traffic, furthest_asked

FUNCTION = "get_active_popups"
OUTAGE_SECONDS = 10
# Shorter than the outage: when it ends, every entry has to be loaded anew.
SHORT_TTL = {"CACHE_TTL_POPUPS": "5"}

SELECT_SESSIONS = "SELECT sum(sessions)::int AS sessions FROM pg_stat_database"


@dataclass(frozen=True)
class _Minute:
    """What the clients saw, and what the fleet used: seconds of CPU, connections, commands, who was asked."""

    seen: Round
    cpu_seconds: float
    connections: int
    commands: int
    asked: Counter[str]


def fleet(run: Run) -> str:
    """Measure a fleet in its worst minutes, beside no-ops that were started in the same way."""
    traffic = Traffic(run)
    with traffic.instances("hello_aio") as noops:
        empty = _measure(run, traffic, noops)
    minutes = {
        "no-op, aio: ten new ones": empty,
        "ten new instances, Redis empty": _started_without_cache(run, traffic),
        "after FLUSHALL": _flushed(run, traffic),
        "ten new instances, Redis warm": _deployed(run, traffic),
        "after Postgres was away": _recovered(run, traffic),
    }
    columns = ("", "requests", "p50 ms", "p99 ms", "p99 of no-ops", "errors")
    used = ("CPU ms a request", "loads", "connections", "Redis commands")
    rows = [_row(name, minute, empty) for name, minute in minutes.items()]
    about = f"{READS_PER_SECOND} requests a second for {traffic.seconds} s each, the instances on one core."
    return f"{about}\n\n" + table((*columns, *used), rows)


def _started_without_cache(run: Run, traffic: Traffic) -> _Minute:
    _flush(run)
    with traffic.instances(FUNCTION) as instances:
        return _measure(run, traffic, instances)


def _flushed(run: Run, traffic: Traffic) -> _Minute:
    with traffic.instances(FUNCTION) as instances:
        traffic.visit_all(instances)
        return _measure(run, traffic, instances, before=lambda: _flush(run))


def _deployed(run: Run, traffic: Traffic) -> _Minute:
    with traffic.instances(FUNCTION) as instances:
        traffic.visit_all(instances[:1])
    with traffic.instances(FUNCTION) as instances:
        return _measure(run, traffic, instances)


def _recovered(run: Run, traffic: Traffic) -> _Minute:
    with traffic.instances(FUNCTION, **SHORT_TTL) as instances:
        traffic.visit_all(instances)
        run.bench.postgres.stop()
        try:
            traffic.send(instances, OUTAGE_SECONDS)
        finally:
            run.bench.postgres.start()
        return _measure(run, traffic, instances)


def _measure(
    run: Run, traffic: Traffic, instances: Sequence[Server], before: Callable[[], None] = lambda: None
) -> _Minute:
    cpu, sessions, asked = _cpu_seconds(instances), _sessions(run), _asked(instances)
    before()
    commands = _commands(run)
    seen = traffic.send(instances, traffic.seconds)
    return _Minute(
        seen,
        _cpu_seconds(instances) - cpu,
        _sessions(run) - sessions - 1,  # the one that counts them
        _commands(run) - commands - 1,
        _asked(instances) - asked,
    )


def _row(name: str, minute: _Minute, noops: _Minute) -> tuple[object, ...]:
    seen = minute.seen
    return (
        name,
        f"{seen.requests:,}",
        f"{seen.p50_ms:.1f}",
        f"{seen.p99_ms:.1f}",
        f"{seen.p99_ms / noops.seen.p99_ms:.1f}",
        seen.errors,
        f"{1000 * minute.cpu_seconds / seen.requests:.2f}",
        f"{minute.asked['database']:,}",
        minute.connections,
        f"{minute.commands:,}",
    )


def _cpu_seconds(instances: Sequence[Server]) -> float:
    return cpu_seconds(*(instance.child.pid for instance in instances))


def _sessions(run: Run) -> int:
    return int(run.query(SELECT_SESSIONS)[0]["sessions"])


def _asked(instances: Sequence[Server]) -> Counter[str]:
    return Counter(itertools.chain.from_iterable(map(furthest_asked, instances)))


def _redis(run: Run) -> Any:
    from redis import Redis

    return Redis.from_url(run.bench.valkey.url)


def _flush(run: Run) -> None:
    with _redis(run) as client:
        client.flushall()


def _commands(run: Run) -> int:
    with _redis(run) as client:
        return int(client.info("stats")["total_commands_processed"])
