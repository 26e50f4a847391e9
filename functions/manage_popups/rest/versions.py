"""ETags of what merchants edit, and If-Match: an edit of a version that is no longer the current one is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from common.errors import StaleVersion
from common.postgres import Row
from common.web import Request, is_stale

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def last_edit(row: Row) -> str:
    """Return the ETag of a row without a version number: the microsecond of its last edit."""
    return f'"{(row["updated_at"] - _EPOCH) // timedelta(microseconds=1)}"'


def refuse_if_stale(request: Request, etag: str) -> None:
    """Raise StaleVersion, with the current ETag, if there is an If-Match that does not name it."""
    if is_stale(request, etag):
        raise StaleVersion(headers={"ETag": etag})
