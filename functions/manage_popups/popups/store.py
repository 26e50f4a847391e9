"""Storage of popups with their history, and conversion to the form that merchants see and write."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from common import postgres
from common.errors import BeingChanged, Invalid, PopupNotFound
from common.ids import new_id
from common.json_text import dumps
from common.web import Request
from functions.manage_popups.popups import queries
from functions.manage_popups.popups.schemas import PopupSchema
from functions.manage_popups.popups.stretches import begins_stretch, changed_midway
from functions.manage_popups.rest import versions

# The fields that merchants see, in this order; PopupSchema has those they write.
POPUP_FIELDS = (
    "id", "name", "description", "status", "trigger", "design", "targeting", "frequency", "offer", "variants",
    "holdout_percent", "experiment", "starts_at", "ends_at", "priority", "view_limit", "view_count", "conversion_count",
    "is_active", "version", "created_at", "updated_at",
)  # fmt: skip
DOCUMENTS = ("trigger", "design", "targeting", "frequency", "offer", "variants", "experiment")

# What a history leaves out: the release before brings back no version with a field that it does not know.
NOT_KEPT = ("experiment",)
FALLBACK = "fallback_discount_code_id"

popup_schema = PopupSchema()


def fetch(connection: postgres.Connection, request: Request, popup_id: uuid.UUID) -> postgres.Row:
    """Return the popup's row. Raises PopupNotFound."""
    popup = connection.fetch_one(queries.SELECT_POPUP, shop_id=request.shop_id, id=popup_id)
    if popup is None:
        raise PopupNotFound()
    return popup


def insert(connection: postgres.Connection, request: Request, popup: dict[str, Any]) -> postgres.Row:
    """Insert a popup and return its row. Raises Invalid for an unknown discount code."""
    row = connection.fetch_one(queries.INSERT_POPUP, id=new_id(), **_parameters(request, popup))
    if row is None:
        _refuse_unknown_discount_codes(connection, request.shop_id, popup)
        raise BeingChanged()
    return {**row, "view_count": 0, "conversion_count": 0}


def update(
    connection: postgres.Connection,
    request: Request,
    read: postgres.Row,
    changed: dict[str, Any],
    restored_version: int | None = None,
) -> postgres.Row | None:
    """Return the changed row; None if a concurrent edit won. Raises Invalid for an unknown discount code."""
    was_deleted = read["deleted_at"] is not None
    row = connection.fetch_one(
        queries.UPDATE_POPUP,
        id=read["id"],
        read_version=read["version"],
        newest_version=read["version"] - was_deleted,
        was_deleted=was_deleted,
        restored_version=restored_version,
        begins_stretch=begins_stretch(read, changed),
        changed_midway=changed_midway(read, changed),
        **_parameters(request, changed),
    )
    if row is None:
        _refuse_unknown_discount_codes(connection, request.shop_id, changed)
        return None
    return {**read, **row}


def delete(connection: postgres.Connection, request: Request, read: postgres.Row) -> postgres.Row | None:
    """Return a row if the popup was deleted; None if a concurrent edit won."""
    return connection.fetch_one(
        queries.DELETE_POPUP,
        shop_id=request.shop_id,
        id=read["id"],
        read_version=read["version"],
        api_key_id=request.key_id,
    )


def refuse_if_stale(request: Request, popup: postgres.Row) -> None:
    versions.refuse_if_stale(request, etag(popup))


def shown(popup: postgres.Row, fields: Iterable[str] = POPUP_FIELDS) -> dict[str, Any]:
    return {name: popup[name] for name in fields}


def etag(popup: postgres.Row) -> str:
    return f'"{popup["version"]}"'


def _parameters(request: Request, popup: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of the statements that write a popup, including the shop and the API key."""
    offered = _offered_codes(popup)
    return {
        **popup,
        **{name: dumps(popup[name]).decode() for name in DOCUMENTS},
        "shop_id": request.shop_id,
        "api_key_id": request.key_id,
        "document": dumps({name: popup[name] for name in popup_schema.fields if name not in NOT_KEPT}).decode(),
        "known_fields": list(popup_schema.fields),
        "discount_code_ids": list(set(offered.values())),
        "fallback_ids": [id_ for path, id_ in offered.items() if path.endswith(FALLBACK)],
    }


def _offered_codes(popup: dict[str, Any]) -> dict[str, uuid.UUID]:
    """Return the ids of the discount codes that a popup offers, by field path."""
    offers = {"offer": popup["offer"]} | {
        f"variants.{index}.offer": variant["offer"] for index, variant in enumerate(popup["variants"])
    }
    return {
        f"{path}.{name}": offer[name]
        for path, offer in offers.items()
        for name in ("discount_code_id", FALLBACK)
        if isinstance(offer.get(name), uuid.UUID)
    }


def _refuse_unknown_discount_codes(connection: postgres.Connection, shop_id: str, popup: dict[str, Any]) -> None:
    """Raise Invalid if an offer names an unknown discount code, or one that cannot be a fallback."""
    offered = _offered_codes(popup)
    if not offered:
        return
    rows = connection.fetch_all(queries.SELECT_OFFERED_CODES, shop_id=shop_id, ids=list(offered.values()))
    single_use = {row["id"]: row["single_use"] for row in rows}
    errors: dict[str, list[str]] = {}
    for path, id_ in offered.items():
        if id_ not in single_use:
            errors[path] = ["There is no such discount code."]
        elif path.endswith(FALLBACK) and single_use[id_]:
            errors[path] = ["Must be a public code, not a pool."]
    if errors:
        raise Invalid(errors=errors)
