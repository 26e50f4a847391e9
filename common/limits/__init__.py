"""Rate limits per client, counted in memory and settled through Redis."""

from __future__ import annotations

from common.limits._limits import (
    CONVERSIONS,
    DEFAULT,
    ORDERS,
    STATS,
    VIEWS,
    Verdict,
    hit,
    hit_in_memory,
    quota_of,
    refuse_if_exceeded,
    untouched,
)

__all__ = [
    "CONVERSIONS",
    "DEFAULT",
    "ORDERS",
    "STATS",
    "VIEWS",
    "Verdict",
    "hit",
    "hit_in_memory",
    "quota_of",
    "refuse_if_exceeded",
    "untouched",
]
