"""Popups: made, read, listed, changed, copied and deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any

from common import cache, cache_keys, database
from common.active_popups import load_active_popups
from common.body import load_fields
from common.conditional import is_known, is_stale
from common.errors import Conflict, Invalid, PopupNotFound, StaleVersion
from common.ids import new_id
from common.json_text import dumps
from common.messages import Request, Response, json_response
from functions.manage_popups import popup_queries as queries
from functions.manage_popups.idempotency import once
from functions.manage_popups.listing import cut_page, newest_first, selected_fields
from functions.manage_popups.merge_patch import merge_patch
from functions.manage_popups.schemas import PopupSchema

# What a merchant sees of a popup, in this order; what he writes is what PopupSchema accepts.
POPUP_FIELDS = (
    "id", "name", "description", "status", "trigger", "design", "targeting", "frequency", "offer", "variants",
    "holdout_percent", "starts_at", "ends_at", "priority", "view_limit", "view_count", "conversion_count",
    "is_active", "version", "created_at", "updated_at",
)  # fmt: skip
DOCUMENTS = ("trigger", "design", "targeting", "frequency", "offer", "variants")
MAX_NAME_CHARACTERS = 200
# An edit that meets another is merged into the newer version; more meetings than this are a conflict.
MAX_MERGES = 5

_popup_schema = PopupSchema()
_writable = tuple(_popup_schema.fields)


def create_popup(request: Request) -> Response:
    answer = once(request, lambda session: _insert(session, request.shop_id, request.data))
    _refresh_cache(request.shop_id)
    return answer


def list_popups(request: Request) -> Response:
    fields = selected_fields(request.query["fields_"], POPUP_FIELDS)
    rows = database.fetch_all(
        queries.SELECT_POPUPS, shop_id=request.shop_id, status=request.query["status"], **newest_first(request)
    )
    page, next_cursor = cut_page(request, rows)
    return json_response({"popups": [_shown(row, fields) for row in page], "next_cursor": next_cursor})


def read_popup(request: Request, popup_id: uuid.UUID) -> Response:
    fields = selected_fields(request.query["fields_"], POPUP_FIELDS)
    with database.session() as session:
        popup = _fetch(session, request.shop_id, popup_id)
    if is_known(request, _etag(popup)):
        return Response(304, headers={"ETag": _etag(popup)})
    return json_response(_shown(popup, fields), headers={"ETag": _etag(popup)})


def patch_popup(request: Request, popup_id: uuid.UUID) -> Response:
    with database.session() as session:
        for _ in range(MAX_MERGES):
            popup = _fetch(session, request.shop_id, popup_id)
            _refuse_if_stale(request, popup)
            changed = load_fields(_popup_schema, merge_patch(_as_written(popup), request.data))
            if row := _update(session, popup, changed):
                _refresh_cache(request.shop_id)
                updated = {**popup, **row}
                return json_response(_shown(updated, POPUP_FIELDS), headers={"ETag": _etag(updated)})
            _refuse_unknown_discount_codes(session, request.shop_id, changed)
    raise Conflict("The popup is being changed by others at this moment. Try again.")


def delete_popup(request: Request, popup_id: uuid.UUID) -> Response:
    with database.session() as session:
        popup = _fetch(session, request.shop_id, popup_id)
        _refuse_if_stale(request, popup)
        if not session.fetch_one(
            queries.DELETE_POPUP, shop_id=request.shop_id, id=popup_id, read_version=popup["version"]
        ):
            raise Conflict("The popup is being changed by others at this moment. Try again.")
    _refresh_cache(request.shop_id)
    cache.forget(cache_keys.popup_stats(popup_id))
    return Response(204)


def duplicate_popup(request: Request, popup_id: uuid.UUID) -> Response:
    def insert_copy(session: database.Session) -> Response:
        original = _as_written(_fetch(session, request.shop_id, popup_id))
        name = f"{original['name'][: MAX_NAME_CHARACTERS - len(' (copy)')]} (copy)"
        copy = load_fields(_popup_schema, {**original, "name": name, "status": "draft"})
        return _insert(session, request.shop_id, copy)

    return once(request, insert_copy)  # a draft: no shopper's answer changes


def _insert(session: database.Session, shop_id: str, popup: dict[str, Any]) -> Response:
    row = session.fetch_one(queries.INSERT_POPUP, id=new_id(), shop_id=shop_id, **_as_columns(popup))
    if row is None:
        _refuse_unknown_discount_codes(session, shop_id, popup)
        raise Conflict("The discount codes that the popup offers are being changed at this moment. Try again.")
    created = {**row, "view_count": 0, "conversion_count": 0}
    headers = {"ETag": _etag(created), "Location": f"/popups/{created['id']}"}
    return json_response(_shown(created, POPUP_FIELDS), 201, headers)


def _update(session: database.Session, read: database.Row, changed: dict[str, Any]) -> database.Row | None:
    """The changed row; None where another edit came first."""
    return session.fetch_one(
        queries.UPDATE_POPUP,
        shop_id=read["shop_id"],
        id=read["id"],
        read_version=read["version"],
        **_as_columns(changed),
    )


def _refresh_cache(shop_id: str) -> None:
    """Replaces the cached answers that a change of one popup changes."""
    cache.forget(cache_keys.shop_stats(shop_id))
    cache.replace(cache_keys.active_popups(shop_id), partial(load_active_popups, shop_id))


def _refuse_if_stale(request: Request, popup: database.Row) -> None:
    if is_stale(request, _etag(popup)):
        raise StaleVersion(headers={"ETag": _etag(popup)})


def _fetch(session: database.Session, shop_id: str, popup_id: uuid.UUID) -> database.Row:
    popup = session.fetch_one(queries.SELECT_POPUP, shop_id=shop_id, id=popup_id)
    if popup is None:
        raise PopupNotFound()
    return popup


def _shown(popup: database.Row, fields: Iterable[str]) -> dict[str, Any]:
    return {name: popup[name] for name in fields}


def _as_written(popup: database.Row) -> dict[str, Any]:
    """The popup in the form that PopupSchema loads."""
    times = {name: popup[name] and popup[name].isoformat() for name in ("starts_at", "ends_at")}
    return {name: popup[name] for name in _writable} | times


def _as_columns(popup: dict[str, Any]) -> dict[str, Any]:
    documents = {name: dumps(popup[name]).decode() for name in DOCUMENTS}
    return popup | documents | {"discount_code_ids": list(set(_offered_codes(popup).values()))}


def _etag(popup: database.Row) -> str:
    return f'"{popup["version"]}"'


def _offered_codes(popup: dict[str, Any]) -> dict[str, uuid.UUID]:
    """The ids of the discount codes that a popup offers, by the path of the offer."""
    offers = {"offer": popup["offer"]} | {
        f"variants.{index}.offer": variant["offer"] for index, variant in enumerate(popup["variants"])
    }
    return {path: offer["discount_code_id"] for path, offer in offers.items() if offer.get("discount_code_id")}


def _refuse_unknown_discount_codes(session: database.Session, shop_id: str, popup: dict[str, Any]) -> None:
    """Raises Invalid where an offer names a discount code that the shop does not have."""
    offered = _offered_codes(popup)
    rows = session.fetch_all(queries.SELECT_DISCOUNT_CODES, shop_id=shop_id, ids=list(offered.values()))
    known = {row["id"] for row in rows}
    if missing := [path for path, id_ in offered.items() if id_ not in known]:
        raise Invalid(errors={f"{path}.discount_code_id": ["There is no such discount code."] for path in missing})
