"""What the statements that store views, exposures and closes read and return; insert_views.sql has the longest."""

from __future__ import annotations

import uuid
from typing import NotRequired, TypedDict

from common.postgres import read_statement
from common.shop.events import EventRow


class ViewRow(EventRow):
    """A view to store or, with `signal`, an exposure or a close, which have no addresses."""

    signal: NotRequired[str]
    page_url: NotRequired[str | None]
    referrer: NotRequired[str | None]


class ViewOutcome(TypedDict):
    """A refused view by its position, or a popup that has new views."""

    position: int | None
    shop_id: str | None
    popup_id: uuid.UUID | None
    refusal: str | None
    near_limit: bool | None
    has_late: bool | None


INSERT_VIEWS = read_statement(__file__, "insert_views.sql", "full")
INSERT_PLAIN_VIEWS = read_statement(__file__, "insert_views.sql", "plain")

# Enters the ids of events that were stored under their own id, while it was not yet foreign or by the previous release,
# so that the statement sent with this one finds them.
ENTER_STORED_VIEWS = """
    INSERT INTO foreign_event_ids (shop_id, kind, sent_id, event_id)
    SELECT shop_id, kind, event_id, event_id
    FROM (
        SELECT shop_id, 'view' AS kind, event_id FROM popup_views WHERE event_id = ANY (:foreign_ids::uuid[])
        UNION ALL
        SELECT shop_id, kind, event_id FROM popup_signals WHERE event_id = ANY (:foreign_ids::uuid[])
    ) AS stored
    ORDER BY shop_id, kind, event_id
    ON CONFLICT DO NOTHING
"""
