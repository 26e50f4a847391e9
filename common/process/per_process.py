"""Objects made once per process, at first use: sockets and threads made at import would not survive a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, TypeVarTuple

Args = TypeVarTuple("Args")
T = TypeVar("T")


def per_process(make: Callable[[*Args], T]) -> Callable[[*Args], T]:
    """Wrap `make` so that each process calls it once per tuple of arguments, in one thread."""
    made: dict[Any, T] = {}
    lock = threading.Lock()

    def start_anew() -> None:
        nonlocal lock
        lock = threading.Lock()  # the parent may have forked while it was held
        made.clear()

    os.register_at_fork(after_in_child=start_anew)

    @wraps(make)
    def get(*args: *Args) -> T:
        if args not in made:
            with lock:
                if args not in made:
                    made[args] = make(*args)
        return made[args]

    return get
