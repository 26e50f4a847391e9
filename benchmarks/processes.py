"""What processes have used: CPU and memory, their children included."""

from __future__ import annotations

from collections.abc import Iterable

import psutil


def family(pids: Iterable[int]) -> list[psutil.Process]:
    """Return the processes and all that they have started."""
    parents = [psutil.Process(pid) for pid in pids]
    return [*parents, *(child for parent in parents for child in parent.children(recursive=True))]


def cpu_seconds(*pids: int) -> float:
    """Return the CPU seconds of these processes so far. Those of ended children are in their parents' wait."""
    used = [process.cpu_times() for process in family(pids)]
    return sum(times.user + times.system + times.children_user + times.children_system for times in used)
