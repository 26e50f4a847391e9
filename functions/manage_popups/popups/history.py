"""A popup's history: which key changed what and when, and rollback to an earlier version."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from marshmallow import fields, validate

from common import postgres
from common.errors import BeingChanged, Invalid, PopupNotFound
from common.json_text import dumps, loads
from common.shop.fields import StrictSchema
from common.web import Request, Response, answers, decode_cursor, json_response
from functions.manage_popups.popups import history_queries as queries
from functions.manage_popups.popups.checks import checked
from functions.manage_popups.popups.schemas import VariantSchema
from functions.manage_popups.popups.store import NOT_KEPT, etag, popup_schema, refuse_if_stale, shown, update
from functions.manage_popups.rest import cached_answers
from functions.manage_popups.rest.edited import load_edited
from functions.manage_popups.rest.idempotency import once
from functions.manage_popups.rest.paging import MAX_PAGE_BYTES, cut_page, more_than_a_page
from functions.manage_popups.rest.patching import as_written

MAX_VERSION = 2**31 - 1
# The kinds of change that make a version.
ACTIONS = ("created", "changed", "restored", "deleted")


# The values of fields that an older version lacks.
_DEFAULTS = loads(dumps(popup_schema.load({"name": "-"})))
_VARIANT_DEFAULTS = VariantSchema().load({"id": "-"})


class RollbackSchema(StrictSchema):
    """`{"version": 3}`: the version to restore."""

    version = fields.Integer(required=True, strict=True, validate=validate.Range(1, MAX_VERSION))


@answers({200: "History"})
def list_popup_versions(request: Request, popup_id: uuid.UUID) -> Response:
    """List a popup's versions, newest first.

    Each names the API key that made it and the fields that it changed.
    """
    (before,) = decode_cursor(request, _version) or [MAX_VERSION]
    rows = postgres.fetch_all(
        queries.SELECT_VERSIONS,
        shop_id=request.shop_id,
        id=popup_id,
        before_version=before,
        limit=more_than_a_page(request),
        most_bytes=MAX_PAGE_BYTES,
    )
    if not rows:
        raise PopupNotFound()
    kept = [row for row in rows if row["version"] is not None]
    page, next_cursor = cut_page(request, kept, position=lambda row: [str(row["version"])])
    earlier = [*kept[1:], None]
    versions = [_shown_version(row, before) for row, before in zip(page, earlier, strict=False)]
    return json_response({"versions": versions, "next_cursor": next_cursor})


@answers({200: "Popup"}, headers=("ETag",), problems=(412,))
def rollback_popup(request: Request, popup_id: uuid.UUID) -> Response:
    """Bring back an earlier version of a popup.

    Everything that a merchant may write becomes what it was, including the status. This makes a new version.
    """
    answer = once(request, lambda connection: _restore(connection, request, popup_id))
    cached_answers.forget(request.shop_id, popup_id)
    return answer


def _restore(connection: postgres.Connection, request: Request, popup_id: uuid.UUID) -> Response:
    version = request.data["version"]
    popup = connection.fetch_one(
        queries.SELECT_POPUP_AND_EARLIER, shop_id=request.shop_id, id=popup_id, version=version
    )
    if popup is None:
        raise PopupNotFound()
    refuse_if_stale(request, popup)
    if popup["earlier"] is None:
        raise Invalid(errors={"version": ["The popup has no such version."]})
    # A field that did not exist then gets its default, or is kept if only a newer release knows it.
    now = as_written(popup_schema, popup)
    version_then = {name: now[name] for name in NOT_KEPT} | popup["earlier"]
    earlier = load_edited(popup_schema, version_then, now | version_then)
    restored = update(
        connection, request, popup, checked(connection, request.shop_id, earlier, stored=earlier), version
    )
    if restored is None:
        raise BeingChanged()
    return json_response(shown(restored), headers={"ETag": etag(restored)})


def _shown_version(row: postgres.Row, before: postgres.Row | None) -> dict[str, Any]:
    return {
        "version": row["version"],
        "action": row["action"],
        "restored_version": row["restored_version"],
        "changed_at": row["changed_at"],
        "api_key": {"id": row["api_key_id"], "name": row["api_key_name"], "prefix": row["api_key_prefix"]},
        "changed_fields": changed_fields(before["popup"], row["popup"]) if before else [],
        "popup": row["popup"],
    }


def changed_fields(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    """Return the paths of the fields that differ, such as `design.heading`; a list counts as one field.

    A missing field has its default: a release that adds a field changes no popup.
    """
    if before is None or after is None:
        return []
    return list(_changes(_whole(before), _whole(after)))


def _changes(before: dict[str, Any], after: dict[str, Any], path: str = "") -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changes(old, new, f"{path}{name}.")
        elif old != new:
            yield f"{path}{name}"


def _whole(popup: dict[str, Any]) -> dict[str, Any]:
    """Return the popup with every default."""
    variants = [_over(_VARIANT_DEFAULTS, variant) for variant in popup.get("variants", [])]
    return {**_over(_DEFAULTS, popup), "variants": variants}


def _over(defaults: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Return the document merged over the defaults, recursively."""
    inner = {
        name: _over(default, document[name])
        for name, default in defaults.items()
        if isinstance(default, dict) and isinstance(document.get(name), dict)
    }
    return {**defaults, **document, **inner}


def _version(text: str) -> int:
    version = int(text)
    if not 1 <= version <= MAX_VERSION:
        raise ValueError(text)
    return version
