"""Orders and their money in one group of tallies. Pure arithmetic, no database."""

from __future__ import annotations

import datetime
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from common.postgres import Row
from common.shop.currencies import decimals_in

# The queries' name for a currency that does not exist, whose amounts are left out.
UNKNOWN_CURRENCY = "unknown"
# Money per viewer is often less than a cent.
DECIMALS_PER_VIEWER = Decimal("0.000001")


class OrderFigures:
    """Orders with what was paid and paid back, by currency; unconfirmed ones are only counted."""

    def __init__(self) -> None:
        self.orders = 0
        self.unconfirmed = 0
        self.in_unknown_currency = 0
        self.revenue: dict[str, Decimal] = defaultdict(Decimal)
        self.refunded: dict[str, Decimal] = defaultdict(Decimal)

    def add(self, tally: Row) -> None:
        if not tally["is_confirmed"]:
            self.unconfirmed += tally["orders"]
            return
        self.orders += tally["orders"]
        if tally["currency"] == UNKNOWN_CURRENCY:
            self.in_unknown_currency += tally["orders"]
        elif tally["currency"]:
            self.revenue[tally["currency"]] += tally["revenue"]
            self.refunded[tally["currency"]] += tally["refunded"]

    def as_json(self, currency: str, viewers: int) -> dict[str, Any]:
        """Return the numbers as the API shows them: amounts in the shop's own currency, and by currency."""
        revenue, refunded = self.revenue.get(currency, Decimal(0)), self.refunded.get(currency, Decimal(0))
        return {
            "orders": self.orders,
            "revenue": money(revenue),
            "refunded": money(refunded),
            "net_revenue": money(revenue - refunded),
            "unconfirmed_orders": self.unconfirmed,
            "revenue_per_viewer": per_viewer(revenue, viewers),
            "currency": currency,
            "revenue_by_currency": _by_currency(self.revenue),
            "refunded_by_currency": _by_currency({name: sum_ for name, sum_ in self.refunded.items() if sum_}),
        }


def confirmation(shop: Row) -> dict[str, Any]:
    """Return the parameters that tell confirmed orders from others; without confirmed_since all are."""
    since = shop["confirmed_since"]
    day = since.astimezone(datetime.UTC).date() if since else "infinity"
    return {"confirmed_since": since, "confirmed_day": day}


def money(amount: Decimal) -> str:
    """Format with at least two decimals, and as many as the amounts had: `10.00`, `0.125`."""
    return f"{amount:.{max(2, decimals_in(amount))}f}"


def per_viewer(amount: Decimal, viewers: int) -> str | None:
    return str((amount / viewers).quantize(DECIMALS_PER_VIEWER, ROUND_HALF_UP)) if viewers else None


def _by_currency(amounts: dict[str, Decimal]) -> dict[str, str]:
    return {name: money(amount) for name, amount in sorted(amounts.items())}
