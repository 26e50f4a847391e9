"""The SQL that stores conversions and tallies them, with the subscriber and the discount code.

Also the rows that the statement reads and returns.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any, NotRequired, TypedDict

from common.postgres import read_statement
from common.shop.events import EventRow


class ConversionRow(EventRow):
    """A conversion to store. With a `named_shop` the popup is nil if there is none that has the credit."""

    named_shop: str | None
    type: str
    email: str | None
    email_normalized: str | None
    other_emails: NotRequired[list[str] | None]
    name: str | None
    consent: bool | None
    consent_text: str | None
    new_subscriber_id: NotRequired[str]
    claimer: str
    other_claimers: NotRequired[list[str] | None]
    network: str
    discount_code: str | None
    trimmed_code: str | None
    revenue: Decimal | None
    currency: str | None
    order_id: str | None
    metadata: dict[str, Any] | None


class ConversionOutcome(TypedDict):
    """What became of a conversion; `shop_id` is None if its popup does not exist."""

    position: int
    shop_id: str | None
    popup_id: uuid.UUID
    refusal: str | None
    conversion_id: uuid.UUID | None
    issued_code: dict[str, Any] | None
    is_new: bool
    has_late: bool
    may_stop: bool
    met_budget: str | None


INSERT_CONVERSIONS = read_statement(__file__, "insert_conversions.sql", "full")
INSERT_PLAIN_CONVERSIONS = read_statement(__file__, "insert_conversions.sql", "plain")

# Enters the ids of conversions that were stored under their own id, while it was not yet foreign or by the previous
# release, so that the statement sent with this one finds them.
ENTER_STORED_CONVERSIONS = """
    INSERT INTO foreign_event_ids (shop_id, kind, sent_id, event_id)
    SELECT shop_id, 'conversion', event_id, event_id
    FROM popup_conversions
    WHERE event_id = ANY (:foreign_ids::uuid[])
    ORDER BY shop_id, event_id
    ON CONFLICT DO NOTHING
"""

# The shops of popups; a popup never changes its shop.
SELECT_SHOPS_OF_POPUPS = "SELECT id, shop_id FROM popups WHERE id = ANY (:popup_ids::uuid[])"

SELECT_POPUPS_OF_EVENTS = read_statement(__file__, "select_popups_of_events.sql")
