"""The parts that views and conversions share: their schema, refusals, storage and cache invalidation."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

from marshmallow import fields, validate

from common import cache, postgres
from common.cache import keys
from common.errors import OriginNotAllowed, PopupNotFound, ProblemError, ShopNotFound
from common.ids import new_id
from common.json_text import dumps
from common.shop.event_ids import kept_and_foreign
from common.shop.quick_schema import QuickSchema, UuidText
from common.shop.viewers_lock import SHARE_VIEWERS

DEVICE_TYPES = ("desktop", "mobile", "tablet")
# A new type also needs a migration that widens popup_conversions_type_known: tests/rules/test_closed_sets.py.
CONVERSION_TYPES = ("click", "email_capture", "discount_code_used", "purchase")
HOLDOUT, SHOP_HOLDOUT = "holdout", "shop_holdout"
# The variant ids of viewers who are shown nothing, by the popup or by the whole shop: no variant has such an id.
HOLDOUTS = (HOLDOUT, SHOP_HOLDOUT)
MAX_ID_CHARACTERS = 64
# The popup of an event that names only its shop, where no popup has the credit.
NO_POPUP = uuid.UUID(int=0)


def id_field(**options: Any) -> fields.String:
    return fields.String(validate=validate.Length(min=1, max=MAX_ID_CHARACTERS), **options)


class EventSchema(QuickSchema):
    """The fields that views and conversions share. Unknown fields are ignored."""

    event_id = UuidText(load_default=None, allow_none=True)
    popup_id = UuidText(required=True)
    session_id = id_field(required=True)
    visitor_id = id_field(load_default=None, allow_none=True)
    variant_id = id_field(load_default=None, allow_none=True)
    device_type = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(DEVICE_TYPES))

    def finish(self, event: dict[str, Any]) -> dict[str, Any]:
        """Give the event an id, if it was sent without one."""
        event["event_id"] = event["event_id"] or str(new_id())
        return event


class EventRow(TypedDict):
    """An event as json_to_recordset reads it; tests/functions/test_event_rows.py compares it with the statements."""

    position: NotRequired[int]
    event_id: str
    foreign_id: NotRequired[str]
    popup_id: str
    session_id: str
    visitor_id: str | None
    variant_id: str | None
    device_type: str | None
    origin: str | None


# The errors by the codes with which the inserting statements report a refusal.
_REFUSALS: dict[str, type[ProblemError]] = {
    error.code: error for error in (PopupNotFound, ShopNotFound, OriginNotAllowed)
}


def refusal_error(code: str) -> ProblemError:
    """Return the error for a refused event."""
    return _REFUSALS[code]()


def as_json_row(event: dict[str, Any], **more: Any) -> Any:
    """Return an event's EventRow with `more` columns; `foreign_id` is its id as sent if it is stored under another."""
    event_id, foreign_id = kept_and_foreign(event["event_id"])
    row = {**event, **more, "event_id": event_id}
    return row | {"foreign_id": foreign_id} if foreign_id else row


def as_parameters(rows: Sequence[EventRow]) -> dict[str, Any]:
    """Return the parameters of the statements that store events: the rows as JSON, and each origin once.

    A row refers to its origin by the index in that list, from 0.
    """
    numbers: dict[str | None, int] = {}
    events = [{**row, "origin": numbers.setdefault(row["origin"], len(numbers))} for row in rows]
    return {"events": dumps(events).decode(), "origins": dumps(list(numbers)).decode()}


def insert_events(rows: Sequence[EventRow], enter_stored: str, insert: str) -> list[Any]:
    """Run `insert`, which stores the events in autocommit mode, and return its rows.

    The lock on the shops' viewers is sent with it, before it and in one transaction, and if some are foreign,
    `enter_stored`.
    """
    with postgres.connection() as connection:
        connection.queue(SHARE_VIEWERS, popup_ids=_as_array({row["popup_id"] for row in rows}))
        queue_foreign(connection, rows, enter_stored)
        return connection.fetch_all(insert, **as_parameters(rows))


def _as_array(ids: set[str]) -> str:
    """Return UUIDs, as canonical text, as the literal of an array: pg8000 would look at each character in Python."""
    return f"{{{','.join(sorted(ids))}}}"


def queue_foreign(connection: postgres.Connection, rows: Sequence[EventRow], enter_stored: str) -> None:
    """Queue `enter_stored` if some events are foreign."""
    if foreign_ids := [row["foreign_id"] for row in rows if "foreign_id" in row]:
        connection.queue(enter_stored, foreign_ids=foreign_ids)


def forget_stats(changed: set[tuple[str, uuid.UUID]]) -> None:
    """Drop the cached reports of these (shop_id, popup_id), which new events have changed."""
    popups = {keys.popup_stats(popup_id) for _, popup_id in changed}
    shops = {keys.shop_stats(shop_id) for shop_id, _ in changed}
    cache.forget_soon(*popups, *shops)
