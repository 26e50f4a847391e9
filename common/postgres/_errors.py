"""What a statement can run into and its caller may want to handle, and what Postgres means by it. Unhandled: a 503."""

from __future__ import annotations

import threading
import time

from common import logs
from common.errors import DatabaseOutdated, DatabaseTimeout, DatabaseUnavailable

# The fields of Postgres' ErrorResponse by their letters: C is the SQLSTATE.
Refusal = dict[str, str]

# SQLSTATEs after which the server has ended, or is about to end, the connection: connection exceptions and shutdowns.
_HUNG_UP = ("08", "57P")
# A statement beyond its time, or that waited too long for a lock.
_TOO_SLOW = ("57014", "55P03")
# A later try may succeed: also a full server, and one that only reads.
_TRY_AGAIN = (*_HUNG_UP, *_TOO_SLOW, "53", "25006")
# Deadlocks and serialization failures: rolled back so that another transaction could go on.
_LOST_RACE = "40"
_UNIQUE_VIOLATION = "23505"
# There is no such column, table, function, type, or key for ON CONFLICT: a migration is missing.
_OUTDATED = ("42703", "42P01", "42883", "42704", "42P10")
# So it is where a value is not among those of a closed set, whose CHECK ends with this.
_CHECK_VIOLATION, _CLOSED_SET = "23514", "_known"
# Where Postgres refuses a prepared statement because a migration has changed what it returns.
_STALE_STATEMENT = "RevalidateCachedQuery"

# Severity, SQLSTATE, message, the names of what is concerned, and where in the server's own source.
_LOGGABLE = "SVCMstcndRFL"

# How often the log says that the same SQLSTATE was met.
WARNING_SECONDS = 1.0
_next_warnings: dict[str, float] = {}
_next_warnings_lock = threading.Lock()


class Duplicate(Exception):
    """A unique constraint refused a row; `constraint` is its name."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class LostRace(DatabaseUnavailable):
    """The database preferred another transaction to this one. Try again."""


class StaleStatement(DatabaseUnavailable):
    """The database's schema has changed under this request. Try again."""


class DatabaseUnreachable(DatabaseUnavailable):
    """Nothing answers at the database's address. Try again after the seconds in `Retry-After`."""


def has_hung_up(refusal: Refusal) -> bool:
    """Whether the server has ended the connection with it, or is about to."""
    return refusal.get("C", "").startswith(_HUNG_UP)


def expected_refusal(refusal: Refusal) -> Exception | None:
    """The error for a refusal that a caller may handle; None for any other, which is a mistake of ours."""
    sqlstate = refusal.get("C", "")
    if refusal.get("R") == _STALE_STATEMENT:
        return StaleStatement()
    if sqlstate.startswith((_LOST_RACE, *_TRY_AGAIN)):
        # None but M: other fields hold the statement and its values, such as e-mail addresses.
        _warn_seldom("Postgres refused a statement", sqlstate, refusal.get("M", ""))
        if sqlstate.startswith(_LOST_RACE):
            return LostRace()
        return DatabaseTimeout() if sqlstate in _TOO_SLOW else DatabaseUnavailable()
    if _is_outdated(refusal):
        _warn_seldom("The database lacks a migration: run popups migrate", sqlstate, refusal.get("M", ""))
        return DatabaseOutdated()
    return Duplicate(refusal.get("n", "")) if sqlstate == _UNIQUE_VIOLATION else None


def _is_outdated(refusal: Refusal) -> bool:
    sqlstate = refusal.get("C")
    return sqlstate in _OUTDATED or (sqlstate == _CHECK_VIOLATION and refusal.get("n", "").endswith(_CLOSED_SET))


def loggable(refusal: Refusal) -> Refusal:
    """Nothing of what was refused (D, W, q), since that may be somebody's address."""
    return {field: text for field, text in refusal.items() if field in _LOGGABLE}


def broken_connection(error: Exception) -> DatabaseUnavailable:
    """The error for a connection that broke: silence is told apart, since others may be silent as well."""
    _warn_seldom("A connection to Postgres broke", type(error).__name__, str(error))
    return DatabaseUnreachable() if _is_silence(error) else DatabaseUnavailable()


def _is_silence(error: Exception) -> bool:
    """Whether nothing came for too long, rather than an end of the connection; pg8000 wraps some of them."""
    return isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)


def _warn_seldom(message: str, kind: str, text: str) -> None:
    """Why a request is about to be answered 503; in an outage thousands have the same reason, so once in a while."""
    now = time.monotonic()
    with _next_warnings_lock:
        if now < _next_warnings.get(kind, 0.0):
            return
        _next_warnings[kind] = now + WARNING_SECONDS
    logs.write("WARNING", message, reason=f"{kind} {text}"[:200])
