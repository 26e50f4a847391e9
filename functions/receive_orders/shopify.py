"""Shopify's webhooks: https://shopify.dev/docs/api/webhooks. Payloads have the REST API's form."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from common.shop.orders import MAX_ORDER_ID_CHARACTERS, MAX_REFUNDS, Refund, TrustedOrder
from functions.receive_orders import fields
from functions.receive_orders.news import CustomerErasure, DataRequest, News, ShopErasure, withdrawn

# With these an order that was just made is not paid for: orders/paid follows when it is.
UNPAID = ("pending", "authorized", "partially_paid", "expired", "voided")


def read(topic: str, payload: dict[str, Any]) -> list[News]:
    """Return what a verified webhook says; nothing for a topic that does not concern us. Raises Invalid."""
    match topic:
        case "orders/paid":
            return list(_order(payload))
        case "orders/create":
            return [] if payload.get("financial_status") in UNPAID else list(_order(payload))
        case "orders/cancelled":
            return withdrawn(_order_itself(payload), "cancelled")
        case "refunds/create":
            return list(_refund(payload, fields.order_id(payload, "order_id")))
        case "customers/data_request":
            return [_data_request(payload)]
        case "customers/redact":
            email = fields.email(fields.text(payload.get("customer"), "email"))
            return [CustomerErasure(email, _order_ids(payload, "orders_to_redact"))]
        case "shop/redact":
            return [ShopErasure()]
    return []


def _order(payload: dict[str, Any]) -> Iterator[News]:
    order = _order_itself(payload)
    if payload.get("test") is True or payload.get("cancelled_at"):
        yield from withdrawn(order, "test" if payload.get("test") is True else "cancelled")
        return
    yield order
    for refund in islice(fields.items(payload, "refunds"), MAX_REFUNDS):
        if fields.id_of(refund, "id"):
            yield from _refund(refund, order.order_id)


def _order_itself(payload: dict[str, Any]) -> TrustedOrder:
    revenue, currency = fields.money(payload.get("total_price"), payload.get("currency"))
    names = (fields.text(payload, name, MAX_ORDER_ID_CHARACTERS) for name in ("name", "order_number"))
    return TrustedOrder(
        order_id=fields.order_id(payload, "id"),
        source="shopify",
        ordered_at=fields.time(payload.get("created_at")),
        revenue=revenue,
        currency=currency,
        codes=fields.codes(payload, "discount_codes"),
        visitor_id=fields.visitor(payload, "note_attributes", "name"),
        email=fields.email(*(fields.text(payload, name) for name in ("email", "contact_email"))),
        aliases=tuple(name for name in names if name),
    )


def _refund(payload: dict[str, Any], order_id: str) -> Iterator[Refund]:
    """Yield the refund with what was paid back: goods put back without money are none."""
    id_ = fields.order_id(payload, "id")
    amount, currency = _paid_back(payload)
    if amount and currency:
        refunded_at = fields.time(payload.get("processed_at") or payload.get("created_at"))
        yield Refund(order_id, id_, amount, currency, refunded_at)


def _paid_back(payload: dict[str, Any]) -> tuple[Decimal, str] | tuple[None, None]:
    """Return the money paid back, in the shop's currency if the refund has it.

    A transaction's amount is in the currency that the buyer saw; the shop's own stands in its `amount_set`.
    """
    successful = [
        each
        for each in fields.items(payload, "transactions")
        if each.get("kind") == "refund" and each.get("status") == "success"
    ]
    paid_back = [_shop_money(each) for each in successful]
    if not paid_back or any(currency is None or currency != paid_back[0][1] for _, currency in paid_back):
        return None, None
    total = sum((amount for amount, _ in paid_back if amount is not None), Decimal(0))
    return fields.money(str(total), paid_back[0][1])


def _shop_money(transaction: dict[str, Any]) -> tuple[Decimal, str] | tuple[None, None]:
    amounts = transaction.get("amount_set")
    shop_money = amounts.get("shop_money") if isinstance(amounts, dict) else None
    if isinstance(shop_money, dict):
        return fields.money(shop_money.get("amount"), shop_money.get("currency_code"))
    return fields.money(transaction.get("amount"), transaction.get("currency"))


def _data_request(payload: dict[str, Any]) -> DataRequest:
    customer, asked = payload.get("customer"), payload.get("data_request")
    return DataRequest(
        request_id=fields.order_id(asked if isinstance(asked, dict) else {}, "id"),
        email=fields.email(fields.text(customer, "email")),
        customer_id=fields.text(customer, "id", 100),
        order_ids=_order_ids(payload, "orders_requested"),
    )


def _order_ids(payload: dict[str, Any], name: str) -> tuple[str, ...]:
    listed = payload.get(name)
    ids = [str(each) for each in listed if isinstance(each, int | str)] if isinstance(listed, list) else []
    return tuple(id_ for id_ in ids if 0 < len(id_) <= MAX_ORDER_ID_CHARACTERS)[: fields.MAX_ORDERS]
