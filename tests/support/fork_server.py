"""A process that has imported the functions' libraries already, and forks itself into one function after another.

Nearly all of what a function costs to start are imports of the same libraries: this takes them over. It imports nothing
of the functions' own, so each fork loads its modules and reads its settings as a new process does.

It reads requests on stdin and answers each with a number on stdout, as lines of JSON: `{"command": …, "environ": …,
"folder": …, "output": …, "errors": …}` starts a Python program and gives its pid, `{"wait": pid}` gives its exit code
once it ended.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import sys
import time
from pathlib import Path
from typing import Any

from cli.dev.child import die_with_parent

LIBRARIES = (
    "flask",
    "functions_framework._cli",
    "functions_framework.aio",
    "functions_framework._http.gunicorn",
    "gunicorn.arbiter",
    "gunicorn.workers.gthread",
    "marshmallow",
    "orjson",
    "pg8000.native",
    "redis.asyncio",
    "urllib3",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn_worker",
)

APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND


exit_code = 0


def main() -> None:
    atexit.register(leave)  # before anything else is registered: the first is the last to run
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    if request := serve():
        become(**request)


def serve() -> dict[str, Any] | None:
    """Answer requests until the tests end. Returns, in a fork alone, what it was asked to become."""
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        else:
            die = die_with_parent(signal.SIGTERM)
            answer = os.fork()
            if answer == 0:
                assert die
                die()
                return dict(request)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    return None


def become(command: list[str], environ: dict[str, str], folder: str, output: str, errors: str) -> None:
    """Run the Python program `command[0]` as a new process would in a session of its own."""
    global exit_code
    os.setsid()
    files = [os.open(os.devnull, os.O_RDONLY), *(os.open(path, APPENDING, 0o666) for path in (output, errors))]
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, max(files) + 1)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.argv = command
    sys.path[0] = str(Path(command[0]).parent)
    exit_code = 1  # of an exception that nobody handles
    try:
        runpy.run_path(command[0], run_name="__main__")
        exit_code = 0
    except SystemExit as ended:
        exit_code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise


def leave() -> None:
    """End without taking the interpreter apart: that writes to all the memory shared, at twice the CPU of a start."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    main()
