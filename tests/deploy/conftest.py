"""deploy.sh on a stand-in gcloud that reaches nothing, and an address where revisions answer /_ready."""

import copy
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.deploy.gcloud import Gcloud, GcloudServer, gcloud_server
from tests.stack import ROOT, Stack

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


# Most tests are not about the database: nothing is to be migrated, it takes 197 connections, and the settings will do.
QUIET_POPUPS = '#!/bin/sh\necho "nothing to apply"\n'
QUIET_PYTHON = f"""#!/bin/sh
case $1 in
  *max_connections.py) echo 197 ;;
  *check_environment.py) cat >/dev/null ;;
  *) exec {sys.executable} "$@" ;;
esac
"""


class Deployer:
    """Runs deploy.sh with settings of its own, and knows what it asked of gcloud."""

    def __init__(self, folder: Path, address: str, database_url: str, server: GcloudServer) -> None:
        self.folder = folder
        self.settings: dict[str, str] = dict(SETTINGS)
        self.environ = {
            "PATH": f"{ROOT / 'tests/deploy/bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "STAND_IN": str(server.server_address[1]),
            "POPUPS": self.program("popups", QUIET_POPUPS),
            "PYTHON": self.program("python", QUIET_PYTHON),
        }
        secrets = {"migrate-url:1": database_url, "db-password:3": "hunter2", "redis-url:2": "redis://10.0.0.3:6379"}
        self._gcloud = server.gcloud = Gcloud(secrets=secrets, address=address)

    def program(self, name: str, script: str) -> str:
        """The path of a new program."""
        path = self.folder / name
        path.write_text(script)
        path.chmod(0o755)
        return str(path)

    def with_database(self) -> None:
        """From now on the database and the settings' checks are asked, with the programs that an operator uses."""
        self.environ |= {"POPUPS": str(Path(sys.executable).with_name("popups")), "PYTHON": sys.executable}

    @property
    def state(self) -> dict[str, Any]:
        """What exists now, and does not change with what comes."""
        return copy.deepcopy(self._gcloud.state)

    def wish(self, **wishes: Any) -> None:
        """What the stand-in is to be like: `failing`, `crashing`, `account`, `federated`."""
        self._gcloud.state |= wishes

    def failing(self, *calls: str) -> None:
        self.wish(failing=list(calls))

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        config = self.folder / "deploy.env"
        config.write_text("".join(f"{name}={text}\n" for name, text in self.settings.items()))
        self._gcloud.calls.clear()
        environ = {**os.environ, **self.environ}
        command = [ROOT / "deploy.sh", "--config", config, *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)

    def calls(self, start: str = "") -> list[list[str]]:
        """The calls of the last run that begin with these words."""
        return [call for call in self._gcloud.calls if " ".join(call).startswith(start)]


@pytest.fixture(scope="module")
def revisions() -> Iterator[Revisions]:
    server = Revisions(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def gcloud() -> Iterator[GcloudServer]:
    with gcloud_server() as server:
        yield server


@pytest.fixture
def deployer(revisions: Revisions, gcloud: GcloudServer, stack: Stack, tmp_path: Path) -> Deployer:
    Revisions.unready.clear()
    Revisions.asked.clear()
    return Deployer(tmp_path, f"http://127.0.0.1:{revisions.server_port}", stack.database_url, gcloud)
