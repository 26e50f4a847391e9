"""Popups: made, read, listed, changed, copied and deleted."""

from __future__ import annotations

import uuid

from common import cache, cache_keys, database
from common.body import load_fields
from common.errors import Invalid
from common.messages import Request, Response, json_response
from functions.manage_popups import cached_answers
from functions.manage_popups import popup_queries as queries
from functions.manage_popups.edits import as_written, merged, retry_lost_edits
from functions.manage_popups.idempotency import once
from functions.manage_popups.listing import MAX_PAGE_BYTES, cut_page, newest_first
from functions.manage_popups.popup_checks import checked
from functions.manage_popups.stored_popups import (
    POPUP_FIELDS,
    delete,
    etag,
    fetch,
    insert,
    popup_schema,
    refuse_if_stale,
    shown,
    update,
)

MAX_NAME_CHARACTERS = 200


def create_popup(request: Request) -> Response:
    answer = once(
        request, lambda session: _created(insert(session, request, checked(session, request.shop_id, request.data)))
    )
    cached_answers.forget(request.shop_id)
    return answer


def list_popups(request: Request) -> Response:
    fields = _selected_fields(request.query["fields_"])
    rows = database.fetch_all(
        queries.SELECT_POPUPS,
        shop_id=request.shop_id,
        status=request.query["status"],
        most_bytes=MAX_PAGE_BYTES,
        **newest_first(request),
    )
    page, next_cursor = cut_page(request, rows)
    return json_response({"popups": [shown(row, fields) for row in page], "next_cursor": next_cursor})


def read_popup(request: Request, popup_id: uuid.UUID) -> Response:
    fields = _selected_fields(request.query["fields_"])
    with database.session() as session:
        popup = fetch(session, request, popup_id)
    # No 304: the ETag is the version's, for If-Match, and the counters change without a new one.
    return json_response(shown(popup, fields), headers={"ETag": etag(popup)})


def patch_popup(request: Request, popup_id: uuid.UUID) -> Response:
    def merge(session: database.Session) -> database.Row | None:
        popup = fetch(session, request, popup_id)
        refuse_if_stale(request, popup)
        stored = {name: popup[name] for name in popup_schema.fields}
        changed = checked(session, request.shop_id, merged(popup_schema, popup, request.data), stored)
        return update(session, request, popup, changed)

    popup = retry_lost_edits(merge)
    cached_answers.refresh(request.shop_id)
    return json_response(shown(popup), headers={"ETag": etag(popup)})


def delete_popup(request: Request, popup_id: uuid.UUID) -> Response:
    def remove(session: database.Session) -> database.Row | None:
        popup = fetch(session, request, popup_id)
        refuse_if_stale(request, popup)
        return delete(session, request, popup)

    retry_lost_edits(remove)
    cached_answers.refresh(request.shop_id)
    cache.forget(cache_keys.popup_stats(popup_id))
    return Response(204)


def duplicate_popup(request: Request, popup_id: uuid.UUID) -> Response:
    def insert_copy(session: database.Session) -> Response:
        original = as_written(popup_schema, fetch(session, request, popup_id))
        name = f"{original['name'][: MAX_NAME_CHARACTERS - len(' (copy)')]} (copy)"
        copy = load_fields(popup_schema, {**original, "name": name, "status": "draft"})
        return _created(insert(session, request, checked(session, request.shop_id, copy, stored=copy)))

    return once(request, insert_copy)  # a draft: no shopper's answer changes


def _created(popup: database.Row) -> Response:
    return json_response(shown(popup), 201, {"ETag": etag(popup), "Location": f"/popups/{popup['id']}"})


def _selected_fields(wanted: str | None) -> tuple[str, ...]:
    """The fields that `?fields=` names, in the order of the object and always with its id. Raises Invalid."""
    if wanted is None:
        return POPUP_FIELDS
    names = {name.strip() for name in wanted.split(",") if name.strip()}
    if unknown := names - set(POPUP_FIELDS):
        raise Invalid(errors={"fields": [f"Unknown: {', '.join(sorted(unknown))[:200]}."]})
    return tuple(name for name in POPUP_FIELDS if name in names or name == "id")
