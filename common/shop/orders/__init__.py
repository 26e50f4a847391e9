"""Orders: what was bought, on whose word, whose order it was, and which popup gets the credit."""

from __future__ import annotations

from common.shop.orders._recording import (
    BATCH_ORDERS,
    MAX_REFUNDS,
    Recorded,
    Refund,
    RefundRecorded,
    Reported,
    TrustedOrder,
    credit_for_a_while,
    credit_late,
    credit_waiting,
    delete_order,
    forget_figures,
    queue_reported_orders,
    record_order,
    record_refund,
    withdraw_order,
)
from common.shop.orders.rules import (
    DEFAULT_RULE,
    DEFAULT_WINDOW_DAYS,
    MAX_WINDOW_DAYS,
    REASONS,
    RECOGNISED_BY,
    RULES,
    SOURCES,
    STATES,
)

__all__ = [
    "BATCH_ORDERS",
    "DEFAULT_RULE",
    "DEFAULT_WINDOW_DAYS",
    "MAX_REFUNDS",
    "MAX_WINDOW_DAYS",
    "REASONS",
    "RECOGNISED_BY",
    "RULES",
    "SOURCES",
    "STATES",
    "Recorded",
    "Refund",
    "RefundRecorded",
    "Reported",
    "TrustedOrder",
    "credit_for_a_while",
    "credit_late",
    "credit_waiting",
    "delete_order",
    "forget_figures",
    "queue_reported_orders",
    "record_order",
    "record_refund",
    "withdraw_order",
]
