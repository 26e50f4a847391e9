"""The load: wrk as fast as it goes on 32 connections, and a sender at a fixed rate."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

from cli.child import StartError

CONNECTIONS = 32
SCRIPT = Path(__file__).with_name("load.lua")

_seeds = itertools.count(time.time_ns() // 1_000_000 % 2**31)


@dataclass(frozen=True)
class Target:
    """One thing to measure: where the requests go, and what they are."""

    name: str
    url: str
    kind: str = "get"  # as load.lua knows them
    events: int = 1
    popup_ids: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    # How many events the database has; what was acknowledged and is not there was lost.
    stored: Callable[[], int] | None = None


@dataclass(frozen=True)
class Round:
    """What one run against a target showed."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int
    lost: int = 0

    @property
    def answered(self) -> int:
        """Requests that got what they asked for."""
        return max(0, self.requests - self.errors)

    @property
    def requests_per_second(self) -> float:
        return self.answered / self.seconds


def find_wrk() -> str:
    program = shutil.which("wrk")
    if program is None:
        raise StartError("the benchmarks need wrk, which is not installed: apt-get install wrk")
    return program


def run_wrk(target: Target, seconds: int) -> Round:
    """As many requests as 32 connections get answered."""
    headers = [word for name, value in target.headers.items() for word in ("--header", f"{name}: {value}")]
    load = ["--threads", "1", "--connections", str(CONNECTIONS), "--duration", str(seconds), "--timeout", "10"]
    arguments = [target.kind, str(target.events), str(next(_seeds)), *target.popup_ids]
    before = target.stored() if target.stored else 0
    done = subprocess.run(
        [find_wrk(), *load, *headers, "--script", str(SCRIPT), target.url, "--", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 60,
    )
    if done.returncode:
        raise StartError(f"wrk gave up on {target.name}: {(done.stderr or done.stdout).strip()}")
    measured = Round(**json.loads(done.stdout.splitlines()[-1]))
    if not measured.answered:
        raise StartError(f"{target.name} answered nothing in {seconds} s")
    if target.stored:
        lost = measured.answered * target.events - (target.stored() - before)
        measured = replace(measured, lost=max(0, lost))
    return measured


def run_steady(url: str, make_body: Callable[[], bytes], per_second: int, seconds: int) -> Round:
    """One request every 1/per_second, whether or not the ones before it were answered.

    A latency counts from the moment the request was due: a stalled server cannot hide behind a sender that waits.
    """
    return asyncio.run(_send_steadily(url, make_body, per_second, seconds))


async def _send_steadily(url: str, make_body: Callable[[], bytes], per_second: int, seconds: int) -> Round:
    address = urlsplit(url)
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(2 * CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection(address.hostname, address.port))
    latencies: list[float] = []
    errors = 0
    start = time.perf_counter()

    async def send_one(due: float) -> None:
        nonlocal errors
        connection = await idle.get()
        status = await _exchange(*connection, make_body())
        idle.put_nowait(connection)
        latencies.append(time.perf_counter() - due)
        errors += status >= 400

    async with asyncio.timeout(seconds + 60), asyncio.TaskGroup() as sent:
        for number in range(per_second * seconds):
            due = start + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent.create_task(send_one(due))
    elapsed = time.perf_counter() - start
    while not idle.empty():
        idle.get_nowait()[1].close()
    percentiles = quantiles(latencies, n=100)
    return Round(len(latencies), elapsed, 1000 * percentiles[49], 1000 * percentiles[98], errors)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> int:
    """The status of a POST; its answer is read whole."""
    head = b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body)
    writer.write(head + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = answer.partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(answer.split(b" ", 2)[1])
