"""Reports as CSV: a row for each day, popup, variant, or place where a popup was seen."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from common.json_text import format_time
from common.shop.events import HOLDOUT
from common.web import BYTE_ORDER_MARK, csv_lines, defused
from functions.stats.sources import KINDS

# Columns in order; `conversions_by_type.click` is the click of that object.
NAMES = {"days": ("day",), "popups": ("popup_id", "name", "status")}
FIGURES = (
    "exposures", "views", "unique_viewers", "active_viewers", "closes", "converters", "conversion_rate",
    "converters_by_type.click", "converters_by_type.email_capture", "converters_by_type.discount_code_used",
    "converters_by_type.purchase", "conversions", "conversions_by_type.click", "conversions_by_type.email_capture",
    "conversions_by_type.discount_code_used", "conversions_by_type.purchase", "orders", "revenue", "refunded",
    "net_revenue", "unconfirmed_orders", "revenue_per_viewer", "average_order_value", "currency",
)  # fmt: skip


VARIANT = (
    "variant_id", "name", "weight", "viewers", "converters", "rate", "revenue_per_viewer", "credible_interval.low",
    "credible_interval.high", "chance_to_be_best", "expected_loss", "lift", "lift_interval.low", "lift_interval.high",
    "beats_first",
)  # fmt: skip
# The same in each row of an experiment.
OF_EXPERIMENT = ("goal", "currency", "stretch", "experiment_started_at", "verdict", "best")
# The parts of an interval's columns.
ENDS = ("low", "high")
# Columns with texts of users, which are defused.
TEXTS = ("name",)


def as_csv(rows: str, report: dict[str, Any]) -> bytes:
    """Return the report's rows ("days" or "popups"), in the form of /subscribers.csv."""
    groups = report["by_day"] if rows == "days" else report.get("popups", [report])
    return _table([*NAMES[rows], *FIGURES], groups)


def experiment_as_csv(report: dict[str, Any]) -> bytes:
    """Return a row for each variant, and one for the holdout, if there is one."""
    of_all = {name: report[name] for name in OF_EXPERIMENT}
    held_out = [{"variant_id": HOLDOUT, "viewers": report["holdout"]["viewers"]}] if report["holdout"] else []
    return _table([*VARIANT, *OF_EXPERIMENT], [row | of_all for row in (*report["variants"], *held_out)])


def sources_as_csv(report: dict[str, Any]) -> bytes:
    """Return a row for each page, referrer and campaign, and for each hour of today."""
    named = [{"kind": kind, **row} for kind in KINDS for row in report[kind]]
    hours = [{"kind": "hours_of_today", "name": f"{row['hour']:02}", **row} for row in report["hours_of_today"]]
    return _table(["kind", "name", "views"], [*named, *hours])


def _table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> bytes:
    header = [column.replace("_by_type.", "_").replace(".", "_") for column in columns]
    return BYTE_ORDER_MARK + csv_lines([header, *([_cell(row, column) for column in columns] for row in rows)])


def _cell(row: dict[str, Any], column: str) -> Any:
    name, _, part = column.partition(".")
    value = row.get(name)
    if part and value is not None:
        value = value[ENDS.index(part)] if part in ENDS else value[part]
    if name in TEXTS:
        return defused(value)
    if isinstance(value, datetime.datetime):
        return format_time(value)
    return "" if value is None else value
