"""deploy.sh on a stand-in gcloud that reaches nothing, and an address where revisions answer /_ready."""

import copy
import http.server
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ops.deploy import admin, cloud, readiness
from ops.deploy.accounts import accounts as accounts_of
from ops.deploy.accounts import address
from ops.deploy.command_line import main
from ops.deploy.commands import Commands
from ops.deploy.settings import Settings
from tests.deploy.gcloud import Gcloud, Refusal
from tests.support.stack import ROOT, Stack

SETTINGS = {
    "PROJECT": "acme-shop",
    "REGION": "europe-west1",
    "INSTANCE_CONNECTION_NAME": "acme-shop:europe-west1:popups",
    "DB_NAME": "popups",
    "DB_USER": "popups",
    "DB_PASSWORD_SECRET": "db-password:3",
    "DB_IP_TYPE": "private",
    "MIGRATE_DATABASE_URL_SECRET": "migrate-url:1",
    "REDIS_URL_SECRET": "redis-url:2",
    "NETWORK": "default",
    "SUBNET": "default",
    "MAX_INSTANCES": "4",
    "READY_SECONDS": "1",
    "BUCKET": "acme-static",
}


class Revisions(http.server.ThreadingHTTPServer):
    """Where all services answer: /_ready says 200, or 503 for those whose path has a word of `unready`."""

    unready: ClassVar[set[str]] = set()
    asked: ClassVar[list[tuple[str, str | None]]] = []


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        Revisions.asked.append((self.path, self.headers.get("X-Serverless-Authorization")))
        self.send_response(503 if any(word in self.path for word in Revisions.unready) else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


Program = Callable[[Mapping[str, str]], str]

# Most tests are not about the database: nothing is to be migrated, and it takes 197 connections.
QUIET: dict[str, Program] = {
    "migrate": lambda environ: "nothing to apply\n",
    "connections": lambda environ: "they fit\n",
    "recount": lambda environ: "changed 0 tallies\n",
}


class StandIns(Commands):
    """Commands with a gcloud that reaches nothing, and with some of our own programs replaced, by their last word."""

    def __init__(self, gcloud: Gcloud, programs: Mapping[str, Program], *, dry_run: bool) -> None:
        super().__init__(dry_run=dry_run)
        self._gcloud = gcloud
        self._programs = programs

    def execute(
        self, words: tuple[str, ...], environ: Mapping[str, str] | None, *, capture: bool = False
    ) -> subprocess.CompletedProcess[str]:
        program, *arguments = words
        try:
            if program == "gcloud":
                output = self._gcloud(arguments)
            elif ours := next((word for word in arguments if word in self._programs), None):
                output = self._programs[ours](environ or {})
            else:
                output = _run(words, environ)
        except Refusal as refusal:
            sys.stderr.write(f"{refusal}\n")
            return subprocess.CompletedProcess(words, 1)
        if not capture:
            sys.stderr.write(output)
        return subprocess.CompletedProcess(words, 0, output)


def _run(words: tuple[str, ...], environ: Mapping[str, str] | None) -> str:
    done = subprocess.run(words, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refusal(done.stderr)
    return done.stdout


class StillClock:
    """time for whoever waits for a revision: sleeping takes none."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


class Deployer:
    """Runs deploy.sh's logic in this process with settings of its own, and knows what it asked of gcloud."""

    def __init__(self, folder: Path, services_address: str, database_url: str) -> None:
        self.folder = folder
        self.settings: dict[str, str] = dict(SETTINGS)
        self.programs = dict(QUIET)
        accounts = [each.name for each in accounts_of(Settings(SETTINGS))]
        prepared = [address(Settings(SETTINGS), name) for name in accounts]
        secrets = {"migrate-url:1": database_url, "db-password:3": "hunter2", "redis-url:2": "redis://10.0.0.3:6379"}
        self.gcloud = Gcloud(secrets=secrets, address=services_address, accounts=prepared)

    def with_database(self) -> None:
        """From now on the database is asked, with the programs that an operator uses."""
        self.programs.clear()

    @property
    def state(self) -> dict[str, Any]:
        """What exists now, and does not change with what comes."""
        return copy.deepcopy(self.gcloud.state)

    def wish(self, **wishes: Any) -> None:
        """Set how the stand-in for gcloud behaves: `failing`, `crashing`, `account`, `federated`."""
        self.gcloud.state |= wishes

    def failing(self, *calls: str) -> None:
        self.wish(failing=list(calls))

    def write_settings(self) -> Path:
        """deploy.env with these settings."""
        file = self.folder / "deploy.env"
        file.write_text("".join(f"{name}={text}\n" for name, text in self.settings.items()))
        return file

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        self.gcloud.calls.clear()
        everything = ["--config", str(self.write_settings()), *words]
        with redirect_stdout(io.StringIO()) as output, redirect_stderr(io.StringIO()) as errors:
            status = main(everything, partial(StandIns, self.gcloud, self.programs))
        return subprocess.CompletedProcess(everything, status, output.getvalue(), errors.getvalue())

    def calls(self, start: str = "") -> list[list[str]]:
        """Return the calls of the last run that begin with these words."""
        return [call for call in self.gcloud.calls if " ".join(call).startswith(start)]


@pytest.fixture(scope="module")
def revisions() -> Iterator[Revisions]:
    server = Revisions(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def deployer(revisions: Revisions, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployer:
    Revisions.unready.clear()
    Revisions.asked.clear()
    clock = StillClock()
    for module in (admin, cloud, readiness):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setenv("PATH", f"{ROOT / 'tests/deploy/bin'}:{os.environ['PATH']}")
    return Deployer(tmp_path, f"http://127.0.0.1:{revisions.server_port}", stack.database_url)
