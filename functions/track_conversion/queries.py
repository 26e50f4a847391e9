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
    new_subscriber_id: str
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

# As in track_view.
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

# The popup of events that name only their shop: of those that offer the code the one that the viewer met last, or the
# only one; else that of the last click or capture in a week, else of the last view in it.
SELECT_POPUPS_OF_EVENTS = """
    WITH event AS MATERIALIZED (
        SELECT position, viewer, upper(normalize(code, NFKC)) AS code
        FROM json_to_recordset(:events) AS event (position integer, viewer text, code text)
    ), touch AS MATERIALIZED (
        SELECT event.position, stored.*
        FROM event
        CROSS JOIN LATERAL (
            SELECT event_id, popup_id, variant_id, touched_at(event_id, viewed_at) AS at, false AS is_click
            FROM popup_views
            WHERE shop_id = :shop_id AND coalesce(visitor_id, session_id) = event.viewer
              AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, event.viewer)
            UNION ALL
            SELECT event_id, popup_id, variant_id, touched_at(event_id, converted_at), true
            FROM popup_conversions
            WHERE shop_id = :shop_id AND coalesce(visitor_id, session_id) = event.viewer
              AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, NULL, event.viewer)
              AND type IN ('click', 'email_capture')
        ) AS stored
        WHERE coalesce(stored.variant_id, '') NOT IN ('holdout', 'shop_holdout')
    ), offered AS MATERIALIZED (
        SELECT DISTINCT event.position, popups.id AS popup_id
        FROM event
        CROSS JOIN LATERAL (
            SELECT code.id
            FROM discount_codes AS code
            WHERE code.shop_id = :shop_id AND upper(normalize(code.code, NFKC)) = event.code
            UNION
            SELECT pool.discount_code_id
            FROM single_use_codes AS pool
            WHERE pool.shop_id = :shop_id AND upper(normalize(pool.code, NFKC)) = event.code
        ) AS code
        JOIN popups ON popups.shop_id = :shop_id AND popups.deleted_at IS NULL AND jsonb_path_exists(
            jsonb_build_array(popups.offer, jsonb_path_query_array(popups.variants, '$[*].offer')),
            '$.** ? (@.discount_code_id == $id || @.fallback_discount_code_id == $id)',
            jsonb_build_object('id', code.id)
        )
    ), possible AS (
        SELECT touch.position, 1 AS choice, touch.popup_id, touch.at, touch.event_id
        FROM touch
        JOIN offered ON offered.position = touch.position AND offered.popup_id = touch.popup_id
        UNION ALL
        SELECT position, 2, (array_agg(popup_id))[1], NULL, NULL
        FROM offered
        GROUP BY position
        HAVING count(*) = 1
        UNION ALL
        SELECT position, CASE WHEN is_click THEN 3 ELSE 4 END, popup_id, at, event_id
        FROM touch
        WHERE at >= now() - interval '7 days'
    )
    SELECT DISTINCT ON (possible.position) possible.position, possible.popup_id
    FROM possible
    JOIN popups ON popups.shop_id = :shop_id AND popups.id = possible.popup_id AND popups.deleted_at IS NULL
    ORDER BY possible.position, possible.choice, possible.at DESC, possible.event_id DESC
"""
