"""Finish erasures whose requests have left events to rename."""

from collections.abc import Callable
from functools import partial

from cli.batches import run_batch
from common.postgres.driver import Connection
from common.shop.erasures import rename_batch

SELECT_ERASURES = "SELECT shop_id, subscriber_id FROM erasures ORDER BY requested_at"


def finish_erasures(connection: Connection, say: Callable[[str], None]) -> None:
    """Rename the rest of what erased persons did."""
    erasures = connection.fetch_all(SELECT_ERASURES)
    for erasure in erasures:
        while not run_batch(partial(rename_batch, connection, **erasure)):
            pass
    if erasures:
        say(f"renamed what {len(erasures)} erased persons did")
