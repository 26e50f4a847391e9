"""The figures of one group of tallies: a report's whole, a day, a device, a variant or a popup. No database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from common.postgres import Row
from common.shop.currencies import decimals_of
from common.shop.events import CONVERSION_TYPES, HOLDOUT
from functions.stats.order_figures import OrderFigures

RATE_DECIMALS = 6

# A group by what it is of: ("day", 2026-11-01). The whole is ().
Group = tuple[Any, ...]


class Figures:
    """Views, viewers and what they did, conversions, orders, exposures and closes."""

    def __init__(self) -> None:
        self.views = 0
        self.viewers = 0
        self.returned = 0
        # A newer release may have stored further types, which are counted under their own names.
        self.converters = defaultdict(int, dict.fromkeys(CONVERSION_TYPES, 0))
        self.conversions = defaultdict(int, dict.fromkeys(CONVERSION_TYPES, 0))
        self.signals: dict[str, int] = defaultdict(int)
        self.is_exposed = False
        self.orders = OrderFigures()
        self.orders_by_currency: dict[str, int] = defaultdict(int)

    def add_views(self, tally: Row) -> None:
        if tally.get("variant_id") == HOLDOUT:  # older scripts report a held-out visitor so
            self.signals["exposure"] += tally["views"]
        else:
            self.views += tally["views"]
        self.viewers += tally["viewers"]

    def add_returns(self, tally: Row) -> None:
        self.returned += tally["returned"]

    def add_converters(self, tally: Row) -> None:
        self.converters[tally["type"]] += tally["converters"]

    def add_conversions(self, tally: Row) -> None:
        self.conversions[tally["type"]] += tally["conversions"]

    def add_signals(self, tally: Row) -> None:
        self.signals[tally["kind"]] += tally["signals"]
        self.is_exposed |= tally["kind"] == "exposure"

    def add_orders(self, tally: Row) -> None:
        self.orders.add(tally)
        if tally["is_confirmed"]:
            self.orders_by_currency[tally["currency"]] += tally["orders"]

    def rate(self, goal: str) -> float | None:
        """Return the converters of the goal per unique viewer; None without viewers."""
        return round(self.converters[goal] / self.viewers, RATE_DECIMALS) if self.viewers else None

    def as_json(self, currency: str, goal: str, *, with_exposures: bool) -> dict[str, Any]:
        """Return the figures as the API shows them; amounts are in the shop's own currency, and by currency."""
        return {
            "exposures": self.signals["exposure"] or (0 if with_exposures else None),
            "views": self.views,
            "unique_viewers": self.viewers,
            "active_viewers": self.viewers + self.returned,
            "closes": self.signals["close"],
            "converters": self.converters[goal],
            "converters_by_type": self.converters,
            "conversion_rate": self.rate(goal),
            "conversions": sum(self.conversions.values()),
            "conversions_by_type": self.conversions,
            **self.orders.as_json(currency, self.viewers),
            "average_order_value": self._average_order_value(currency),
        }

    def _average_order_value(self, currency: str) -> str | None:
        """Return the mean amount of the orders in this currency, to its decimals, at least two; None without any."""
        orders, decimals = self.orders_by_currency[currency], Decimal(1).scaleb(-max(2, decimals_of(currency)))
        return str((self.orders.revenue[currency] / orders).quantize(decimals, ROUND_HALF_UP)) if orders else None


class Report:
    """All groups of a report's tallies."""

    def __init__(self, groups: Mapping[int, tuple[tuple[str, ...], ...]]) -> None:
        self._groups = groups
        self._figures: dict[Group, Figures] = defaultdict(Figures)

    def add(self, act: Callable[[Figures, Row], None], tallies: Iterable[Row]) -> None:
        """Call `act` with each tally and the figures of each of its groups."""
        for tally in tallies:
            for names in self._groups[tally["grouped"]]:
                group = tuple(part for name in names for part in (name, tally[name]))
                act(self._figures[group], tally)

    @property
    def whole(self) -> Figures:
        return self._figures[()]

    @property
    def has_exposures(self) -> bool:
        """Return whether there are exposures, the holdout's included: they are sent only if arms are compared."""
        return any(figures.is_exposed for figures in self._figures.values())

    def of(self, *group: Any) -> Figures:
        """Return the figures of a group such as `"day", day`."""
        return self._figures.get(group) or Figures()

    def by(self, *names: str) -> list[tuple[tuple[Any, ...], Figures]]:
        """Return the groups by these names with their figures, most views first."""
        found = [(group[1::2], figures) for group, figures in self._figures.items() if group[::2] == names]
        return sorted(found, key=lambda item: (-item[1].views, item[0]))
