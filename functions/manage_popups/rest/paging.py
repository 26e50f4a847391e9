"""Keyset pagination: the query for a page, and the cursor to the next."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from typing import Any

from marshmallow import fields, validate

from common.postgres import Row
from common.shop.fields import QueryInteger, StrictSchema
from common.web import Request, decode_cursor, encode_cursor

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
# For pages with long rows: twenty such requests at once take a fifth of an instance's 512 MiB.
MAX_PAGE_BYTES = 512 * 1024

# The start of a list without a cursor: with a bound in every query Postgres always uses the index.
NEWEST = datetime.datetime.max.replace(tzinfo=datetime.UTC), uuid.UUID(int=2**128 - 1)
OLDEST = datetime.datetime.min.replace(tzinfo=datetime.UTC), uuid.UUID(int=0)


class PageQuery(StrictSchema):
    """`?limit=50&cursor=…`."""

    limit = QueryInteger(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAX_LIMIT))
    cursor = fields.String(load_default=None, validate=validate.Length(max=1000))


def newest_first(request: Request) -> dict[str, Any]:
    """Return the parameters of a page of a list by (created_at, id), descending. Raises Invalid."""
    created_at, id_ = decode_cursor(request, instant, uuid.UUID) or NEWEST
    return {"before_created_at": created_at, "before_id": id_, "limit": more_than_a_page(request)}


def oldest_first(request: Request) -> dict[str, Any]:
    """Return the same for a list by (recorded_at, id), ascending."""
    recorded_at, id_ = decode_cursor(request, instant, uuid.UUID) or OLDEST
    return {"after_recorded_at": recorded_at, "after_id": id_, "limit": more_than_a_page(request)}


def creation(row: Row) -> list[str]:
    """Return a row's position in such a list, which rows added or removed meanwhile do not change."""
    return [row["created_at"].isoformat(), str(row["id"])]


def more_than_a_page(request: Request) -> int:
    """Return the limit plus one: the extra row shows that there is a next page."""
    return int(request.query["limit"]) + 1


def cut_page(
    request: Request, rows: list[Row], position: Callable[[Row], list[str]] = creation
) -> tuple[list[Row], str | None]:
    """Return the page's rows, and the cursor to the next page, if there is one.

    Rows with `bytes_so_far` make a page of at most MAX_PAGE_BYTES, but of at least one row.
    """
    fitting = sum(row.get("bytes_so_far", 0) <= MAX_PAGE_BYTES for row in rows)
    limit = min(request.query["limit"], max(1, fitting))
    page = rows[:limit]
    return page, encode_cursor(request, position(page[-1])) if len(rows) > limit else None


def instant(text: str) -> datetime.datetime:
    """Parse a time to UTC; one outside the calendar fails here rather than in the driver."""
    instant = datetime.datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant.astimezone(datetime.UTC)
