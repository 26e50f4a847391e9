"""Lists, page by page: the query that asks for a page, and the cursor that leads to the next."""

from __future__ import annotations

import base64
import binascii
import datetime
import uuid
from typing import Any

from marshmallow import Schema, fields, validate

from common.errors import Invalid
from functions.manage_popups.schemas import STATUSES

DEFAULT_LIMIT, MAX_LIMIT = 50, 100


class ListQuery(Schema):
    """`?status=active&limit=50&cursor=…&fields=name,status`."""

    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    limit = fields.Integer(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAX_LIMIT))
    cursor = fields.String(load_default=None, validate=validate.Length(max=300))
    fields_ = fields.String(data_key="fields", load_default=None)


def encode_cursor(shop_id: str, row: dict[str, Any]) -> str:
    """Where the page after this row starts: rows added or removed meanwhile do not move it."""
    text = f"{shop_id} {row['created_at'].isoformat()} {row['id']}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(shop_id: str, cursor: str | None) -> tuple[datetime.datetime | None, uuid.UUID | None]:
    """The (created_at, id) that the page starts after; None where there is no cursor. Raises Invalid."""
    if cursor is None:
        return None, None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        owner, created_at, id_ = base64.urlsafe_b64decode(padded.encode("ascii")).decode("ascii").split(" ")
        position = datetime.datetime.fromisoformat(created_at), uuid.UUID(id_)
    except (ValueError, binascii.Error):
        raise Invalid(errors={"cursor": ["Not a cursor that a list has given."]}) from None
    if owner != shop_id or position[0].tzinfo is None:
        raise Invalid(errors={"cursor": ["Not a cursor that a list of this shop has given."]})
    return position


def selected_fields(wanted: str | None, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """The fields that `?fields=` names, in the order of the object and always with its id. Raises Invalid."""
    if wanted is None:
        return allowed
    names = {name.strip() for name in wanted.split(",") if name.strip()}
    if unknown := names - set(allowed):
        raise Invalid(errors={"fields": [f"Unknown: {', '.join(sorted(unknown))[:200]}."]})
    return tuple(name for name in allowed if name in names or name == "id")
