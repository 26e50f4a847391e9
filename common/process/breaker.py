"""A circuit breaker: while a server does not answer, one request per second probes it; the others fail at once."""

from __future__ import annotations

import threading
import time
from math import inf

from common import logs

PAUSE_SECONDS = 1.0
# An outage that ended at the first probe is ignored after 3 s: by then pending invalidations have been replayed.
BLIP_SECONDS = 1.5 * PAUSE_SECONDS
FORGOTTEN_AFTER_SECONDS = 3.0


class Breaker:
    """Open for PAUSE_SECONDS after an error, then half-open: one caller per pause probes, until a probe succeeds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._next_try = 0.0
        self._opened_at = self._closed_at = -inf
        self.closed = True

    def admits(self) -> bool:
        """Return whether the caller may call the server now; while half-open, True claims the probe."""
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
        """Record the outcome of a call, and log each change of state."""
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
        """Open after one lost connection, half-open at once: the server itself may be fine."""
        with self._lock:
            if not self.closed:
                return
            self.closed = False
            self._opened_at = self._next_try = time.monotonic()
        logs.write("WARNING", f"{self._name} does not answer")

    def seconds_since_outage(self) -> float:
        """Return the seconds since the last outage ended: 0 while it lasts, infinite if there was none or only a blip.

        The probe gets 0 too: it may be answered before the pending invalidations have been replayed.
        """
        if not self.closed:
            return 0.0
        seconds = time.monotonic() - self._closed_at
        was_blip = self._closed_at - self._opened_at < BLIP_SECONDS
        return inf if was_blip and seconds > FORGOTTEN_AFTER_SECONDS else seconds
