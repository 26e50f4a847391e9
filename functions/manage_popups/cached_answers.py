"""The cached answers that an edit changes: what storefronts get, and the shop's ranking of its popups."""

from __future__ import annotations

from functools import partial

from common import cache, cache_keys
from common.active_popups import load_active_popups


def refresh(shop_id: str) -> None:
    """Replaces what a change of one popup changes."""
    cache.forget(cache_keys.shop_stats(shop_id))
    refresh_active_popups(shop_id)


def forget(shop_id: str) -> None:
    """Drops it, for calls whose Idempotency-Key leaves them no round trip to load anew: the next reader does."""
    cache.forget(cache_keys.shop_stats(shop_id), cache_keys.active_popups(shop_id))


def refresh_active_popups(shop_id: str) -> None:
    """Replaces what storefronts get."""
    cache.replace(cache_keys.active_popups(shop_id), partial(load_active_popups, shop_id))
