"""Cursors: where the next page of a list starts. A cursor is of one list, with its filters, and of one shop."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from common.errors import Invalid
from common.json_text import dumps, is_storable
from common.web._messages import Request

# Parameters that change neither a list's items nor their order.
OF_THE_PAGE = {"limit", "cursor", "fields_"}


def encode_cursor(request: Request, position: list[str]) -> str:
    """Return the cursor to what comes after the position in the requested list."""
    return base64.urlsafe_b64encode(json.dumps([_list_of(request), *position]).encode()).decode().rstrip("=")


def decode_cursor(request: Request, *readers: Callable[[str], Any]) -> list[Any] | None:
    """Return the position after which the page starts, each part parsed by its reader; None without a cursor.

    Raises Invalid.
    """
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


def _not_a_cursor() -> Invalid:
    return Invalid(errors={"cursor": ["Not a cursor of this list with these filters."]})
