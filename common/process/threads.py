"""Bounded thread pools beside the event loop, for calls that may block."""

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

# Twice the default DB_POOL_MAX, so that Postgres stays busy while other threads wait for a connection.
MAX_THREADS = 40
# For calls that wait for Redis at most, which takes up to 200 ms: they must not queue behind calls that wait for
# Postgres.
MAX_BRIEF_THREADS = 16
# For loads into the cache: a fleet that has lost its cache opens that many connections per process at first, instead of
# DB_POOL_MAX. More loads at once would not be faster, but delay the answers that need none.
MAX_LOADING_THREADS = 2
# One probe checks the dependencies while concurrent ones wait for its result, which must not take requests' threads.
MAX_PROBE_THREADS = 2
# How long a thread may have to wait for the interpreter lock: the default is 5 ms, longer than a commit takes.
SWITCH_SECONDS = 0.0005


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a call that may block, and return its result.

    On an event loop the call runs in one of the pool's threads. Without one (under Flask) it runs in the request's
    own thread.
    """
    return await _in_pool("blocking", MAX_THREADS, partial(call, *args, **kwargs))


async def in_brief_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the same for a call that waits for Redis at most."""
    return await _in_pool("brief", MAX_BRIEF_THREADS, partial(call, *args, **kwargs))


async def in_loading_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the same for a load into the cache."""
    return await _in_pool("loading", MAX_LOADING_THREADS, partial(call, *args, **kwargs))


async def in_probe_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the same for a probe, which must be answered even if every other thread is busy."""
    return await _in_pool("probe", MAX_PROBE_THREADS, partial(call, *args, **kwargs))


def start_in_thread(call: Callable[[], T], then: Callable[[T], None]) -> None:
    """Run a call that may block but does not raise in a thread, and pass its result to `then` on the running loop.

    It runs in an empty context, because one call serves many requests. A future would need three turns of the loop to
    deliver the result, and each of them delays its waiters.
    """
    _start("blocking", MAX_THREADS, call, then)


def start_in_brief_thread(call: Callable[[], T], then: Callable[[T], None]) -> None:
    """Do the same for a call that waits for Redis at most."""
    _start("brief", MAX_BRIEF_THREADS, call, then)


def _start(name: str, max_threads: int, call: Callable[[], T], then: Callable[[T], None]) -> None:
    loop = asyncio.get_running_loop()

    def work() -> None:
        result = contextvars.Context().run(call)
        with suppress(RuntimeError):  # the loop has been closed: nothing waits for the result
            loop.call_soon_threadsafe(then, result)

    _pool(name, max_threads).submit(work)


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
