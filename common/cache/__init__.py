"""Two-level cache of finished answers: process memory over Redis, read through a loader."""

from __future__ import annotations

from common.cache._cache import forget, forget_soon, get_async, get_blocking, reload
from common.cache._entry import GZIP_FROM_BYTES, GZIP_LEVEL, Cached
from common.cache._loading import MEMORY_SECONDS, Loaded
from common.cache._redis import is_fresh_in_redis

__all__ = [
    "GZIP_FROM_BYTES",
    "GZIP_LEVEL",
    "MEMORY_SECONDS",
    "Cached",
    "Loaded",
    "forget",
    "forget_soon",
    "get_async",
    "get_blocking",
    "is_fresh_in_redis",
    "reload",
]
