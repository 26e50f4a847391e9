"""Stores the conversions that orders are made of, a shop at a time: purchases, codes of orders, and events of a shop.

They are committed together with the orders: an order is credited while no touch of the shop's viewers is being stored.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from common import postgres
from common.json_text import dumps
from common.process.bounded import Memory
from common.process.per_process import per_process
from common.shop import orders
from common.shop.events import NO_POPUP, as_parameters, forget_stats, queue_foreign
from common.shop.viewers_lock import LOCK_VIEWERS
from functions.track_conversion.queries import (
    ENTER_STORED_CONVERSIONS,
    INSERT_CONVERSIONS,
    SELECT_POPUPS_OF_EVENTS,
    SELECT_SHOPS_OF_POPUPS,
    ConversionOutcome,
    ConversionRow,
)

MAX_POPUPS_IN_MEMORY = 10_000


def makes_orders(conversion: ConversionRow) -> bool:
    """Return whether the conversion is of an order, or names its shop instead of a popup."""
    return conversion["order_id"] is not None or conversion["named_shop"] is not None


def by_shop(connection: postgres.Connection, conversions: list[ConversionRow]) -> dict[str, list[ConversionRow]]:
    """Return the conversions by their shop; "" is the shop of those whose popup does not exist."""
    popup_ids = {row["popup_id"] for row in conversions if row["named_shop"] is None}
    unknown = [popup_id for popup_id in popup_ids if _shops().get(popup_id) is None]
    if unknown:
        for row in connection.fetch_all(SELECT_SHOPS_OF_POPUPS, popup_ids=sorted(unknown)):
            _shops().put(str(row["id"]), row["shop_id"])
    grouped: dict[str, list[ConversionRow]] = defaultdict(list)
    for conversion in conversions:
        grouped[conversion["named_shop"] or _shops().get(conversion["popup_id"]) or ""].append(conversion)
    return grouped


def insert_for_shop(
    connection: postgres.Connection, shop_id: str, conversions: list[ConversionRow]
) -> list[ConversionOutcome]:
    """Store a shop's conversions and the orders that they make, in one transaction. Return their rows.

    `is_new` is False for the first report of an order that was known already.
    """
    conversions = _with_popups(connection, shop_id, conversions)
    purchases = [row for row in conversions if row["type"] == "purchase"]
    connection.queue(LOCK_VIEWERS, shop_id=shop_id)
    queue_foreign(connection, conversions, ENTER_STORED_CONVERSIONS)
    inserted = connection.queue(INSERT_CONVERSIONS, **as_parameters(conversions))
    reported = orders.queue_reported_orders(
        connection,
        shop_id,
        [row["order_id"] for row in conversions if row["order_id"] is not None],
        [row["event_id"] for row in purchases],
        [row["event_id"] for row in purchases if row["named_shop"] is not None],
    )
    each = connection.fetch_each()
    changed, known = reported.read(each)
    forget_stats({(shop_id, popup_id) for popup_id in changed})
    rows: list[ConversionOutcome] = each[inserted]  # type: ignore[assignment]
    return [{**row, "is_new": row["is_new"] and row["conversion_id"] not in known} for row in rows]


def _with_popups(
    connection: postgres.Connection, shop_id: str, conversions: list[ConversionRow]
) -> list[ConversionRow]:
    """Return the conversions, those that name only their shop with the popup that has the credit for them."""
    without = [
        {
            "position": row["position"],
            "event_id": row["event_id"],
            "viewer": row["visitor_id"] or row["session_id"],
            "code": row["trimmed_code"],
        }
        for row in conversions
        if row["named_shop"] is not None
    ]
    if not without:
        return conversions
    rows = connection.fetch_all(SELECT_POPUPS_OF_EVENTS, shop_id=shop_id, events=dumps(without).decode())
    found: dict[int, Any] = {row["position"]: str(row["popup_id"]) for row in rows}
    return [
        row if row["named_shop"] is None else {**row, "popup_id": found.get(row["position"], str(NO_POPUP))}
        for row in conversions
    ]


@per_process
def _shops() -> Memory[str, str]:
    """Return the shops of popups, by popup id: a popup never changes its shop."""
    return Memory(MAX_POPUPS_IN_MEMORY)
