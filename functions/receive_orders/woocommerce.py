"""WooCommerce's webhooks, whose payloads have the form of its REST API, version 3."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from common.shop.orders import MAX_ORDER_ID_CHARACTERS, MAX_REFUNDS, Refund, TrustedOrder
from common.web import Request
from functions.receive_orders import fields
from functions.receive_orders.news import News, Withdrawal, withdrawn

FORM = "application/x-www-form-urlencoded"
# The states of a paid order; an order that is pending, on hold or failed may still be paid.
PAID = ("processing", "completed", "refunded")
WITHDRAWN = {"cancelled": "cancelled", "trash": "deleted"}


def is_ping(request: Request) -> bool:
    """Return whether this is what WooCommerce sends, without a signature, when a webhook is saved."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == FORM and re.fullmatch(rb"webhook_id=[0-9]{1,20}", request.body or b"") is not None


def read(topic: str, payload: dict[str, Any]) -> list[News]:
    """Return what a verified webhook says; nothing for a topic that does not concern us. Raises Invalid."""
    match topic:
        case "order.created" | "order.updated":
            return list(order_news(payload))
        case "order.deleted":
            return [Withdrawal(fields.order_id(payload, "id"), "deleted")]
    return []


def order_news(payload: dict[str, Any]) -> Iterator[News]:
    """Yield the order as it stands, and its refunds; nothing as long as it is not paid for. Raises Invalid."""
    order, status = _order_itself(payload), fields.text(payload, "status")
    if status in WITHDRAWN:
        yield from withdrawn(order, WITHDRAWN[status])
        return
    if status not in PAID and not payload.get("date_paid_gmt") and not payload.get("date_paid"):
        return
    yield order
    for refund in islice(fields.items(payload, "refunds"), MAX_REFUNDS):
        if fields.id_of(refund, "id"):
            yield from _refund(refund, order.order_id, payload)


def _order_itself(payload: dict[str, Any]) -> TrustedOrder:
    revenue, currency = fields.money(payload.get("total"), payload.get("currency"))
    number = fields.text(payload, "number", MAX_ORDER_ID_CHARACTERS)
    return TrustedOrder(
        order_id=fields.order_id(payload, "id"),
        source="woocommerce",
        ordered_at=fields.time(payload.get("date_created_gmt"), is_utc=True),
        revenue=revenue,
        currency=currency,
        codes=fields.codes(payload, "coupon_lines"),
        visitor_id=fields.visitor(payload, "meta_data", "key"),
        email=fields.email(fields.text(payload.get("billing"), "email")),
        aliases=(number,) if number else (),
    )


def _refund(payload: dict[str, Any], order_id: str, order: dict[str, Any]) -> Iterator[Refund]:
    """Yield the refund: its total is negative, and its day is that of the order's change, which it is."""
    total = fields.amount(payload.get("total"))
    amount, currency = fields.money(str(abs(total)) if total is not None else None, order.get("currency"))
    if amount and currency:
        refunded_at = fields.time(order.get("date_modified_gmt"), is_utc=True)
        yield Refund(order_id, fields.order_id(payload, "id"), amount, currency, refunded_at)
