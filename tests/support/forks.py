"""Our programs as forks of a process that has imported their libraries: a third of the CPU of a start, and its wait."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.dev.child import Child, Process, die_with_parent

ROOT = Path(__file__).resolve().parents[2]


class ForkServer:
    """tests/support/fork_server.py in a process of its own, and what is asked of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )

    def ask(self, **request: Any) -> int:
        """Send a request and return its answer."""
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def start(self, command: list[str], environ: Mapping[str, str], folder: Path, output: Path, errors: Path) -> "Fork":
        """Start a Python program of this environment, which appends to these files."""
        files = {"folder": str(folder), "output": str(output), "errors": str(errors)}
        return Fork(self, self.ask(command=command, environ=dict(environ), **files))

    def close(self) -> None:
        """End it, and with it what still runs of its forks."""
        self._process.communicate()


@contextmanager
def fork_server() -> Iterator[ForkServer | None]:
    """Yield None where there is no pidfd: nobody could wait for a process that is not their own child."""
    server = ForkServer() if hasattr(os, "pidfd_open") else None
    yield server
    if server:
        server.close()


class Fork:
    """A process of the fork server's, with what a Child asks of a Popen."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self._server = server
        self._lock = threading.Lock()
        self._code: int | None = None
        self._ended = os.pidfd_open(pid)
        weakref.finalize(self, os.close, self._ended)

    def poll(self) -> int | None:
        return self._code_within(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._code_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def _code_within(self, seconds: float | None) -> int | None:
        waiting = select.poll()
        waiting.register(self._ended, select.POLLIN)
        if waiting.poll(None if seconds is None else seconds * 1000):
            with self._lock:
                if self._code is None:
                    self._code = self._server.ask(wait=self.pid)
        return self._code


class ForkedChild(Child):
    """A Child that runs a Python program of this environment, in a fork."""

    def __init__(self, server: ForkServer, *words: Any, **settings: Any) -> None:
        super().__init__(*words, **settings)
        self._server = server

    def _spawn(self) -> Process:
        environ, folder = self._environ or os.environ, self._folder or Path.cwd()
        return self._server.start(self.command, environ, folder, self.log, self.log)
