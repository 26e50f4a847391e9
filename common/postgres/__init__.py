"""Postgres: statements on pooled connections, the read replica, and group commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.postgres._database import Row, connection, fetch_all, fetch_one, load_driver, pool_state, retry_lost_races
from common.postgres._errors import DatabaseUnreachable, Duplicate, LostRace
from common.postgres._files import read_statement
from common.postgres._group_commit import GroupCommit

if TYPE_CHECKING:
    from common.postgres.driver import Connection

__all__ = [
    "Connection",
    "DatabaseUnreachable",
    "Duplicate",
    "GroupCommit",
    "LostRace",
    "Row",
    "connection",
    "fetch_all",
    "fetch_one",
    "load_driver",
    "pool_state",
    "read_statement",
    "retry_lost_races",
]
