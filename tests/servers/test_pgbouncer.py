"""A PgBouncer between the functions and Postgres, as docs/runbook.md says to set it up."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cli.dev.child import Child, free_port
from cli.dev.programs import postgres_account
from tests.support.main_job import do_main_job
from tests.support.stack import FUNCTIONS, Database, Stack, temporary_folder

SINCE = (1, 21)
"""The first PgBouncer that keeps prepared statements in transaction mode."""

SETTINGS = """
[databases]
popups = host=127.0.0.1 port={postgres_port} dbname=popups
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
ignore_startup_parameters = options
default_pool_size = 20
server_idle_timeout = 5
{mode}
"""

MODES = {
    "transaction": "pool_mode = transaction\nmax_prepared_statements = 200",
    "session": "pool_mode = session",
}


def program() -> str:
    found = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if found is None:
        pytest.skip("NOT RUN: there is no pgbouncer here; Debian's package has that name")
    return found


def version() -> tuple[int, ...]:
    said = subprocess.run([program(), "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:2]))


@pytest.fixture(params=MODES)
def bouncer_url(request: pytest.FixtureRequest, stack: Stack) -> Iterator[str]:
    """Yield the database's URL through a PgBouncer in that mode."""
    if request.param == "transaction" and version() < SINCE:
        pytest.skip(
            f"NOT RUN: {program()} is older than 1.21, which has no max_prepared_statements; session mode works"
        )
    with temporary_folder() as folder:
        port = free_port()
        settings = {"postgres_port": stack.postgres.port, "port": port, "folder": folder, "mode": MODES[request.param]}
        _write(folder / "pgbouncer.ini", SETTINGS.format(**settings))
        _write(folder / "users", '"popups" "popups"\n')
        bouncer = Child("PgBouncer", [program(), folder / "pgbouncer.ini"], folder / "log", account=postgres_account())
        bouncer.start(lambda: "process up" in (folder / "log").read_text(), timeout_seconds=10)
        yield f"postgresql://popups:popups@127.0.0.1:{port}/popups"
        bouncer.stop()


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)


def test_all_functions_do_the_main_job_through_pgbouncer(bouncer_url: str, stack: Stack, database: Database) -> None:
    pool = {"DB_POOL_MAX": "3", "DB_POOL_MIN": "1"}
    functions = [stack.start_function(name, DATABASE_URL=bouncer_url, **pool) for name in FUNCTIONS]
    try:
        for _ in range(3):
            do_main_job({function.name: function.url for function in functions}, database)
        assert all("ERROR" not in function.logs() for function in functions)
        for function in functions:
            family = [psutil.Process(function.pid), *psutil.Process(function.pid).children()]
            connected = [link.raddr.port for process in family for link in process.net_connections() if link.raddr]
            assert stack.postgres.port not in connected
    finally:
        for function in functions:
            function.stop()
