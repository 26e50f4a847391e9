"""The names of cached answers. Each is one key of Redis, so that a cluster spreads shops over its nodes."""

from __future__ import annotations

import uuid


def active_popups(shop_id: str) -> str:
    return f"active-popups:{shop_id}"


def popup_stats(popup_id: uuid.UUID) -> str:
    return f"stats:popup:{popup_id}"


def shop_stats(shop_id: str) -> str:
    return f"stats:shop:{shop_id}"
