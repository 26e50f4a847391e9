"""What the tests run against: embedded servers, functions in processes of their own, and a look into tables."""

import base64
import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pg8000.native
import requests

from cli.dev.child import Child, Process, free_port
from cli.dev.embedded import Postgres, Valkey, postgres, valkey
from cli.function_table import FUNCTIONS as TABLE
from cli.schema.grant import grant
from cli.schema.migrate import SQL_FOLDER, migrate
from common.config import about, load
from common.postgres.connect import connect
from tests.support.forks import ForkedChild, ForkServer, fork_server

ROOT = Path(__file__).resolve().parents[2]

FUNCTIONS = tuple(TABLE)
ASGI_FUNCTIONS = {function.name for function in TABLE.values() if function.server == "asgi"}

SECRETS_KEY = base64.b64encode(bytes(range(32))).decode()
# Of the tests' own process, which seals secrets, and of every function that it starts.
os.environ["SECRETS_KEY"] = SECRETS_KEY

NO_LIMITS = {name: "0" for name in about() if name.startswith("RATE_LIMIT_")}

APP_USER, STATS_USER = "functions", "reports"
"""Whom functions sign in as, and whom `stats` does. The owner, as whom tests look into tables, is `popups`."""

PATIENT = "?socket_timeout=2&socket_connect_timeout=2"
"""Ends the URL of a Redis that is meant to answer: on a busy machine it may take longer than a shopper would wait."""


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """One that Postgres' account may enter also when the tests run as root, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="popups-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# The driver looks for the parameters of a statement letter by letter, at each call.
_parsed = functools.lru_cache(maxsize=500)(pg8000.native.to_statement)


class Database:
    """A plain connection to look into tables with: `database("SELECT … WHERE id = :id", id=…)` gives dicts."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = connect(load({"DATABASE_URL": url}), limit_statements=False)

    def __call__(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        assert isinstance(self._connection, pg8000.native.Connection)
        if params:
            statement, values_of = _parsed(sql)
            done = self._connection.execute_unnamed(statement, values_of(params))
        else:
            done = self._connection.execute_simple(sql)
        names = [column["name"] for column in done.columns or []]
        return [dict(zip(names, row, strict=True)) for row in done.rows or []]

    def prepare(self, sql: str) -> list[str]:
        """Have Postgres parse a statement. Returns the names of its columns; raises DatabaseError if it is invalid."""
        assert isinstance(self._connection, pg8000.native.Connection)
        prepared = self._connection.prepare(sql)
        prepared.close()
        return [column["name"] for column in prepared.cols or []]

    def value(self, sql: str, **params: Any) -> Any:
        """Return the only column of the only row."""
        (row,) = self(sql, **params)
        (value,) = row.values()
        return value

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def open_database(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


TEMPLATE = "migrated"


def create_database(server: Postgres, name: str, *, migrated: bool = True) -> str:
    """Create a database on the server, with the schema of sql/ if `migrated`, and return its URL.

    The migrations run once a server; each database is a copy of that one.
    """
    with open_database(server.url) as admin:
        if not migrated:
            admin(f'CREATE DATABASE "{name}"')
            return server.url_of(name)
        if not admin("SELECT 1 AS found FROM pg_database WHERE datname = :name", name=TEMPLATE):
            admin(f'CREATE DATABASE "{TEMPLATE}"')
            with open_database(server.url_of(TEMPLATE)) as database:
                migrate(database._connection, SQL_FOLDER, say=lambda line: None)
        admin(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
    return server.url_of(name)


def grant_rights(url: str) -> None:
    """Make the functions' users, and give them what `popups grant` gives."""
    with open_database(url) as owner:
        for user in (APP_USER, STATS_USER):
            owner(f"CREATE ROLE {user} LOGIN")
        grant(owner._connection, (APP_USER,), (STATS_USER,))


@dataclass
class FunctionProcess:
    """One function under functions-framework, as a developer starts it."""

    name: str
    port: int
    _child: Child = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def process(self) -> Process:
        assert self._child._process
        return self._child._process

    def log_bytes(self) -> int:
        """Return how much it has written so far, for who asks later what came since."""
        return self._child.log.stat().st_size

    def logs(self, since: int = 0) -> str:
        """Return what it has written, from this byte on."""
        with self._child.log.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")

    def log_lines(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the structured lines of the log from this byte on, parsed, without one that is still being written."""
        *whole, _ = self.logs(since).split("\n")  # splitlines() also splits at what a client may have sent
        return [json.loads(line) for line in whole if line.startswith("{")]

    def healthy(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}/_health", timeout=5).status_code == 200
        return False

    def state_of(self, dependency: str) -> str:
        """Return what /_ready says of the `database` or the `cache`. A verdict holds for a second."""
        return str(requests.get(f"{self.url}/_ready", timeout=30).json()[dependency])

    def stop(self) -> None:
        self._child.stop()

    def kill(self) -> None:
        self._child.kill()

    def end(self) -> None:
        """Kill it unless it has ended, where nobody asks how it stops: one that waits for a client takes its time."""
        if self._child.running():
            self._child.kill()


@dataclass
class Stack:
    """The servers of one test session and the functions started on them."""

    folder: Path
    postgres: Postgres
    valkey: Valkey
    database_url: str
    _forks: ForkServer | None
    _functions: list[FunctionProcess] = field(default_factory=list)
    _kept: list[FunctionProcess] = field(default_factory=list)

    def environ(self, name: str, **env: str | None) -> dict[str, str]:
        """Return a function's environment: this stack's servers, no limits, and `env` over it, where None unsets.

        A limit is counted in the Valkey of all tests of this process, by client address. So whoever sets one reads
        addresses of his own out of X-Forwarded-For, or counts in memory.
        """
        if any(key in NO_LIMITS and value != "0" for key, value in env.items()):
            own_addresses = env.get("TRUSTED_PROXIES", "0") != "0"
            assert own_addresses or "REDIS_URL" in env, "with a limit set TRUSTED_PROXIES or REDIS_URL"
        ours = {"DATABASE_URL": self.url_of_function(name), "REDIS_URL": self.valkey.url + PATIENT, **NO_LIMITS}
        if name in ASGI_FUNCTIONS:
            ours["FUNCTION_USE_ASGI"] = "1"
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "PYTEST_"))}
        return {key: value for key, value in {**plain, **ours, **env}.items() if value is not None}

    def url_of_function(self, name: str) -> str:
        """Return the database's URL for this function's user, who may not change the schema."""
        owner, user = f"//{self.postgres.user}:", STATS_USER if name == "stats" else APP_USER
        return self.database_url.replace(owner, f"//{user}:")

    def start_function(self, name: str, folder: Path = ROOT, /, **env: str | None) -> FunctionProcess:
        """Start a function in a new process and return it once it is ready.

        It ends with the test's module unless it is kept.
        """
        port = free_port()
        program = Path(sys.executable).with_name("functions-framework")
        options = ["--source", f"functions/{name}/main.py", "--target", name, "--host", "127.0.0.1", "--port", port]
        log = self.folder / f"{name}-{port}.log"
        command = [str(word) for word in (program, *options)]
        child = self._child(name, command, log, environ=self.environ(name, **env), folder=folder)
        function = FunctionProcess(name, port, child)
        self._functions.append(function)
        child.start(function.healthy)
        return function

    def _child(self, *words: Any, **settings: Any) -> Child:
        """Of this release a fork; another one's libraries may be others."""
        if self._forks and settings["folder"] == ROOT:
            return ForkedChild(self._forks, *words, **settings)
        return Child(*words, **settings)

    def popups(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run `popups` with these words as an operator does, on this stack's database unless `env` names another."""
        command = [str(Path(sys.executable).with_name("popups")), *words]
        environ = os.environ | {"DATABASE_URL": self.database_url} | env
        if not self._forks:
            return subprocess.run(command, capture_output=True, text=True, env=environ, cwd=ROOT, timeout=60)
        with tempfile.TemporaryDirectory() as folder:
            output, errors = Path(folder, "output"), Path(folder, "errors")
            code = self._forks.start(command, environ, ROOT, output, errors).wait(60)
            return subprocess.CompletedProcess(command, code, output.read_text(), errors.read_text())

    def keep(self, function: FunctionProcess) -> FunctionProcess:
        """Have it end with the stack, and not with the module in which it was started."""
        self._kept.append(function)
        return function

    def end_functions(self) -> None:
        """End those that nobody keeps: a worker would have some fifty in the end, of 50 MB each."""
        for function in self._functions:
            if function not in self._kept:
                function.end()
        self._functions = list(self._kept)


@contextlib.contextmanager
def running_stack() -> Iterator[Stack]:
    """Both servers and a migrated database; everything is gone afterwards."""
    with (
        temporary_folder() as folder,
        fork_server() as forks,
        postgres(folder / "postgres", durable=False) as server,
        valkey(folder / "valkey") as cache,
    ):
        stack = Stack(folder, server, cache, create_database(server, "popups"), forks)
        grant_rights(stack.database_url)
        try:
            yield stack
        finally:
            stack._kept.clear()
            stack.end_functions()


def eventually(condition: Any, *, seconds: float = 20) -> Any:
    """Return the first true value of `condition()`; fail if there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return value
