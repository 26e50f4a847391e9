"""Explains whether a shopper would be shown a popup now, and if not, which rule is the first to exclude it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from common import postgres
from common.errors import PopupNotFound
from common.shop.active_popups import SELECT_ACTIVE_POPUPS, fitting, for_storefront, with_comparable_addresses
from common.shop.events import SHOP_HOLDOUT
from common.web import Request, Response, answers, json_response
from functions.manage_popups.popups.rules import Shopper, first_no, variant_for
from functions.manage_popups.popups.shoppers import shopper_of

# seconds_since_conversion: the last conversion that brought the shopper something, by the script's definition.
SELECT_POPUP_FOR_VISITOR = """
    SELECT popups.*,
        starts_at > now() AS is_early,
        ends_at <= now() AS is_over,
        view_limit <= (
            SELECT coalesce(sum(views), 0)
            FROM daily_views AS tally
            WHERE tally.shop_id = :shop_id AND tally.popup_id = popups.id AND variant_id <> 'holdout'
        ) AS is_used_up,
        EXISTS (
            SELECT
            FROM stopping_offers AS stopping
            WHERE stopping.shop_id = :shop_id AND stopping.popup_id = popups.id
        ) AS is_stopped,
        EXISTS (
            SELECT
            FROM viewers
            WHERE viewers.shop_id = :shop_id AND first_day IS NOT NULL
              AND viewer = viewer_hash((SELECT viewer_salt FROM shops WHERE id = :shop_id), :visitor)
        ) AS is_known,
        (SELECT extract(epoch FROM now() - max(converted_at))::float8
         FROM popup_conversions AS conversion
         WHERE conversion.shop_id = :shop_id AND conversion.visitor_id = :visitor AND conversion.popup_id = popups.id
           AND event_viewer(conversion.shop_id, conversion.visitor_id, conversion.session_id)
                = event_viewer(:shop_id, :visitor, NULL)
           AND (type <> 'click' OR issued_code IS NOT NULL)
        ) AS seconds_since_conversion
    FROM popups
    WHERE shop_id = :shop_id AND id = :id AND deleted_at IS NULL
"""

# Known only to the shopper's browser.
NEVER_CHECKED = (
    "frequency.days_after_close",
    "frequency.max_per_session",
    "shop.popups_per_visit",
    "shop.seconds_between_popups",
)
_WHY_NOT_SERVED = {
    "is_early": "starts_at",
    "is_over": "ends_at",
    "is_used_up": "view_limit",
    "is_stopped": "offer.when_empty",
}
CHECKED_FOR_VISITORS = ("frequency.days_after_conversion", "holdout", SHOP_HOLDOUT)


class Served(NamedTuple):
    """The shop's settings that the rules need, the popups that it serves, by id, and which fit into the download."""

    shop: dict[str, Any]
    popups: dict[uuid.UUID, postgres.Row]
    fitting_ids: set[uuid.UUID]


@answers({200: "Explanation"})
def explain_popup(request: Request, popup_id: uuid.UUID) -> Response:
    """Say whether this shopper would be shown the popup now, and if not, why not."""
    visitor_id = request.query["visitor_id"]
    with postgres.connection() as connection:
        popup = connection.fetch_one(SELECT_POPUP_FOR_VISITOR, shop_id=request.shop_id, id=popup_id, visitor=visitor_id)
        if popup is None:
            raise PopupNotFound()
        served = fetch_served(connection, request.shop_id)
    shopper = shopper_of(
        request.query, is_known=popup["is_known"], seconds_since_conversion=popup["seconds_since_conversion"]
    )
    reason = why_not(popup, served, shopper)
    return json_response(
        {
            "popup_id": popup_id,
            "would_show": reason is None,
            "reason": reason,
            "trigger": popup["trigger"]["type"],
            "variant": variant_for({**popup, **served.shop}, shopper),
            "not_checked": not_checked(visitor_id),
        }
    )


def fetch_served(connection: postgres.Connection, shop_id: str) -> Served:
    found = connection.fetch_all(SELECT_ACTIVE_POPUPS, shop_id=shop_id)
    shop = _of_shop(shop_id, found[0]["shop"])  # an API key belongs to a shop
    rows = [row for row in found if row["id"]]
    popups = {row["id"]: {**row, **shop} for row in rows}
    return Served(shop, popups, {popup["id"] for popup in fitting(map(for_storefront, rows))})


def _of_shop(shop_id: str, shop: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shop's settings under the names that the rules use."""
    return {
        "shop_id": shop_id,
        "never_on_pages": shop["never_on_pages"],
        "shop_holdout_percent": shop.get("holdout_percent", 0),
    }


def why_not(popup: postgres.Row, served: Served, shopper: Shopper) -> str | None:
    """Return the first rule that keeps the popup from this shopper; None if none does."""
    if popup["id"] not in served.popups:
        return _why_not_served(popup)
    if popup["id"] not in served.fitting_ids:
        return "size"  # the popups before it use up the size that shoppers download
    document = served.popups[popup["id"]]
    return first_no({**document, "targeting": with_comparable_addresses(document["targeting"])}, shopper)


def not_checked(visitor_id: str | None) -> list[str]:
    """Return the rules that only the shopper's browser can decide."""
    return [*NEVER_CHECKED, *(CHECKED_FOR_VISITORS if visitor_id is None else ())]


def _why_not_served(popup: postgres.Row) -> str:
    """Return the reason that the popup is not served to storefronts."""
    if not popup["is_active"]:
        return "status"
    for flag, rule in _WHY_NOT_SERVED.items():
        if popup[flag]:
            return rule
    return "priority"  # as many others as a storefront gets take precedence
