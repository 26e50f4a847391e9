"""Where calls that may block are run: a bounded pool of threads beside the event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from common.per_process import per_process

P = ParamSpec("P")
T = TypeVar("T")

# Twice the default DB_POOL_MAX: half may wait for Postgres while the other half still answers from Redis.
MAX_THREADS = 40


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a call that may block.

    On an event loop the call runs in one of the pool's threads. Without one (under Flask) the thread is the
    request's own, and the call runs in place.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return call(*args, **kwargs)
    run = contextvars.copy_context().run
    return await loop.run_in_executor(_pool(), lambda: run(call, *args, **kwargs))


@per_process
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="blocking")
