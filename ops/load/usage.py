"""What the processes used meanwhile: CPU and memory by group, sampled in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

SECONDS_BETWEEN = 2.0


@dataclass
class Usage:
    """The highest CPU share (of one core) of each group, and the largest memory of one process in it, in MiB."""

    cpu: dict[str, float] = field(default_factory=dict)
    mib: dict[str, float] = field(default_factory=dict)

    def note(self, group: str, cpu: float, mib: float) -> None:
        self.cpu[group] = max(self.cpu.get(group, 0.0), cpu)
        self.mib[group] = max(self.mib.get(group, 0.0), mib)


@contextmanager
def watched(groups: dict[str, list[int]]) -> Iterator[Usage]:
    """Sample the groups' processes, with their children, until the block ends."""
    usage, over = Usage(), threading.Event()
    thread = threading.Thread(target=_watch, args=(groups, usage, over), daemon=True)
    thread.start()
    try:
        yield usage
    finally:
        over.set()
        thread.join()


def _watch(groups: dict[str, list[int]], usage: Usage, over: threading.Event) -> None:
    before = {group: _used(pids)[0] for group, pids in groups.items()}
    while not over.wait(SECONDS_BETWEEN):
        for group, pids in groups.items():
            seconds, mib = _used(pids)
            usage.note(group, (seconds - before[group]) / SECONDS_BETWEEN, mib)
            before[group] = seconds


def _used(pids: list[int]) -> tuple[float, float]:
    """Return the group's CPU seconds so far, and the resident memory of its largest process in MiB."""
    seconds = largest = 0.0
    for pid in pids:
        with suppress(psutil.Error):
            for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    seconds += times.user + times.system
                    largest = max(largest, process.memory_info().rss)
    return seconds, largest / 2**20
