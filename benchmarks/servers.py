"""The servers: functions on one core; Postgres, Valkey and the load on another."""

from __future__ import annotations

import compileall
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from benchmarks import peer
from cli.dev.child import Child, StartError, free_port
from cli.dev.embedded import Postgres, Valkey, postgres, valkey
from cli.function_table import FUNCTIONS
from tests.support.stack import ASGI_FUNCTIONS, NO_LIMITS, ROOT, create_database, temporary_folder

NOOPS = {"hello_flask": "benchmarks/hello_flask.py", "hello_aio": "benchmarks/hello_aio.py"}
UNGROUPED = dict.fromkeys(("plain_insert", "one_by_one"), "benchmarks/ungrouped.py")
SOURCES = NOOPS | UNGROUPED | {name: function.source for name, function in FUNCTIONS.items()}
ON_ASGI = {"hello_aio", *UNGROUPED, *ASGI_FUNCTIONS}


@dataclass
class Server:
    """One function under functions-framework."""

    name: str
    port: int
    child: Child

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"{self.url}/_health", timeout=5).status_code == 200
        return False

    def memory_mib(self) -> tuple[float, float]:
        """Return the worker's resident memory, and that of worker and master with shared pages counted once."""
        master = psutil.Process(self.child.pid)
        family = [master, *master.children(recursive=True)]
        resident = max(process.memory_info().rss for process in family)
        together = sum(process.memory_full_info().pss for process in family)
        return resident / 2**20, together / 2**20


@dataclass
class Bench:
    """The servers of a run, and the functions started so far."""

    folder: Path
    postgres: Postgres
    valkey: Valkey
    database_url: str
    function_core: int
    _started: dict[str, Server] = field(default_factory=dict)

    def function(self, name: str) -> Server:
        """Return the function of that name, started on first use."""
        if name not in self._started:
            self._started[name] = self.start(name)
        return self._started[name]

    def start(self, name: str, **environ: str) -> Server:
        """Start a process of the function on the functions' core, with rate limits off."""
        return self.start_in(ROOT, name, **environ)

    def start_in(self, folder: Path, name: str, /, **environ: str) -> Server:
        """Start the function of another tree alike."""
        server = self._prepare(name, folder, environ)
        with running_on(self.function_core):
            server.child.start(server.answers)
        return server

    def _prepare(self, name: str, folder: Path, environ: dict[str, str]) -> Server:
        port = free_port()
        ours = {"DATABASE_URL": self._database_of(name), "REDIS_URL": self.valkey.url, "PYTHONPATH": str(folder)}
        environ = {**os.environ, **NO_LIMITS, **ours, **environ}
        if name in ON_ASGI:
            environ["FUNCTION_USE_ASGI"] = "1"
        log = self.folder / f"{name}-{port}.log"
        command = peer.command(name, port) if name in peer.CALLS else _command(name, port)
        return Server(name, port, Child(name, command, log, environ=environ, folder=folder))

    def _database_of(self, name: str) -> str:
        return self.postgres.url_of(peer.DATABASE) if name in peer.CALLS else self.database_url

    def stop_functions(self) -> None:
        for server in self._started.values():
            server.child.stop()
        self._started.clear()


def _command(name: str, port: int) -> list[str | Path]:
    target = "hello" if name in NOOPS else name
    program = Path(sys.executable).with_name("functions-framework")
    return [program, "--source", SOURCES[name], "--target", target, "--host", "127.0.0.1", "--port", str(port)]


@contextmanager
def running_bench() -> Iterator[Bench]:
    """Run everything except the functions on the second core, and remove it afterwards."""
    function_core, other_core = _two_cores()
    # As the build of a deployed function does. Where Python is told to write no bytecode, each start would compile.
    compileall.compile_dir(ROOT / "common", quiet=1)
    compileall.compile_dir(ROOT / "functions", quiet=1)
    compileall.compile_dir(ROOT / "benchmarks", quiet=1)
    with (
        running_on(other_core),
        temporary_folder() as folder,
        # Durable: the cost of a commit on this machine's disk is part of the result.
        postgres(folder / "postgres", durable=True) as database,
        valkey(folder / "valkey") as cache,
    ):
        bench = Bench(folder, database, cache, create_database(database, "popups"), function_core)
        try:
            yield bench
        finally:
            bench.stop_functions()


@contextmanager
def running_on(core: int) -> Iterator[None]:
    """Pin this process, and processes that it starts meanwhile, to one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _two_cores() -> tuple[int, int]:
    if not hasattr(os, "sched_getaffinity"):
        raise StartError("the benchmarks pin processes to cores, which needs Linux")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise StartError("the benchmarks need two cores: one for the function, one for everything else")
    return cores[0], cores[1]
