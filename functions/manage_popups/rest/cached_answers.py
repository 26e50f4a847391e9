"""Cache invalidation after an edit: the storefronts' popups, and the reports."""

from __future__ import annotations

import uuid

from common import cache
from common.cache import keys
from common.shop.active_popups import cached_answer


def refresh(shop_id: str, popup_id: uuid.UUID) -> None:
    """Reload the storefronts' popups into the cache and drop the reports, after a popup has changed."""
    cache.forget(keys.shop_stats(shop_id), keys.popup_stats(popup_id))
    refresh_active_popups(shop_id)


def forget(shop_id: str, *popup_ids: uuid.UUID) -> None:
    """Drop all; for calls whose Idempotency-Key uses up their round trips, so that the next reader loads."""
    cache.forget(keys.shop_stats(shop_id), keys.active_popups(shop_id), *map(keys.popup_stats, popup_ids))


def refresh_active_popups(shop_id: str) -> None:
    """Reload the popups into the cache for the newest scripts; for older ones the next reader loads."""
    cache.reload(*cached_answer(shop_id))
