"""A breaker: stops asking a server that does not answer, so that only one request a second pays for finding out."""

from __future__ import annotations

import threading
import time
from math import inf

from common import logs

PAUSE_SECONDS = 1.0
# An outage that was over at the first try is forgotten so soon: by then everybody has made up for what he missed.
BLIP_SECONDS = 1.5 * PAUSE_SECONDS
FORGOTTEN_AFTER_SECONDS = 3.0


class Breaker:
    """Open for PAUSE_SECONDS after an error; then one caller at a time may try again, until one has an answer."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._next_try = 0.0
        self._opened_at = self._closed_at = -inf
        self.closed = True

    def admits(self) -> bool:
        """Whether the caller may ask the server now; while open, this takes the turn of whoever may try."""
        if self.closed:
            return True
        with self._lock:
            if time.monotonic() < self._next_try:
                return False
            self._next_try = time.monotonic() + PAUSE_SECONDS
            return True

    def would_admit(self) -> bool:
        return self.closed or time.monotonic() >= self._next_try

    def record(self, *, success: bool) -> None:
        """Takes note of how asking went."""
        if success and self.closed:
            return
        with self._lock:
            changed = self.closed != success
            self.closed = success
            now = time.monotonic()
            self._next_try = now + PAUSE_SECONDS
            if changed and success:
                self._closed_at = now
            elif changed:
                self._opened_at = now
        if changed and success:
            logs.write("INFO", f"{self._name} answers again")
        elif changed:
            logs.write("WARNING", f"{self._name} does not answer")

    def suspect(self) -> None:
        """Opens it on the word of one connection, which may have been lost alone: the next caller may try at once."""
        with self._lock:
            if not self.closed:
                return
            self.closed = False
            self._opened_at = self._next_try = time.monotonic()
        logs.write("WARNING", f"{self._name} does not answer")

    def seconds_since_outage(self) -> float:
        """Since the server answered again; infinite if it always did, but for a blip some time ago."""
        seconds = time.monotonic() - self._closed_at
        was_blip = self._closed_at - self._opened_at < BLIP_SECONDS
        return inf if was_blip and seconds > FORGOTTEN_AFTER_SECONDS else seconds
