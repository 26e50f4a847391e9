"""Creates, reads, lists, changes, copies and deletes popups."""

from __future__ import annotations

import uuid

from common import postgres
from common.errors import Invalid
from common.web import Request, Response, answers, json_response
from functions.manage_popups.popups import queries
from functions.manage_popups.popups.checks import checked
from functions.manage_popups.popups.schemas import MAX_NAME_CHARACTERS
from functions.manage_popups.popups.store import (
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
from functions.manage_popups.rest import cached_answers
from functions.manage_popups.rest.edited import load_edited
from functions.manage_popups.rest.idempotency import once
from functions.manage_popups.rest.paging import MAX_PAGE_BYTES, cut_page, newest_first
from functions.manage_popups.rest.patching import as_written, merged, retry_lost_edits


@answers({201: "Popup"}, headers=("ETag", "Location"))
def create_popup(request: Request) -> Response:
    """Create a popup."""
    answer = once(
        request,
        lambda connection: _created(insert(connection, request, checked(connection, request.shop_id, request.data))),
    )
    cached_answers.forget(request.shop_id)
    return answer


@answers({200: "Popups"})
def list_popups(request: Request) -> Response:
    """List the shop's popups, newest first."""
    fields = _selected_fields(request.query["fields_"])
    rows = postgres.fetch_all(
        queries.SELECT_POPUPS,
        shop_id=request.shop_id,
        status=request.query["status"],
        search=request.query["search"],
        most_bytes=MAX_PAGE_BYTES,
        **newest_first(request),
    )
    page, next_cursor = cut_page(request, rows)
    return json_response({"popups": [shown(row, fields) for row in page], "next_cursor": next_cursor})


@answers({200: "PopupPart"}, headers=("ETag",))
def get_popup(request: Request, popup_id: uuid.UUID) -> Response:
    """Get a popup."""
    fields = _selected_fields(request.query["fields_"])
    with postgres.connection() as connection:
        popup = fetch(connection, request, popup_id)
    # Never a 304: the ETag is the version's, for If-Match, and the counters change without a new version.
    return json_response(shown(popup, fields), headers={"ETag": etag(popup)})


@answers({200: "Popup"}, headers=("ETag",), problems=(409, 412))
def update_popup(request: Request, popup_id: uuid.UUID) -> Response:
    """Change a popup by a merge patch (RFC 7396)."""

    def merge(connection: postgres.Connection) -> postgres.Row | None:
        popup = fetch(connection, request, popup_id)
        refuse_if_stale(request, popup)
        stored = {name: popup[name] for name in popup_schema.fields}
        changed = checked(connection, request.shop_id, merged(popup_schema, popup, request.data), stored)
        return update(connection, request, popup, changed)

    popup = retry_lost_edits(merge)
    cached_answers.refresh(request.shop_id, popup_id)
    return json_response(shown(popup), headers={"ETag": etag(popup)})


@answers({204: None}, problems=(409, 412))
def delete_popup(request: Request, popup_id: uuid.UUID) -> Response:
    """Delete a popup."""

    def remove(connection: postgres.Connection) -> postgres.Row | None:
        popup = fetch(connection, request, popup_id)
        refuse_if_stale(request, popup)
        return delete(connection, request, popup)

    retry_lost_edits(remove)
    cached_answers.refresh(request.shop_id, popup_id)
    return Response(204)


@answers({201: "Popup"}, headers=("ETag", "Location"))
def duplicate_popup(request: Request, popup_id: uuid.UUID) -> Response:
    """Copy a popup, as a draft."""

    def insert_copy(connection: postgres.Connection) -> Response:
        original = as_written(popup_schema, fetch(connection, request, popup_id))
        name = f"{original['name'][: MAX_NAME_CHARACTERS - len(' (copy)')]} (copy)"
        copy = load_edited(popup_schema, {**original, "name": name, "status": "draft"}, original)
        return _created(insert(connection, request, checked(connection, request.shop_id, copy, stored=copy)))

    return once(request, insert_copy)  # a draft changes no storefront's answer


def _created(popup: postgres.Row) -> Response:
    return json_response(shown(popup), 201, {"ETag": etag(popup), "Location": f"/popups/{popup['id']}"})


def _selected_fields(wanted: str | None) -> tuple[str, ...]:
    """Return the fields of `?fields=`, in the popup's order and always with its id. Raises Invalid."""
    if wanted is None:
        return POPUP_FIELDS
    names = {name.strip() for name in wanted.split(",") if name.strip()}
    if unknown := names - set(POPUP_FIELDS):
        raise Invalid(errors={"fields": [f"Unknown: {', '.join(sorted(unknown))[:200]}."]})
    return tuple(name for name in POPUP_FIELDS if name in names or name == "id")
