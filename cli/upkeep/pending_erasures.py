"""Finish erasures whose requests have left events to rename."""

from collections.abc import Callable
from functools import partial

from cli.batches import run_batch
from common.postgres.driver import Connection
from common.shop.erasures import rename_batch
from functions.receive_orders.erasing import forget_shop

SELECT_REDACTED_SOURCES = """
    SELECT id, shop_id, platform FROM order_sources WHERE redacted_at IS NOT NULL ORDER BY redacted_at
"""

SELECT_ERASURES = "SELECT shop_id, subscriber_id FROM erasures ORDER BY requested_at"


def finish_erasures(connection: Connection, say: Callable[[str], None]) -> None:
    """Rename the rest of what erased persons did."""
    erasures = connection.fetch_all(SELECT_ERASURES)
    for erasure in erasures:
        while not run_batch(partial(rename_batch, connection, **erasure)):
            pass
    if erasures:
        say(f"renamed what {len(erasures)} erased persons did")


def finish_shop_erasures(connection: Connection, say: Callable[[str], None]) -> None:
    """Delete what was known through platforms that shops have left, where the webhook had no time for all of it."""
    sources = connection.fetch_all(SELECT_REDACTED_SOURCES)
    for source in sources:
        while not forget_shop(source, connection).is_new:
            pass
    if sources:
        say(f"deleted {len(sources)} order sources of shops that left their platform")
