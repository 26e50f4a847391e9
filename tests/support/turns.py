"""Tests marked `alone` run while no other worker's test does: they tell a server that waits from one that is slow.

Every test holds a shared lock, one that is alone an exclusive one, between the processes of one checkout.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Hold the turn of one test for the block; the locks are files in this folder."""
    with (folder / "gate").open("a") as gate, (folder / "lock").open("a") as lock:
        # Whoever wants to be alone holds the gate while he waits, or others would slip in before him for ever.
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
