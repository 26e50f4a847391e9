"""Where calls that may block are run: bounded pools of threads beside the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

from common.process.per_process import per_process

P = ParamSpec("P")
T = TypeVar("T")

# Twice the default DB_POOL_MAX, so that Postgres is kept busy while others wait for a connection.
MAX_THREADS = 40
# For what waits for Redis at the most, which answers or is given up within 200 ms: it shall not queue for a thread
# behind those who wait for Postgres.
MAX_BRIEF_THREADS = 16
# Of probes one looks while the others wait for what it finds: the threads of requests shall not wait with them.
MAX_PROBE_THREADS = 2
# How long a thread that has its answer may have to wait for the interpreter, which others hold: by default 5 ms, more
# than a commit takes.
SWITCH_SECONDS = 0.0005


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a call that may block.

    On an event loop the call runs in one of the pool's threads. Without one (under Flask) the thread is the
    request's own, and the call runs in place.
    """
    return await _in_pool("blocking", MAX_THREADS, partial(call, *args, **kwargs))


async def in_brief_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same for a call that waits for Redis at the most."""
    return await _in_pool("brief", MAX_BRIEF_THREADS, partial(call, *args, **kwargs))


async def in_probe_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same for a probe, which shall be answered also when every other thread is busy."""
    return await _in_pool("probe", MAX_PROBE_THREADS, partial(call, *args, **kwargs))


def start_in_thread(call: Callable[[], T], then: Callable[[T], None]) -> None:
    """Has a thread make a call that may block but raises nothing, and the running loop `then` take its result.

    In a context of its own: whose call it is, is for `call` to say. A future would hand the result over in three turns
    of the loop, and each costs those who wait for it.
    """
    loop = asyncio.get_running_loop()

    def work() -> None:
        result = contextvars.Context().run(call)
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(then, result)

    _pool("blocking", MAX_THREADS).submit(work)


async def _in_pool(name: str, max_threads: int, call: Callable[[], T]) -> T:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return call()
    run = contextvars.copy_context().run
    return await loop.run_in_executor(_pool(name, max_threads), run, call)


@per_process
def _pool(name: str, max_threads: int) -> ThreadPoolExecutor:
    sys.setswitchinterval(SWITCH_SECONDS)
    return ThreadPoolExecutor(max_threads, thread_name_prefix=name)
