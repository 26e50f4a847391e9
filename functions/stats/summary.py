"""Sums of tallies: totals, and by day, device and variant. Pure arithmetic, no database."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from common.postgres import Row
from common.shop.events import CONVERSION_TYPES

RATE_DECIMALS = 4
# The queries' name for a currency that does not exist, whose amounts are left out.
UNKNOWN_CURRENCY = "unknown"


class Summary:
    """Views, viewers and conversions of one group of tallies."""

    def __init__(self) -> None:
        self.views = 0
        self.viewers = 0
        # A newer release may have stored further types, which are counted under their own names.
        self.conversions_by_type = defaultdict(int, dict.fromkeys(CONVERSION_TYPES, 0))
        self.revenue_by_currency: dict[str, Decimal] = defaultdict(Decimal)
        self.conversions_in_unknown_currency = 0

    def add_views(self, tally: Row) -> None:
        self.views += tally["views"]
        self.viewers += tally["viewers"]

    def add_conversions(self, tally: Row) -> None:
        self.conversions_by_type[tally["type"]] += tally["conversions"]
        if tally["currency"] == UNKNOWN_CURRENCY:
            self.conversions_in_unknown_currency += tally["conversions"]
        elif tally["currency"]:
            self.revenue_by_currency[tally["currency"]] += tally["revenue"]

    def as_json(self, currency: str) -> dict[str, Any]:
        """Return the numbers as the API shows them; `revenue` is the amount in the shop's own currency."""
        conversions = sum(self.conversions_by_type.values())
        return {
            "views": self.views,
            "unique_viewers": self.viewers,
            "conversions": conversions,
            "conversions_by_type": self.conversions_by_type,
            "conversion_rate": round(conversions / self.views, RATE_DECIMALS) if self.views else 0.0,
            "revenue": _money(self.revenue_by_currency.get(currency, Decimal(0))),
            "currency": currency,
            "revenue_by_currency": {name: _money(sum_) for name, sum_ in sorted(self.revenue_by_currency.items())},
        }

    def oddities(self) -> dict[str, int]:
        """Return fields that appear only if not 0: conversions without a known currency, whose amounts are left out."""
        count = self.conversions_in_unknown_currency
        return {"conversions_in_unknown_currency": count} if count else {}


def summarize(views: Iterable[Row], conversions: Iterable[Row]) -> Summary:
    return summarize_by(lambda _: None, views, conversions).get(None, Summary())


def summarize_by(group: Callable[[Row], Any], views: Iterable[Row], conversions: Iterable[Row]) -> dict[Any, Summary]:
    """Return a Summary for each value of `group(tally)`."""
    summaries: dict[Any, Summary] = defaultdict(Summary)
    for tally in views:
        summaries[group(tally)].add_views(tally)
    for tally in conversions:
        summaries[group(tally)].add_conversions(tally)
    return summaries


def days_between(first: datetime.date, last: datetime.date) -> list[datetime.date]:
    return [first + datetime.timedelta(days=ahead) for ahead in range((last - first).days + 1)]


def _money(amount: Decimal) -> str:
    """Format with at least two decimals, and as many as the amounts had: `10.00`, `0.125`."""
    exponent = amount.normalize().as_tuple().exponent
    decimals = max(2, -exponent if isinstance(exponent, int) else 0)
    return f"{amount:.{decimals}f}"
