"""Creates, reads, lists, changes and deletes discount codes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from common import postgres
from common.errors import Conflict, DiscountCodeNotFound, Invalid
from common.ids import new_id
from common.json_text import dumps
from common.postgres import Duplicate
from common.shop.currencies import DECIMALS, OTHER_DECIMALS
from common.web import Request, Response, answers, json_response
from functions.manage_popups.discount_codes import queries
from functions.manage_popups.discount_codes.pools import new_code, pool_of
from functions.manage_popups.discount_codes.schemas import DiscountCodeSchema, checked_code, in_currency, money_decimals
from functions.manage_popups.rest import cached_answers
from functions.manage_popups.rest.idempotency import once
from functions.manage_popups.rest.paging import cut_page, newest_first
from functions.manage_popups.rest.patching import merged, retry_lost_edits
from functions.manage_popups.rest.versions import last_edit, refuse_if_stale

# Stock is low if at most this share of the codes, or of the uses, is left.
LOW_STOCK_SHARE = 0.1

_schema = DiscountCodeSchema()
# For the one statement that reads the shop's currency itself; most currencies have two decimals.
_DECIMALS = dumps({code: decimals for code, decimals in DECIMALS.items() if decimals != OTHER_DECIMALS}).decode()


@answers({201: "DiscountCode"}, headers=("ETag", "Location"))
def create_discount_code(request: Request) -> Response:
    """Create a discount code."""
    code = checked_code({**request.data, "code": request.data["code"] or new_code()})

    def insert(connection: postgres.Connection) -> Response:
        row = connection.fetch_one(
            queries.INSERT_DISCOUNT_CODE,
            id=new_id(),
            shop_id=request.shop_id,
            money_decimals=money_decimals(code),
            decimals=_DECIMALS,
            **code,
        )
        assert row is not None, "an API key belongs to a shop"
        if row["id"] is None:
            in_currency(code, row["currency"])
            raise _is_taken()
        return _answer(row, 201, {"Location": f"/discount-codes/{row['id']}"})

    try:
        return once(request, insert)
    except Duplicate:
        raise _is_taken() from None


@answers({200: "DiscountCodes"})
def list_discount_codes(request: Request) -> Response:
    """List the shop's discount codes, newest first."""
    is_active = request.query["is_active"]
    rows = postgres.fetch_all(
        queries.SELECT_DISCOUNT_CODES, shop_id=request.shop_id, is_active=is_active, **newest_first(request)
    )
    page, next_cursor = cut_page(request, rows)
    return json_response({"discount_codes": [_shown(row) for row in page], "next_cursor": next_cursor})


@answers({200: "DiscountCode"}, headers=("ETag",))
def get_discount_code(request: Request, code_id: uuid.UUID) -> Response:
    """Get a discount code."""
    with postgres.connection() as connection:
        return _answer(_fetch(connection, request.shop_id, code_id))


@answers({200: "DiscountCode"}, headers=("ETag",), problems=(409, 412))
def update_discount_code(request: Request, code_id: uuid.UUID) -> Response:
    """Change a discount code by a merge patch."""

    def merge(connection: postgres.Connection) -> postgres.Row | None:
        row = _fetch(connection, request.shop_id, code_id)
        refuse_if_stale(request, last_edit(row))
        edited = checked_code(merged(_schema, row, request.data))
        changed = in_currency(edited, row["currency"], before=row)
        _check_change(row, changed)
        return _update(connection, row, changed)

    row = retry_lost_edits(merge)
    cached_answers.refresh_active_popups(request.shop_id)  # popups with this code may resume or stop
    return _answer(row)


@answers({204: None}, problems=(409, 412))
def delete_discount_code(request: Request, code_id: uuid.UUID) -> Response:
    """Delete a discount code that no popup offers."""
    code = {"shop_id": request.shop_id, "id": code_id}
    with postgres.connection() as connection:
        row = _delete_current(connection, request, code) if "if-match" in request.headers else _delete(connection, code)
    assert row is not None, "it has no FROM"
    if not row["was_there"]:
        raise DiscountCodeNotFound()
    if not row["is_deleted"]:
        raise Conflict("A popup offers this discount code. Change the popup's offer first, or delete the popup.")
    return Response(204)


def _delete(connection: postgres.Connection, code: dict[str, Any]) -> postgres.Row | None:
    connection.queue(queries.LOCK_DISCOUNT_CODE, **code)
    return connection.fetch_one(queries.DELETE_DISCOUNT_CODE, **code)


def _delete_current(connection: postgres.Connection, request: Request, code: dict[str, Any]) -> postgres.Row | None:
    """Delete the code if it is still what If-Match names, in two more round trips."""
    with connection.transaction():
        locked = connection.fetch_one(queries.LOCK_DISCOUNT_CODE, **code)
        if locked is None:
            raise DiscountCodeNotFound()
        refuse_if_stale(request, last_edit(locked))
        return connection.fetch_one(queries.DELETE_DISCOUNT_CODE, **code)


def _answer(row: postgres.Row, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return json_response(_shown(row), status, {"ETag": last_edit(row), **(headers or {})})


def _fetch(connection: postgres.Connection, shop_id: str, code_id: uuid.UUID) -> postgres.Row:
    row = connection.fetch_one(queries.SELECT_DISCOUNT_CODE, shop_id=shop_id, id=code_id)
    if row is None:
        raise DiscountCodeNotFound()
    return row


def _update(connection: postgres.Connection, read: postgres.Row, changed: dict[str, Any]) -> postgres.Row | None:
    """Return the changed row; None if a concurrent edit won."""
    columns = {name: value for name, value in changed.items() if name != "single_use"}
    place = {"shop_id": read["shop_id"], "id": read["id"], "read_updated_at": read["updated_at"]}
    try:
        row = connection.fetch_one(queries.UPDATE_DISCOUNT_CODE, **place, **columns)
    except Duplicate:
        raise _is_taken() from None
    if row and row["is_taken"]:
        raise _is_taken()
    return {**read, **row} if row and row["id"] else None


def _check_change(row: postgres.Row, changed: dict[str, Any]) -> None:
    if changed["code"] is None:
        raise Invalid(errors={"code": ["Cannot be removed from a discount code."]})
    if changed["single_use"] != row["single_use"]:
        raise Invalid(errors={"single_use": ["Cannot be changed: create another discount code."]})


def _shown(row: postgres.Row) -> dict[str, Any]:
    written = {name: row[name] for name in _schema.fields}
    return {
        "id": row["id"],
        **written,
        "currency": row["currency"],
        "usage_count": row["usage_count"],
        "pool": pool_of(row) if row["single_use"] else None,
        "low_stock": row["left_of"] is not None and row["left_to_give"] <= row["left_of"] * LOW_STOCK_SHARE,
        "budgets_met": row["budgets_met"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _is_taken() -> Conflict:
    return Conflict("The shop has a discount code with this code already.")
