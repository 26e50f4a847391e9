"""What each endpoint does and answers: the part of the document that no schema of the server tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from openapi import merchant_answers as merchant
from openapi import stats_answers as stats
from openapi import storefront_answers as storefront

ID = "0199a000-0000-7000-8000-000000000001"
DISCOUNT = {"type": "percentage", "value": "10.00", "usage_limit": 500, "expires_at": "2027-01-01T00:00:00Z"}
VIEW = {"event_id": ID, "popup_id": ID, "session_id": "visit-1", "visitor_id": "browser-1", "device_type": "desktop"}
POPUP = {
    "name": "Summer exit",
    "status": "active",
    "trigger": {"type": "exit_intent"},
    "design": {"heading": "Leaving so soon?", "button_text": "Send me my code"},
    "targeting": {"include_pages": ["/products/*"], "exclude_pages": ["/checkout*"]},
    "offer": {"type": "email_capture", "consent_text": "Write to me about offers."},
}


@dataclass(frozen=True)
class Operation:
    """`answers` by status, None for one without a body; `problems` beyond those that every such endpoint has."""

    summary: str
    answers: dict[int, type[Schema] | None]
    problems: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    example: Any = None
    media_type: str = "application/json"


OPERATIONS: dict[tuple[str, str, str], Operation] = {
    ("get_active_popups", "GET", "/"): Operation(
        "The popups that a storefront shows now",
        {200: storefront.StorefrontAnswer, 304: None},
        (404,),
        ("ETag", "X-Cache"),
    ),
    ("track_view", "POST", "/"): Operation(
        "Count a view, or up to 50", {202: storefront.AcceptedAnswer}, (403, 404), example={"events": [VIEW]}
    ),
    ("track_conversion", "POST", "/"): Operation(
        "Count a conversion, and get the discount code that it brings",
        {200: storefront.ConversionAnswer, 201: storefront.ConversionAnswer},
        (403, 404),
        example={**VIEW, "type": "email_capture", "email": "ann@example.com", "consent": True,
                 "consent_text": "Write to me about offers."},
    ),
    ("manage_popups", "POST", "/popups"): Operation(
        "Make a popup", {201: merchant.PopupAnswer}, headers=("ETag", "Location"), example=POPUP
    ),
    ("manage_popups", "GET", "/popups"): Operation("The shop's popups, newest first", {200: merchant.PopupsAnswer}),
    ("manage_popups", "GET", "/popups/{popup_id}"): Operation(
        "A popup", {200: merchant.PopupAnswer}, headers=("ETag",)
    ),
    ("manage_popups", "PATCH", "/popups/{popup_id}"): Operation(
        "Change a popup by a merge patch (RFC 7396)", {200: merchant.PopupAnswer}, (409, 412), ("ETag",),
        example={"status": "paused", "design": {"heading": "Wait!"}},
    ),
    ("manage_popups", "DELETE", "/popups/{popup_id}"): Operation("Delete a popup", {204: None}, (409, 412)),
    ("manage_popups", "POST", "/popups/{popup_id}/duplicate"): Operation(
        "Copy a popup, as a draft", {201: merchant.PopupAnswer}, headers=("ETag", "Location")
    ),
    ("manage_popups", "GET", "/popups/{popup_id}/history"): Operation(
        "Who changed what in a popup and when, newest first", {200: merchant.HistoryAnswer}
    ),
    ("manage_popups", "POST", "/popups/{popup_id}/rollback"): Operation(
        "Bring back an earlier version", {200: merchant.PopupAnswer}, (412,), ("ETag",), example={"version": 1}
    ),
    ("manage_popups", "GET", "/popups/{popup_id}/explain"): Operation(
        "Would this shopper be shown it now, and if not, why not?", {200: merchant.ExplanationAnswer}
    ),
    ("manage_popups", "POST", "/discount-codes"): Operation(
        "Make a discount code", {201: merchant.DiscountCodeAnswer}, headers=("Location",), example=DISCOUNT
    ),
    ("manage_popups", "GET", "/discount-codes"): Operation(
        "The shop's discount codes, newest first", {200: merchant.DiscountCodesAnswer}
    ),
    ("manage_popups", "GET", "/discount-codes/{code_id}"): Operation(
        "A discount code", {200: merchant.DiscountCodeAnswer}
    ),
    ("manage_popups", "PATCH", "/discount-codes/{code_id}"): Operation(
        "Change a discount code by a merge patch", {200: merchant.DiscountCodeAnswer}, (409,),
        example={"is_active": False},
    ),
    ("manage_popups", "DELETE", "/discount-codes/{code_id}"): Operation(
        "Delete a discount code that no popup offers", {204: None}, (409,)
    ),
    ("manage_popups", "POST", "/discount-codes/{code_id}/codes"): Operation(
        "Add single-use codes to the pool", {201: merchant.PoolCodesAnswer}, example={"count": 500}
    ),
    ("manage_popups", "GET", "/subscribers"): Operation(
        "Subscribers, newest first; by their address where it is searched for", {200: merchant.SubscribersAnswer}
    ),
    ("manage_popups", "GET", "/subscribers.csv"): Operation(
        "Subscribers as CSV (RFC 4180)", {200: None}, media_type="text/csv"
    ),
    ("manage_popups", "GET", "/subscribers/{subscriber_id}"): Operation(
        "A subscriber with the consents, oldest first", {200: merchant.SubscriberWithConsentsAnswer}
    ),
    ("manage_popups", "DELETE", "/subscribers/{subscriber_id}"): Operation(
        "Erase a person from every table; the counts stay", {204: None}
    ),
    ("manage_popups", "POST", "/subscribers/{subscriber_id}/unsubscribe"): Operation(
        "Unsubscribe", {200: merchant.UnsubscribedAnswer}
    ),
    ("manage_popups", "GET", "/shop"): Operation("The key's shop", {200: merchant.ShopAnswer}),
    ("manage_popups", "PATCH", "/shop"): Operation(
        "Change the shop by a merge patch", {200: merchant.ShopAnswer}, (409,), example={"time_zone": "Europe/Berlin"}
    ),
    ("manage_popups", "POST", "/api-keys"): Operation(
        "Make an API key", {201: merchant.NewApiKeyAnswer}, headers=("Location",),
        example={"rights": "read", "name": "BI"},
    ),
    ("manage_popups", "GET", "/api-keys"): Operation("The shop's API keys", {200: merchant.ApiKeysAnswer}),
    ("manage_popups", "DELETE", "/api-keys/{key_id}"): Operation("Revoke an API key", {204: None}, (409,)),
    ("stats", "GET", "/popups/{popup_id}"): Operation(
        "How a popup did", {200: stats.PopupReportAnswer, 304: None}, headers=("ETag", "X-Cache")
    ),
    ("stats", "GET", "/popups/{popup_id}/experiment"): Operation(
        "Which of a popup's variants converts best, how sure that is, and whether to stop",
        {200: stats.ExperimentAnswer, 304: None},
        headers=("ETag", "X-Cache"),
    ),
    ("stats", "GET", "/shop"): Operation(
        "How the shop did", {200: stats.ShopReportAnswer, 304: None}, headers=("ETag", "X-Cache")
    ),
}  # fmt: skip
