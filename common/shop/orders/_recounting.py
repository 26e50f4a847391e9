"""Recounts a shop's orders: makes those that a release without orders stored, credits all again, and their tallies."""

from __future__ import annotations

import datetime
from itertools import pairwise

from common import postgres
from common.shop.orders import _crediting, _storing
from common.shop.orders._recording import settle
from common.shop.viewers_lock import LOCK_VIEWERS

# The shop's events wait for as long as a range is credited: some tenths of a second on a busy machine.
RANGE_ORDERS = 100

# Order ids above the first one, up to the second one or without end.
Range = tuple[str, str | None]


def fetch_ranges(connection: postgres.Connection, shop_id: str) -> list[Range]:
    """Return ranges of about RANGE_ORDERS order ids each that have all of the shop's orders and purchases."""
    rows = connection.fetch_all(_crediting.SELECT_ENDS_OF_RANGES, shop_id=shop_id, range_orders=RANGE_ORDERS)
    return list(pairwise(["", *(row["order_id"] for row in rows), None]))


def adopt_purchases(connection: postgres.Connection, shop_id: str, of: Range) -> int:
    """Make orders of a range's purchases that a release without orders has stored; return how many.

    They are credited as they were stored. `credit_range` has to follow, which marks the buyers.
    """
    place = {"after": of[0], "until": of[1]}
    rows = connection.fetch_all(_storing.SELECT_PURCHASES_ALONE, shop_id=shop_id, **place)
    if not rows:
        return 0
    connection.queue(LOCK_VIEWERS, shop_id=shop_id)
    event_ids = [str(row["event_id"]) for row in rows]
    stored = {"event_ids": event_ids, "unnamed": [], "is_credited_as_stored": True}
    connection.queue(_storing.STORE_REPORTED_ORDERS, shop_id=shop_id, **stored)
    connection.queue(_crediting.TALLY_OPEN, shop_id=shop_id, sign=1)
    connection.queue(_crediting.CLOSE, shop_id=shop_id)
    connection.fetch_each()
    return len(rows)


def credit_range(connection: postgres.Connection, shop_id: str, of: Range, whole_since: datetime.date) -> int:
    """Credit a range of orders again, and mark the buyers; return how many credits and tallies that changed.

    Every touch of orders of `whole_since` and later is stored; what earlier ones were credited by is remembered.
    """
    connection.queue(LOCK_VIEWERS, shop_id=shop_id)
    connection.queue(_crediting.OPEN_RANGE, shop_id=shop_id, after=of[0], until=of[1])
    connection.queue(_crediting.TALLY_OPEN, shop_id=shop_id, sign=-1)
    connection.queue(_crediting.NAME_REPORTERS, shop_id=shop_id)
    connection.queue(_crediting.RECOGNISE, shop_id=shop_id, visitor_id=None, emails=[])
    after = settle(connection, shop_id, whole_since=str(whole_since))
    rows = connection.fetch_each()
    return sum(map(len, rows[after][:-1]))


def fetch_days(connection: postgres.Connection, shop_id: str) -> list[datetime.date]:
    """Return the days that the shop has orders, refunds or tallies of them on."""
    return [row["day"] for row in connection.fetch_all(_crediting.SELECT_DAYS, shop_id=shop_id)]


def retally_day(connection: postgres.Connection, shop_id: str, day: datetime.date) -> int:
    """Make a day's tallies what its orders say. Return how many were changed."""
    connection.queue(LOCK_VIEWERS, shop_id=shop_id)
    return len(connection.fetch_all(_crediting.RETALLY_DAY, shop_id=shop_id, day=day))
