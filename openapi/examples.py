"""An example for each endpoint with a body, by operation id; a test sends them all."""

from __future__ import annotations

from typing import Any

ID = "0199a000-0000-7000-8000-000000000001"
VIEW = {"event_id": ID, "popup_id": ID, "session_id": "visit-1", "visitor_id": "browser-1", "device_type": "desktop"}
POPUP = {
    "name": "Summer exit",
    "status": "active",
    "trigger": {"type": "exit_intent"},
    "design": {"heading": "Leaving so soon?", "button_text": "Send me my code"},
    "targeting": {"include_pages": ["/products/*"], "exclude_pages": ["/checkout*"]},
    "offer": {"type": "email_capture", "consent_text": "Write to me about offers."},
}
CAPTURE = {
    **VIEW,
    "type": "email_capture",
    "email": "ann@example.com",
    "consent": True,
    "consent_text": "Write to me about offers.",
}

EXAMPLES: dict[str, Any] = {
    "report_views": {"events": [VIEW]},
    "report_conversion": CAPTURE,
    "create_popup": POPUP,
    "update_popup": {"status": "paused", "design": {"heading": "Wait!"}},
    "explain_popups": {"url": "/products/1", "device_type": "mobile", "visitor_id": "browser-1", "popup": POPUP},
    "rollback_popup": {"version": 1},
    "create_discount_code": {
        "type": "percentage",
        "value": "10.00",
        "usage_limit": 500,
        "expires_at": "2027-01-01T00:00:00Z",
    },
    "update_discount_code": {"is_active": False},
    "add_pool_codes": {"count": 500},
    "report_order": {
        "order_id": "1001",
        "revenue": "49.90",
        "currency": "EUR",
        "discount_codes": ["SUMMER-7KQ2"],
        "visitor_id": "browser-1",
    },
    "report_refund": {"refund_id": "1001-1", "amount": "9.90", "currency": "EUR"},
    "create_order_source": {"platform": "woocommerce", "secrets": ["k3yOfTheWebhook"]},
    "update_order_source": {"secrets": ["newK3y", "k3yOfTheWebhook"]},
    "receive_from_shopify": {"id": 4501, "name": "#1001", "total_price": "49.90", "currency": "EUR"},
    "receive_from_woocommerce": {"id": 4501, "status": "processing", "total": "49.90", "currency": "EUR"},
    "update_shop": {"time_zone": "Europe/Berlin"},
    "create_api_key": {"rights": "read", "name": "BI"},
}
