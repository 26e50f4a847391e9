"""Clocks that a test sets: a monotonic one that it moves by hand, and a time zone whose midnight is near."""

import datetime


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def zone_with_midnight_in(seconds: int, now: datetime.datetime) -> str:
    """Return a POSIX time zone in which the next midnight is in so many seconds.

    Its offset counts westwards: `<X>-05:30:00` is five and a half hours ahead of UTC.
    """
    since_midnight = now.hour * 3600 + now.minute * 60 + now.second
    ahead = 24 * 3600 - since_midnight - seconds
    if ahead > 12 * 3600:
        ahead -= 24 * 3600
    sign = "-" if ahead >= 0 else "+"
    return f"<X>{sign}{abs(ahead) // 3600:02}:{abs(ahead) // 60 % 60:02}:{abs(ahead) % 60:02}"
