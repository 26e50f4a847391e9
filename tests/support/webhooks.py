"""Webhooks of Shopify and WooCommerce, written from the fields that they document, and their signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import requests

from tests.support.stack import FunctionProcess

SECRET = "the secret of the tests"
HEADERS = {
    "shopify": ("X-Shopify-Topic", "X-Shopify-Hmac-Sha256"),
    "woocommerce": ("X-WC-Webhook-Topic", "X-WC-Webhook-Signature"),
}

ORDER: dict[str, Any] = {"id": 4501, "name": "#1001", "total_price": "49.90", "currency": "USD"}


def signature(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def signed(platform: str, topic: str, payload: Any, secret: str = SECRET) -> dict[str, str]:
    """Return the headers of a webhook whose body requests encodes from this JSON."""
    body = requests.Request("POST", "http://unused", json=payload).prepare().body
    assert isinstance(body, bytes)
    named, of_signature = HEADERS[platform]
    return {named: topic, of_signature: signature(body, secret)}


def deliver(
    function: FunctionProcess, platform: str, source_id: Any, topic: str, payload: Any, **headers: str
) -> requests.Response:
    """Delivers a webhook as the platform does; an underscore in a header's name stands for a hyphen."""
    own = signed(platform, topic, payload) | {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(f"{function.url}/{platform}/{source_id}", json=payload, headers=own, timeout=30)


def shopify_order(id_: int, **fields: Any) -> dict[str, Any]:
    """Return an order as `orders/paid` has it."""
    return {
        "id": id_,
        "admin_graphql_api_id": f"gid://shopify/Order/{id_}",
        "name": f"#{id_ % 10_000}",
        "order_number": id_ % 10_000,
        "created_at": "2026-11-01T10:00:00+01:00",
        "financial_status": "paid",
        "cancelled_at": None,
        "test": False,
        "currency": "USD",
        "presentment_currency": "USD",
        "total_price": "49.90",
        "current_total_price": "49.90",
        "email": "",
        "contact_email": None,
        "discount_codes": [],
        "note_attributes": [],
        "line_items": [],
        "refunds": [],
        **fields,
    }


def shopify_refund(id_: int, order_id: int, amount: str, currency: str = "USD", **fields: Any) -> dict[str, Any]:
    """Return a refund as `refunds/create` has it."""
    transaction = {"kind": "refund", "status": "success", "amount": amount, "currency": currency}
    return {
        "id": id_,
        "order_id": order_id,
        "created_at": "2026-11-02T10:00:00+01:00",
        "processed_at": "2026-11-02T10:00:00+01:00",
        "refund_line_items": [],
        "order_adjustments": [],
        "transactions": [transaction],
        **fields,
    }


def woocommerce_order(id_: int, **fields: Any) -> dict[str, Any]:
    """Return an order as `order.updated` has it."""
    return {
        "id": id_,
        "number": str(id_),
        "status": "processing",
        "currency": "USD",
        "total": "49.90",
        "date_created_gmt": "2026-11-01T09:00:00",
        "date_modified_gmt": "2026-11-02T09:00:00",
        "date_paid_gmt": "2026-11-01T09:00:05",
        "billing": {"email": ""},
        "coupon_lines": [],
        "meta_data": [],
        "refunds": [],
        **fields,
    }
