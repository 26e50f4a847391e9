"""Closed-loop load: wrk at full speed on 32 connections."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cli.dev.child import StartError

CONNECTIONS = 32
SCRIPT = Path(__file__).with_name("load.lua")

_seeds = itertools.count(time.time_ns() // 1_000_000 % 2**31)


@dataclass(frozen=True)
class Target:
    """A target to measure: the URL and the kind of requests."""

    name: str
    url: str
    kind: str = "get"  # as load.lua knows them
    events: int = 1
    popup_ids: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    # Returns how many events the database has; acknowledged events that are missing were lost.
    stored: Callable[[], int] | None = None
    # The name of the target that is the peer's answer to the same requests.
    peer: str = ""


@dataclass(frozen=True)
class Round:
    """The result of one run against a target."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int
    lost: int = 0

    @property
    def answered(self) -> int:
        """Return the number of successful requests."""
        return max(0, self.requests - self.errors)

    @property
    def requests_per_second(self) -> float:
        return self.answered / self.seconds


def find_wrk() -> str:
    program = shutil.which("wrk")
    if program is None:
        raise StartError("the benchmarks need wrk, which is not installed: apt-get install wrk")
    return program


def run_wrk(target: Target, seconds: int, connections: int = CONNECTIONS) -> Round:
    """Send as many requests as that many connections get answered."""
    headers = [word for name, value in target.headers.items() for word in ("--header", f"{name}: {value}")]
    load = ["--threads", "1", "--connections", str(connections), "--duration", str(seconds), "--timeout", "10"]
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
