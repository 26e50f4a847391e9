"""Explains whether a shopper would be shown a popup now, and if not, which rule is the first to exclude it."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from marshmallow import ValidationError, fields, validate

from common import postgres
from common.errors import PopupNotFound
from common.shop.active_popups import SELECT_ACTIVE_POPUPS, fitting, for_storefront, with_comparable_addresses
from common.shop.events import DEVICE_TYPES, MAX_ID_CHARACTERS
from common.shop.fields import StrictSchema
from common.shop.targeting_rules import KINDS_OF_VISITORS
from common.web import Request, Response, answers, json_response
from functions.manage_popups.popups.rules import Shopper, first_no, variant_for
from functions.manage_popups.rest.fields import check_storable

MAX_ADDRESS_CHARACTERS = 2048
MAX_ITEMS = 10**6
SECONDS_A_DAY = 86_400

# seconds_since_conversion: the last conversion that brought the shopper something, by the script's definition.
SELECT_POPUP_FOR_VISITOR = """
    SELECT popups.*,
        (SELECT never_on_pages FROM shops WHERE id = :shop_id) AS never_on_pages,
        starts_at > now() AS is_early,
        ends_at <= now() AS is_over,
        view_limit <= (
            SELECT coalesce(sum(views), 0)
            FROM daily_views AS tally
            WHERE (tally.shop_id, tally.popup_id) = (popups.shop_id, popups.id) AND variant_id <> 'holdout'
        ) AS is_used_up,
        EXISTS (
            SELECT
            FROM stopping_offers AS stopping
            WHERE stopping.shop_id = :shop_id AND stopping.popup_id = popups.id
        ) AS is_stopped,
        EXISTS (SELECT FROM shop_viewers WHERE (shop_id, viewer) = (popups.shop_id, :visitor)) AS is_known,
        (SELECT extract(epoch FROM now() - max(converted_at))::float8
         FROM popup_conversions AS conversion
         WHERE conversion.visitor_id = :visitor AND conversion.popup_id = popups.id
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
CHECKED_FOR_VISITORS = ("frequency.days_after_conversion", "holdout")


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ValidationError("Not an address.") from None
    if not (address.startswith("/") or (parts.scheme in ("http", "https") and parts.netloc)):
        raise ValidationError("An address such as https://shop.example.com/products/1, or its path.")


class ExplainQuery(StrictSchema):
    """`?url=/products/1&device_type=mobile&visitor=…`: a shopper, by default new and with an empty cart."""

    url = fields.String(load_default="/", validate=[validate.Length(1, MAX_ADDRESS_CHARACTERS), _check_address])
    device_type = fields.String(load_default="desktop", validate=validate.OneOf(DEVICE_TYPES))
    visitor = fields.String(load_default=None, validate=[validate.Length(1, MAX_ID_CHARACTERS), check_storable])
    visitors = fields.String(load_default=None, validate=validate.OneOf(KINDS_OF_VISITORS))
    referrer = fields.String(load_default="", validate=validate.Length(max=MAX_ADDRESS_CHARACTERS))
    cart_value = fields.Decimal(load_default=Decimal(0), validate=validate.Range(0, 10**12))
    cart_items = fields.Integer(load_default=0, validate=validate.Range(0, MAX_ITEMS))


@answers({200: "Explanation"})
def explain_popup(request: Request, popup_id: uuid.UUID) -> Response:
    """Say whether this shopper would be shown the popup now, and if not, why not."""
    visitor = request.query["visitor"]
    with postgres.connection() as connection:
        popup = connection.fetch_one(SELECT_POPUP_FOR_VISITOR, shop_id=request.shop_id, id=popup_id, visitor=visitor)
        if popup is None:
            raise PopupNotFound()
        active = connection.fetch_all(SELECT_ACTIVE_POPUPS, shop_id=request.shop_id)
    shopper = _shopper(request.query, popup)
    reason = None if popup_id in _ids(active) else _why_not_served(popup)
    if reason is None and popup_id not in _ids(fitting(for_storefront(each) for each in active)):
        reason = "size"  # the popups before it use up the size that shoppers download
    reason = reason or first_no({**popup, "targeting": with_comparable_addresses(popup["targeting"])}, shopper)
    return json_response(
        {
            "popup_id": popup_id,
            "would_show": reason is None,
            "reason": reason,
            "trigger": popup["trigger"]["type"],
            "variant": variant_for(popup, shopper),
            "not_checked": [*NEVER_CHECKED, *(CHECKED_FOR_VISITORS if visitor is None else ())],
        }
    )


def _ids(popups: list[postgres.Row]) -> list[uuid.UUID]:
    return [popup["id"] for popup in popups]


def _why_not_served(popup: postgres.Row) -> str:
    """Return the reason that the popup is not served to storefronts."""
    if not popup["is_active"]:
        return "status"
    for flag, rule in _WHY_NOT_SERVED.items():
        if popup[flag]:
            return rule
    return "priority"  # as many others as a storefront gets take precedence


def _shopper(query: Any, popup: postgres.Row) -> Shopper:
    parts = urlsplit(query["url"])
    utm = {
        name.removeprefix("utm_"): value
        for name, value in parse_qsl(parts.query, keep_blank_values=True, errors="replace")
        if name.startswith("utm_")
    }
    since_conversion = popup["seconds_since_conversion"]
    return Shopper(
        path=parts.path or "/",
        search=f"?{parts.query}" if parts.query else "",
        device_type=query["device_type"],
        is_new=query["visitors"] == "new" if query["visitors"] else not popup["is_known"],
        referrer=query["referrer"].partition("?")[0].partition("#")[0],
        utm=utm,
        cart_value=query["cart_value"],
        cart_items=query["cart_items"],
        visitor_id=query["visitor"],
        days_since_conversion=None if since_conversion is None else since_conversion / SECONDS_A_DAY,
    )
