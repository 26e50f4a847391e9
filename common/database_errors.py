"""What a statement can run into and its caller may want to handle. Nobody there: they are answered as 503."""

from __future__ import annotations

from common.errors import DatabaseUnavailable


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
