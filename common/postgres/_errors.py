"""Exceptions for expected Postgres errors, and the mapping from SQLSTATE. Uncaught ones become a 503."""

from __future__ import annotations

import threading
import time

from common import logs
from common.errors import DatabaseOutdated, DatabaseTimeout, DatabaseUnavailable

# The fields of Postgres' ErrorResponse by their letters: C is the SQLSTATE.
Refusal = dict[str, str]

# SQLSTATEs with which the server ends the connection: connection exceptions and shutdowns.
_HUNG_UP = ("08", "57P")
# Statement timeout and lock timeout.
_TOO_SLOW = ("57014", "55P03")
# A retry may succeed; 53 is a full server, 25006 a read-only one.
_TRY_AGAIN = (*_HUNG_UP, *_TOO_SLOW, "53", "25006")
# Deadlocks and serialization failures, rolled back in favour of another transaction.
_LOST_RACE = "40"
_UNIQUE_VIOLATION = "23505"
# An unknown column, table, function, type, or key for ON CONFLICT: a migration is missing.
_OUTDATED = ("42703", "42P01", "42883", "42704", "42P10")
# Likewise if a value is not in a closed set, whose CHECK's name ends with this.
_CHECK_VIOLATION, _CLOSED_SET = "23514", "_known"
# The routine in which Postgres refuses a prepared statement whose result type a migration has changed.
_STALE_STATEMENT = "RevalidateCachedQuery"

# Severity, SQLSTATE, message, the names of the objects concerned, and the place in the server's source.
_LOGGABLE = "SVCMstcndRFL"

# The log reports the same SQLSTATE at most once in this time.
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
    """Return whether the server ends the connection with this error."""
    return refusal.get("C", "").startswith(_HUNG_UP)


def expected_refusal(refusal: Refusal) -> Exception | None:
    """Return the exception for an expected error; None for any other, which is a bug."""
    sqlstate = refusal.get("C", "")
    if refusal.get("R") == _STALE_STATEMENT:
        return StaleStatement()
    if sqlstate.startswith((_LOST_RACE, *_TRY_AGAIN)):
        # Only M: other fields contain the statement and its values, such as e-mail addresses.
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
    """Return the fields without statements and values (D, W, q), which may contain e-mail addresses."""
    return {field: text for field, text in refusal.items() if field in _LOGGABLE}


def broken_connection(error: Exception) -> DatabaseUnavailable:
    """Return the exception for a broken connection; a timeout has its own, since others may be silent as well."""
    _warn_seldom("A connection to Postgres broke", type(error).__name__, str(error))
    return DatabaseUnreachable() if _is_silence(error) else DatabaseUnavailable()


def _is_silence(error: Exception) -> bool:
    """Return whether it is a timeout rather than a closed connection; pg8000 wraps some of them."""
    return isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)


def _warn_seldom(message: str, kind: str, text: str) -> None:
    """Log why a request becomes a 503, at most once per WARNING_SECONDS: in an outage thousands share the reason."""
    now = time.monotonic()
    with _next_warnings_lock:
        if now < _next_warnings.get(kind, 0.0):
            return
        _next_warnings[kind] = now + WARNING_SECONDS
    logs.write("WARNING", message, reason=f"{kind} {text}"[:200])
