"""Records orders and refunds that the shop's own server reports, lists and deletes orders."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from common import postgres
from common.errors import Conflict, Invalid, OrderNotFound
from common.json_text import is_storable
from common.shop import orders
from common.shop.currencies import rounded
from common.web import Request, Response, answers, decode_cursor, json_response
from functions.manage_popups.orders import queries
from functions.manage_popups.rest.idempotency import once
from functions.manage_popups.rest.paging import cut_page, instant, more_than_a_page

# The start of the list: later than any order, with an id that sorts after any other.
NEWEST = datetime.datetime.max.replace(tzinfo=datetime.UTC), ""


@answers({200: "Order", 201: "Order"})
def report_order(request: Request) -> Response:
    """Report an order.

    The first report from the shop or its platform counts, and replaces browsers' reports. A later one is answered
    with 200 and changes nothing: to correct an order, delete it and report it again.
    """
    order = _order(request.data)

    outcome = orders.Recorded(is_new=False)

    def record(connection: postgres.Connection) -> Response:
        nonlocal outcome
        outcome = orders.record_order(connection, request.shop_id, order)
        row = connection.fetch_one(queries.SELECT_ORDER, shop_id=request.shop_id, order_id=order.order_id)
        return json_response(_shown(row) if row else _withdrawn(order), 201 if outcome.is_new else 200)

    answer = once(request, record)
    if outcome.leaves_more:
        with postgres.connection() as connection:
            orders.credit_for_a_while(connection, request.shop_id)
    orders.forget_figures(request.shop_id, outcome)
    return answer


@answers({200: "Refund", 201: "Refund"}, problems=(409,))
def report_refund(request: Request, order_id: str) -> Response:
    """Report a refund of an order, in the order's currency.

    It counts on its own day, and may be reported before its order. Repeating a `refund_id` changes nothing.
    """
    given = request.data
    refund = orders.Refund(
        order_id=_order_id(order_id),
        refund_id=given["refund_id"],
        amount=given["amount"],
        currency=given["currency"],
        refunded_at=given["refunded_at"] or _now(),
    )

    outcome = orders.Recorded(is_new=False)

    def record(connection: postgres.Connection) -> Response:
        nonlocal outcome
        outcome = recorded = orders.record_refund(connection, request.shop_id, refund)
        if recorded.currency:
            raise Invalid(errors={"currency": [f"The order is in {recorded.currency}."]})
        if recorded.is_full:
            raise Conflict(f"An order has at most {orders.MAX_REFUNDS} refunds.")
        shown = {"order_id": refund.order_id, "refund_id": refund.refund_id}
        return json_response(shown, 201 if recorded.is_new else 200)

    answer = once(request, record)
    orders.forget_figures(request.shop_id, outcome)
    return answer


@answers({200: "Orders"})
def list_orders(request: Request) -> Response:
    """List orders, newest first, each with the popup that has the credit, and why.

    The credit is that of the last touch within 7 days. Cancelled, deleted and test orders are left out.
    """
    popup_id, source = request.query["popup_id"], request.query["source"]
    ordered_at, order_id = decode_cursor(request, instant, str) or NEWEST
    place: dict[str, Any] = {
        "shop_id": request.shop_id,
        "before_ordered_at": ordered_at,
        "before_order_id": order_id,
        "limit": more_than_a_page(request),
    }
    if popup_id is not None:
        rows = postgres.fetch_all(queries.SELECT_ORDERS_OF_POPUP, popup_id=popup_id, source=source, **place)
    elif source is not None:
        rows = postgres.fetch_all(queries.SELECT_ORDERS_OF_SOURCE, source=source, **place)
    else:
        rows = postgres.fetch_all(queries.SELECT_ORDERS, **place)
    page, next_cursor = cut_page(request, rows, position=lambda row: [row["ordered_at"].isoformat(), row["order_id"]])
    return json_response({"orders": [_shown(row) for row in page], "next_cursor": next_cursor})


@answers({204: None})
def delete_order(request: Request, order_id: str) -> Response:
    """Delete an order, and take it and its refunds out of every report.

    A later report by a browser or platform does not bring it back; `POST /orders` does.
    """
    with postgres.connection() as connection:
        recorded = orders.delete_order(connection, request.shop_id, _order_id(order_id))
    if not recorded.is_new:
        raise OrderNotFound()
    orders.forget_figures(request.shop_id, recorded)
    return Response(204)


def _order(given: Mapping[str, Any]) -> orders.TrustedOrder:
    return orders.TrustedOrder(
        order_id=given["order_id"],
        source="api",
        ordered_at=given["ordered_at"] or _now(),
        revenue=given["revenue"],
        currency=given["currency"],
        codes=given["discount_codes"],
        visitor_id=given["visitor_id"],
        email=given["email"],
    )


def _order_id(text: str) -> str:
    """Return the id from a path. Raises OrderNotFound for one that no order can have."""
    if len(text) > orders.MAX_ORDER_ID_CHARACTERS or not is_storable(text):
        raise OrderNotFound()
    return text


def _shown(row: postgres.Row) -> dict[str, Any]:
    """Return an order as merchants see it; the variant of a report belongs to the popup that has the credit, if any."""
    currency = row["currency"]
    return {
        **row,
        "variant_id": None if row["popup_id"] is None else row["variant_id"],
        "revenue": None if currency is None else rounded(row["revenue"], currency),
        "refunded": None if currency is None else rounded(row["refunded"], currency),
    }


def _withdrawn(order: orders.TrustedOrder) -> dict[str, Any]:
    """Return the answer for an order that the shop's platform has cancelled, or called a test."""
    nothing = dict.fromkeys(("revenue", "currency", "refunded", "recognised_by", "popup_id", "variant_id", "reason"))
    return {
        "order_id": order.order_id,
        "source": order.source,
        "confirmed": True,
        "ordered_at": order.ordered_at,
        **nothing,
    }


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
