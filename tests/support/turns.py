"""Tests marked `alone` run while no other worker's test does: they tell a server that waits from one that is slow.

Every test holds a shared lock, one that is alone an exclusive one, between the processes of one checkout.
"""

import fcntl
from pathlib import Path


class Turns:
    """The turns of one worker's tests; the locks are files in this folder."""

    def __init__(self, folder: Path) -> None:
        self._gate, self._lock = (folder / "gate").open("a"), (folder / "lock").open("a")
        self._is_held = False

    def begin(self, *, alone: bool) -> None:
        """Wait for the turn of a test, unless the one before has left it its own."""
        if not self._is_held:
            # Whoever wants to be alone holds the gate while he waits, or others would slip in before him for ever.
            fcntl.flock(self._gate, fcntl.LOCK_EX)
            fcntl.flock(self._lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            fcntl.flock(self._gate, fcntl.LOCK_UN)
        self._is_held = True

    def end(self) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        self._is_held = False
