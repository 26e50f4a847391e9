"""The parameters of get_active_popups, which validates them without a schema."""

from __future__ import annotations

from typing import Any

from common.shop.targeting_rules import FIRST_EDITION
from functions.get_active_popups.schemas import SHOP_ID

OF_STOREFRONTS: list[dict[str, Any]] = [
    {
        "in": "query",
        "name": "shop_id",
        "required": True,
        "schema": {"type": "string", "pattern": f"^(?:{SHOP_ID.pattern})$"},
    },
    {
        "in": "query",
        "name": "rules",
        "description": "The newest edition of targeting rules that the script knows; popups of newer ones are omitted.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999, "default": FIRST_EDITION},
    },
]
