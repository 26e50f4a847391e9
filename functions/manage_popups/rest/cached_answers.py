"""The cached answers that an edit changes: what storefronts get, and the shop's ranking of its popups."""

from __future__ import annotations

from functools import partial

from common import cache
from common.cache import keys
from common.shop.active_popups import load_active_popups


def refresh(shop_id: str) -> None:
    """Replaces what a change of one popup changes."""
    cache.forget(keys.shop_stats(shop_id))
    refresh_active_popups(shop_id)


def forget(shop_id: str) -> None:
    """Drops it, for calls whose Idempotency-Key leaves them no round trip to load anew: the next reader does."""
    cache.forget(keys.shop_stats(shop_id), keys.active_popups(shop_id))


def refresh_active_popups(shop_id: str) -> None:
    """Replaces what storefronts get."""
    cache.reload(keys.active_popups(shop_id), partial(load_active_popups, shop_id))
