"""Fill the shared cache with the popups of every active shop, so that no shopper waits for Postgres."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed

import click

from cli.connection import open_connection
from cli.progress import progress
from common import cache, redis
from common.errors import DatabaseUnavailable
from common.postgres.driver import Connection
from common.shop.active_popups import cached_answer

AT_ONCE = 8
"""Shops at a time: as many connections that a database in use can spare."""

TRIES = 2

FILLED, FRESH, FAILED = "filled", "already fresh", "failed"

SELECT_ACTIVE_SHOPS = "SELECT DISTINCT shop_id FROM popups WHERE is_active ORDER BY shop_id"


def warm() -> Counter[str]:
    """Fill the entries of all active shops, some at a time. Return how many were filled, already fresh, or failed."""
    try:
        redis.prove_writable()
    except redis.RedisDown:
        raise click.ClickException("Redis does not answer at REDIS_URL") from None
    with open_connection() as connection:
        shops = [row["shop_id"] for row in Connection(connection).fetch_all(SELECT_ACTIVE_SHOPS)]
    outcomes: Counter[str] = Counter({FILLED: 0, FRESH: 0, FAILED: 0})
    with (
        ThreadPoolExecutor(AT_ONCE) as pool,
        progress(None, "Warming", len(shops)) as bar,
    ):
        for shop in as_completed([pool.submit(_fill, shop_id) for shop_id in shops]):
            outcomes[shop.result()] += 1
            bar.update(1)
    return outcomes


def _fill(shop_id: str) -> str:
    """Return the outcome for one shop: filled only if Redis has the entry afterwards."""
    key, load, name = cached_answer(shop_id)
    for _ in range(TRIES):
        try:
            verdict = cache.get_blocking(key, load, name).verdict
        except DatabaseUnavailable:
            continue
        if verdict == "HIT":
            return FRESH
        if cache.is_fresh_in_redis(key, name):
            return FILLED
        time.sleep(cache.MEMORY_SECONDS)  # another process is loading it, or Redis is down
    return FAILED
