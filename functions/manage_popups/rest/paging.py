"""Keyset pagination: the query for a page, and the cursor to the next."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

from marshmallow import fields, validate

from common.errors import Invalid
from common.json_text import dumps, is_storable
from common.postgres import Row
from common.shop.fields import StrictSchema
from common.web import Request

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
# For pages with long rows: twenty such requests at once take a fifth of an instance's 512 MiB.
MAX_PAGE_BYTES = 512 * 1024

# The start of a list without a cursor: with a bound in every query Postgres always uses the index.
NEWEST = datetime.datetime.max.replace(tzinfo=datetime.UTC), uuid.UUID(int=2**128 - 1)
OLDEST = datetime.datetime.min.replace(tzinfo=datetime.UTC), uuid.UUID(int=0)

# Parameters that change neither a list's items nor their order.
OF_THE_PAGE = {"limit", "cursor", "fields_"}


class PageQuery(StrictSchema):
    """`?limit=50&cursor=…`."""

    limit = fields.Integer(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAX_LIMIT))
    cursor = fields.String(load_default=None, validate=validate.Length(max=1000))


def newest_first(request: Request) -> dict[str, Any]:
    """Return the parameters of a page of a list by (created_at, id), descending. Raises Invalid."""
    created_at, id_ = decode_cursor(request, _instant, uuid.UUID) or NEWEST
    return {"before_created_at": created_at, "before_id": id_, "limit": more_than_a_page(request)}


def oldest_first(request: Request) -> dict[str, Any]:
    """Return the same for a list by (recorded_at, id), ascending."""
    recorded_at, id_ = decode_cursor(request, _instant, uuid.UUID) or OLDEST
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
    return page, _encode_cursor(_list_of(request), position(page[-1])) if len(rows) > limit else None


def decode_cursor(request: Request, *readers: Callable[[str], Any]) -> list[Any] | None:
    """Return the position after which the page starts, each part parsed by its reader; None without a cursor."""
    cursor = request.query["cursor"]
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        its_list, *parts = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        if its_list != _list_of(request) or not all(isinstance(part, str) and is_storable(part) for part in parts):
            raise _not_a_cursor()
        return [reader(part) for reader, part in zip(readers, parts, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _not_a_cursor() from None


def _list_of(request: Request) -> str:
    """Return a name for the requested list: its shop, path and filters."""
    filters = sorted((name, str(value)) for name, value in request.query.items() if name not in OF_THE_PAGE)
    named = dumps([request.shop_id, request.path.rstrip("/").lower(), filters])
    return hashlib.blake2b(named, digest_size=8).hexdigest()


def _encode_cursor(its_list: str, position: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps([its_list, *position]).encode()).decode().rstrip("=")


def _instant(text: str) -> datetime.datetime:
    """Parse a time to UTC; one outside the calendar fails here rather than in the driver."""
    instant = datetime.datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant.astimezone(datetime.UTC)


def _not_a_cursor() -> Invalid:
    return Invalid(errors={"cursor": ["Not a cursor of this list with these filters."]})
