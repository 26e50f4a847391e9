"""Server processes that do not outlive the process that started them."""

import contextlib
import ctypes
import itertools
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

STOP_SECONDS = 20
"""How long a server may take over a clean stop before it is killed."""

_PR_SET_PDEATHSIG = 1
# Below Linux's ephemeral ports. Seconds pass until the process that asked for a port listens on it, and
# two processes that were given the same would take each other's server for their own: each starts at a place apart.
_PORTS = range(10_000, 32_000)
_places = itertools.count(os.getpid() * 977)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class StartError(Exception):
    """A server could not be started; the message is one line for the user."""


class Process(Protocol):
    """What a Child asks of its process: a Popen, or one that another process forked."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...


class Child:
    """A server in its own process group, so that the terminal's Ctrl-C does not reach it; its output goes to a file.

    Start it from the main thread: Linux sends `stop_signal` when the *thread* that forked ends.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        account: pwd.struct_passwd | None = None,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self.command = [str(word) for word in command]
        self.log = log
        self._stop_signal = stop_signal
        self._account = account
        self._environ = environ
        self._folder = folder
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise StartError(f"{self.name} is not running")
        return self._process.pid

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, ready: Callable[[], bool], *, timeout_seconds: float = 60) -> None:
        """Return once `ready()`. Raises StartError with the end of its output if the server exits or takes too long."""
        self._process = self._spawn()
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if not self.running() or time.monotonic() > deadline:
                self.stop()
                raise StartError(f"{self.name} did not start: {_last_line(self.log)}")
            time.sleep(0.02)

    def _spawn(self) -> Process:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environ,
                cwd=self._folder,
                start_new_session=True,
                preexec_fn=die_with_parent(self._stop_signal),
                **as_account(self._account),
            )

    def stop(self) -> None:
        """Stop it cleanly, or kill it after STOP_SECONDS."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Send SIGKILL, as the OOM killer does, to the workers too: they would continue to serve without it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def as_account(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Return subprocess's arguments to run a program as that account; none for the current one."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def free_port() -> int:
    """Return an unused TCP port of the loopback that was not returned to this process recently."""
    for place in itertools.islice(_places, len(_PORTS)):
        port = _PORTS[place % len(_PORTS)]
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise StartError(f"no free port from {_PORTS.start} to {_PORTS.stop - 1}")


def die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """Return what a child calls to have the kernel send it `stop_signal` when this process dies. Linux only."""
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def in_the_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return in_the_child


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
