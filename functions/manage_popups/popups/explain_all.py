"""Explains for all popups of a shop, or for a draft, whether a shopper would be shown them now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from common import postgres
from common.errors import Invalid
from common.shop.events import SHOP_HOLDOUT
from common.web import Request, Response, answers, json_response
from functions.manage_popups.popups.checks import checked
from functions.manage_popups.popups.explain import (
    CHECKED_FOR_VISITORS,
    NEVER_CHECKED,
    fetch_served,
    not_checked,
    why_not,
)
from functions.manage_popups.popups.rules import first_no, is_held_out, variant_for
from functions.manage_popups.popups.shoppers import shopper_of

# What cannot be checked for a draft: it depends on the shop's other popups, or on the stock of codes.
NOT_CHECKED_FOR_DRAFTS = (*NEVER_CHECKED, *CHECKED_FOR_VISITORS, "priority", "size", "offer.when_empty")

# For popups that storefronts do not get: the reason why not, and the variant that this visitor would see.
SELECT_POPUPS_FOR_VISITOR = """
    WITH converted AS MATERIALIZED (
        SELECT popup_id, extract(epoch FROM now() - max(converted_at))::float8 AS seconds_since_conversion
        FROM popup_conversions
        WHERE shop_id = :shop_id AND visitor_id = :visitor AND (type <> 'click' OR issued_code IS NOT NULL)
          AND event_viewer(shop_id, visitor_id, session_id) = event_viewer(:shop_id, :visitor, NULL)
        GROUP BY popup_id
    )
    SELECT popups.id, name, is_active, holdout_percent, converted.seconds_since_conversion,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('id', variant -> 'id', 'weight', variant -> 'weight')
             ORDER BY place), '[]')
         FROM jsonb_array_elements(variants) WITH ORDINALITY AS listed (variant, place)
        ) AS variants,
        starts_at > now() AS is_early,
        ends_at <= now() AS is_over,
        CASE WHEN is_active THEN view_limit <= (
            SELECT coalesce(sum(views), 0)
            FROM daily_views AS tally
            WHERE tally.shop_id = :shop_id AND tally.popup_id = popups.id AND variant_id <> 'holdout'
        ) END AS is_used_up,
        CASE WHEN is_active THEN EXISTS (
            SELECT
            FROM stopping_offers AS stopping
            WHERE stopping.shop_id = :shop_id AND stopping.popup_id = popups.id
        ) END AS is_stopped,
        EXISTS (
            SELECT
            FROM viewers
            WHERE viewers.shop_id = :shop_id AND first_day IS NOT NULL
              AND viewer = viewer_hash((SELECT viewer_salt FROM shops WHERE id = :shop_id), :visitor)
        ) AS is_known
    FROM popups
    LEFT JOIN converted ON converted.popup_id = popups.id
    WHERE shop_id = :shop_id AND deleted_at IS NULL AND status <> 'archived'
    ORDER BY is_active DESC, priority DESC, created_at DESC, popups.id
    LIMIT 1000
"""

SELECT_SHOP_FOR_VISITOR = """
    SELECT never_on_pages, shop_holdout_percent,
        EXISTS (
            SELECT
            FROM viewers
            WHERE viewers.shop_id = :shop_id AND first_day IS NOT NULL
              AND viewer = viewer_hash((SELECT viewer_salt FROM shops WHERE id = :shop_id), :visitor)
        ) AS is_known
    FROM shops
    WHERE id = :shop_id
"""


@answers({200: "Explanations"})
def explain_popups(request: Request) -> Response:
    """Say for each popup whether this shopper would be shown it now, and if not, why not.

    For every popup that is not archived, those that storefronts get first, and at most 1000; or only for the draft in
    `popup`, as if it were active. Nothing is stored.
    """
    draft = request.data["popup"]
    with postgres.connection() as connection:
        if draft is not None:
            return json_response({"popups": [_explain_draft(connection, request, draft)]})
        visitor = request.data["visitor_id"]
        popups = connection.fetch_all(SELECT_POPUPS_FOR_VISITOR, shop_id=request.shop_id, visitor=visitor)
        served = fetch_served(connection, request.shop_id)
    explained = []
    for popup in popups:
        shopper = shopper_of(
            request.data, is_known=popup["is_known"], seconds_since_conversion=popup["seconds_since_conversion"]
        )
        verdict = {"reason": why_not(popup, served, shopper), "variant": variant_for({**popup, **served.shop}, shopper)}
        explained.append(_shown(popup["id"], popup["name"], **verdict, not_checked=not_checked(visitor)))
    return json_response({"popups": explained})


def _explain_draft(connection: postgres.Connection, request: Request, draft: dict[str, Any]) -> dict[str, Any]:
    try:
        popup = checked(connection, request.shop_id, draft)
    except Invalid as invalid:
        raise Invalid(
            errors={_inside_popup(path): messages for path, messages in (invalid.errors or {}).items()}
        ) from None
    visitor = request.data["visitor_id"]
    shop = connection.fetch_one(SELECT_SHOP_FOR_VISITOR, shop_id=request.shop_id, visitor=visitor)
    assert shop is not None, "an API key belongs to a shop"
    is_in_holdout = visitor is not None and is_held_out(request.shop_id, shop["shop_holdout_percent"], visitor)
    variant = SHOP_HOLDOUT if is_in_holdout else None
    # Which variant it will be is decided by the id that it does not have yet.
    shopper = shopper_of({**request.data, "visitor_id": None}, is_known=shop["is_known"])
    reason = _out_of_schedule(popup) or first_no({**popup, "never_on_pages": shop["never_on_pages"]}, shopper)
    unknown = [rule for rule in NOT_CHECKED_FOR_DRAFTS if rule != SHOP_HOLDOUT or visitor is None]
    return _shown(None, popup["name"], reason=reason or variant, variant=variant, not_checked=unknown)


def _out_of_schedule(popup: dict[str, Any]) -> str | None:
    now = datetime.now(UTC)
    if popup["starts_at"] and popup["starts_at"] > now:
        return "starts_at"
    return "ends_at" if popup["ends_at"] and popup["ends_at"] <= now else None


def _inside_popup(path: str) -> str:
    return f"popup.{path}" if path else "popup"


def _shown(
    popup_id: Any, name: str, *, reason: str | None, variant: str | None, not_checked: list[str]
) -> dict[str, Any]:
    return {
        "popup_id": popup_id,
        "name": name,
        "would_show": reason is None,
        "reason": reason,
        "variant": variant,
        "not_checked": not_checked,
    }
