"""Popups: made, read, listed, changed, copied and deleted."""

from __future__ import annotations

import uuid

from common import cache, cache_keys, database
from common.body import load_fields
from common.messages import Request, Response, json_response
from functions.manage_popups import popup_queries as queries
from functions.manage_popups.idempotency import once
from functions.manage_popups.listing import cut_page, newest_first, selected_fields
from functions.manage_popups.merge_patch import MAX_MERGES, merge_patch
from functions.manage_popups.stored_popups import (
    POPUP_FIELDS,
    as_written,
    being_changed,
    etag,
    fetch,
    forget_cache,
    insert,
    popup_schema,
    refresh_cache,
    refuse_if_stale,
    shown,
    update,
)

MAX_NAME_CHARACTERS = 200


def create_popup(request: Request) -> Response:
    answer = once(request, lambda session: _created(insert(session, request, request.data)))
    forget_cache(request.shop_id)
    return answer


def list_popups(request: Request) -> Response:
    fields = selected_fields(request.query["fields_"], POPUP_FIELDS)
    rows = database.fetch_all(
        queries.SELECT_POPUPS, shop_id=request.shop_id, status=request.query["status"], **newest_first(request)
    )
    page, next_cursor = cut_page(request, rows)
    return json_response({"popups": [shown(row, fields) for row in page], "next_cursor": next_cursor})


def read_popup(request: Request, popup_id: uuid.UUID) -> Response:
    fields = selected_fields(request.query["fields_"], POPUP_FIELDS)
    with database.session() as session:
        popup = fetch(session, request, popup_id)
    # No 304: the ETag is the version's, for If-Match, and the counters change without a new one.
    return json_response(shown(popup, fields), headers={"ETag": etag(popup)})


def patch_popup(request: Request, popup_id: uuid.UUID) -> Response:
    with database.session() as session:
        for _ in range(MAX_MERGES):
            popup = fetch(session, request, popup_id)
            refuse_if_stale(request, popup)
            changed = load_fields(popup_schema, merge_patch(as_written(popup), request.data))
            if updated := update(session, request, popup, changed):
                break
        else:
            raise being_changed()
    refresh_cache(request.shop_id)
    return json_response(shown(updated), headers={"ETag": etag(updated)})


def delete_popup(request: Request, popup_id: uuid.UUID) -> Response:
    assert request.key is not None
    with database.session() as session:
        for _ in range(MAX_MERGES):
            popup = fetch(session, request, popup_id)
            refuse_if_stale(request, popup)
            if session.fetch_one(
                queries.DELETE_POPUP,
                shop_id=request.shop_id,
                id=popup_id,
                read_version=popup["version"],
                api_key_id=request.key.id,
            ):
                break
        else:
            raise being_changed()
    refresh_cache(request.shop_id)
    cache.forget(cache_keys.popup_stats(popup_id))
    return Response(204)


def duplicate_popup(request: Request, popup_id: uuid.UUID) -> Response:
    def insert_copy(session: database.Session) -> Response:
        original = as_written(fetch(session, request, popup_id))
        name = f"{original['name'][: MAX_NAME_CHARACTERS - len(' (copy)')]} (copy)"
        copy = load_fields(popup_schema, {**original, "name": name, "status": "draft"})
        return _created(insert(session, request, copy))

    return once(request, insert_copy)  # a draft: no shopper's answer changes


def _created(popup: database.Row) -> Response:
    return json_response(shown(popup), 201, {"ETag": etag(popup), "Location": f"/popups/{popup['id']}"})
