"""A report as CSV: a row for each day, or for each popup."""

from __future__ import annotations

from typing import Any

from common.web import BYTE_ORDER_MARK, csv_lines, defused

ROWS = ("days", "popups")
# Columns in order; `conversions_by_type.click` is the click of that object.
NAMES = {"days": ("day",), "popups": ("popup_id", "name", "status")}
FIGURES = (
    "exposures", "views", "unique_viewers", "active_viewers", "closes", "converters", "conversion_rate",
    "converters_by_type.click", "converters_by_type.email_capture", "converters_by_type.discount_code_used",
    "converters_by_type.purchase", "conversions", "conversions_by_type.click", "conversions_by_type.email_capture",
    "conversions_by_type.discount_code_used", "conversions_by_type.purchase", "orders", "revenue", "refunded",
    "net_revenue", "unconfirmed_orders", "revenue_per_viewer", "average_order_value", "currency",
)  # fmt: skip


def as_csv(rows: str, report: dict[str, Any]) -> bytes:
    """Return the report's rows ("days" or "popups"), in the form of /subscribers.csv."""
    groups = report["by_day"] if rows == "days" else report.get("popups", [report])
    columns = [*NAMES[rows], *FIGURES]
    header = [column.replace("_by_type.", "_") for column in columns]
    return BYTE_ORDER_MARK + csv_lines([header, *([_cell(group, column) for column in columns] for group in groups)])


def _cell(group: dict[str, Any], column: str) -> Any:
    name, _, part = column.partition(".")
    value = group[name][part] if part else group[name]
    if name == "name":
        return defused(value)
    return "" if value is None else value
