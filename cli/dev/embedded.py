"""A real Postgres and a real Valkey from wheels, for `popups dev` and the tests.

Both are development dependencies. Nothing else of the command needs them, so they are looked up when a
server is asked for and never imported: the wheels are used for the programs in them.
"""

import contextlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cli.dev.child import STOP_SECONDS, Child, StartError, as_account, free_port
from cli.dev.programs import postgres_account, postgres_programs, reachable_folder, socket_folder, valkey_program

MAX_CONNECTIONS = 200
"""Room for six processes with the default pool of 20, and for a psql."""

LOCALE = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


class Postgres:
    """A Postgres on the loopback with its data in `folder`. It keeps its port across stop() and start()."""

    user = "popups"

    def __init__(self, folder: Path, port: int | None = None, *, durable: bool = True) -> None:
        self._account = postgres_account()
        self._programs = postgres_programs(self._account)
        self.folder = reachable_folder(folder, self._account)
        self.socket_folder = socket_folder(self._account)
        self.port = port or free_port()
        self._cluster = self.folder / "cluster"
        self._durable = durable
        self._child = Child(
            "Postgres",
            [self._programs / "postgres", *self._settings()],
            self.folder / "postgres.log",
            stop_signal=signal.SIGINT,  # the "fast" shutdown, which does not wait for clients to disconnect
            account=self._account,
            folder=self.folder,
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Return the URL of another database of this server. Any password is accepted on the loopback."""
        return f"postgresql://{self.user}:popups@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        if not (self._cluster / "PG_VERSION").exists():
            self._create_cluster()
        _end_orphan(self._cluster)
        self._child.start(self._ready)

    def stop(self) -> None:
        self._child.stop()

    def kill(self) -> None:
        """Kill all its processes at once, as when the machine fails."""
        import psutil

        family = psutil.Process(self._child.pid).children(recursive=True)
        self._child.kill()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family)

    def running(self) -> bool:
        return self._child.running()

    def _settings(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.socket_folder,
            "max_connections": MAX_CONNECTIONS,
            "timezone": "UTC",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return ["-D", str(self._cluster), *(f"--{name}={value}" for name, value in settings.items())]

    def _create_cluster(self) -> None:
        """Run initdb in a temporary folder and rename it when complete, so that an interrupted run leaves nothing."""
        draft = self.folder / "cluster.draft"
        shutil.rmtree(draft, ignore_errors=True)
        options = ["--auth=trust", f"--username={self.user}", *LOCALE, "--no-sync"]
        done = subprocess.run(
            [self._programs / "initdb", "-D", draft, *options],
            capture_output=True,
            text=True,
            cwd=self.folder,
            **as_account(self._account),
        )
        if done.returncode:
            raise StartError(f"Postgres could not make its data folder: {done.stderr.strip().splitlines()[-1]}")
        draft.rename(self._cluster)

    def _ready(self) -> bool:
        """Check readiness as pg_ctl does: by the last line of the server's pid file."""
        lines = _pid_file(self._cluster)
        return len(lines) > 7 and lines[0] == str(self._child.pid) and lines[7].strip() == "ready"


class Valkey:
    """A Valkey on the loopback without persistence. It keeps its port across stop() and start()."""

    def __init__(self, folder: Path, port: int | None = None, settings: Mapping[str, Any] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        options = {"bind": "127.0.0.1", "port": self.port, "save": "", "appendonly": "no", "dir": folder}
        options |= settings or {}
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        self._child = Child("Valkey", [valkey_program(), *words], folder / "valkey.log")

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._child.start(self._ready)

    def stop(self) -> None:
        self._child.stop()

    def kill(self) -> None:
        self._child.kill()

    def running(self) -> bool:
        return self._child.running()

    def _ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False


@contextlib.contextmanager
def postgres(folder: Path, port: int | None = None, *, durable: bool = True) -> Iterator[Postgres]:
    """Yield a running Postgres. Without `durable` fsync is off, for tests with disposable data."""
    server = Postgres(folder, port, durable=durable)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.socket_folder, ignore_errors=True)


@contextlib.contextmanager
def valkey(folder: Path, port: int | None = None, settings: Mapping[str, Any] | None = None) -> Iterator[Valkey]:
    """Yield a running Valkey; `settings` override its defaults."""
    server = Valkey(folder, port, settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _end_orphan(cluster: Path) -> None:
    """Clean up after a killed run: a server that is still stopping, or a stale pid file.

    Postgres would do the second itself, were the pid not given to another process of the same account.
    """
    import psutil

    lines = _pid_file(cluster)
    if not lines:
        return
    try:
        process = psutil.Process(int(lines[0]))
        if str(cluster) in process.cmdline():
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        raise StartError(f"a Postgres of an earlier run, process {lines[0]}, does not stop") from None
    (cluster / "postmaster.pid").unlink(missing_ok=True)
