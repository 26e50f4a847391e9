"""The rules by which a popup gets the credit for an order, and the closed sets and bounds of orders."""

from __future__ import annotations

import datetime

# Bounds of what any source reports.
MAX_ORDER_ID_CHARACTERS = 100
MAX_CODES = 20
MAX_CODE_CHARACTERS = 100
EARLIEST = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)

# By the last touch: a code of the order, else the last click or capture, else the last view, else the browser's report.
# By the others only that.
RULES = ("last_touch", "code", "click", "view")
DEFAULT_RULE = "last_touch"
DEFAULT_WINDOW_DAYS = 7
# Credits are kept in steps of so many days (sql/, order_credits).
MAX_WINDOW_DAYS = 30

# A new member of these also needs a migration that widens its CHECK; tests/rules/test_closed_sets.py compares them.
SOURCES = ("browser", "api", "shopify", "woocommerce")
STATES = ("counted", "cancelled", "test", "deleted")
RECOGNISED_BY = ("visitor_id", "code", "email", "browser")
# Why a popup has the credit by the last touch; `stored`: it was credited before there were rules.
REASONS = ("code", "click", "view", "report", "stored")
