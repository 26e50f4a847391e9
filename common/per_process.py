"""Things made once a process, at their first use: sockets and threads made at import would not survive the fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def per_process(make: Callable[P, T]) -> Callable[P, T]:
    """`make`, called once for each of its arguments and process, by one thread."""
    made = cache(make)
    lock = threading.Lock()

    def start_anew() -> None:
        nonlocal lock
        lock = threading.Lock()  # the parent may have forked while it was held
        made.cache_clear()

    os.register_at_fork(after_in_child=start_anew)

    @wraps(make)
    def get(*args: Any, **kwargs: Any) -> T:
        with lock:
            return made(*args, **kwargs)

    return cast(Callable[P, T], get)
