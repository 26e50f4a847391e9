"""A popup, a discount code and a shop as merchants write them, with every field that exists.

A new field is added here. Only fields that need an existing discount code are left out (`OF_CODES`).
"""

from typing import Any

OF_CODES = {"offer.when_empty", "offer.fallback_discount_code_id"}

POPUP: dict[str, Any] = {
    "name": "Summer exit",
    "description": "For those who leave",
    "status": "active",
    "trigger": {"type": "click", "delay_seconds": 0, "scroll_percentage": 75, "selector": "#offer > a[href]"},
    "design": {
        "heading": "Before you go …",
        "subheading": "🌵 10 % off",
        "button_text": "Yes, please",
        "background_color": "#fff",
        "text_color": "#000000",
        "button_color": "#4F46E5",
        "image_url": "https://shop.example/cactus.png?size=2&v=1",
        "layout": "right",
        "width": 1200,
        "border_radius": 50,
        "padding": 10,
    },
    "targeting": {
        "include_pages": ["/products/*"],
        "exclude_pages": ["/checkout*", "/cart"],
        "device_types": ["desktop"],
        "visitors": "returning",
        "referrers": ["google.com"],
        "utm": {"source": "newsletter", "campaign": "summer"},
        "min_cart_value": "5.50",
        "max_cart_value": "500.00",
        "min_cart_items": 1,
    },
    "frequency": {"max_per_session": 3, "days_after_close": 0, "days_after_conversion": 30},
    "offer": {"type": "email_capture", "discount_code_id": None, "consent_text": "I agree."},
    "variants": [
        {"id": "a", "name": "Control", "weight": 50, "design": {}, "offer": {}},
        {
            "id": "b",
            "name": "Loud",
            "weight": 25,
            "design": {"heading": "STOP", "width": 800},
            "offer": {"type": "none"},
        },
    ],
    "holdout_percent": 10,
    "experiment": {"planned_viewers": 20000},
    "starts_at": "2026-01-01T00:00:00.000Z",
    "ends_at": "2099-12-31T23:59:59.999Z",
    "priority": -5,
    "view_limit": 1000000,
}

DISCOUNT_CODE: dict[str, Any] = {
    "code": "दस-é",
    "type": "fixed",
    "value": "7.50",
    "minimum_purchase": "20.00",
    "maximum_discount": "50.00",
    "starts_at": "2026-01-01T00:00:00Z",
    "expires_at": "2099-01-01T00:00:00Z",
    "usage_limit": 1000,
    "single_use": False,
    "is_active": True,
}

SHOP: dict[str, Any] = {
    "name": "A shop of today",
    "time_zone": "Europe/Berlin",
    "currency": "KWD",
    "allowed_origins": ["https://Shop.example:443"],
    "popups_per_visit": 3,
    "seconds_between_popups": 30,
    "never_on_pages": ["/pay*"],
    "holdout_percent": 5,
    "codes_per_hour": 500,
    "codes_per_network_per_hour": 50,
    "code_uses_per_network_per_hour": 50,
    "confirmed_since": "2026-01-01T00:00:00.000Z",
}
