"""The answers of `manage_popups`, but for those about popups."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from common.shop.api_keys import RIGHTS
from common.shop.order_sources import PLATFORMS
from common.shop.orders import REASONS, RECOGNISED_BY, SOURCES
from functions.manage_popups.discount_codes.schemas import DiscountCodeSchema
from functions.manage_popups.shop import ShopSchema
from functions.manage_popups.subscribers.schemas import CONSENT_TYPES
from openapi.answers import PageAnswer, each, needed, nullable


class PoolAnswer(Schema):
    codes = needed(fields.Integer)
    claimed = needed(fields.Integer)
    left = needed(fields.Integer)


class BudgetMetAnswer(Schema):
    """How often a budget of the shop's kept a code from being given, or a use from being counted."""

    budget = needed(fields.String)
    refused = needed(fields.Integer)
    last_met_at = needed(fields.AwareDateTime)


class DiscountCodeAnswer(DiscountCodeSchema):
    """A discount code with how it was used. `pool` is there for single-use codes."""

    id = needed(fields.UUID)
    currency = needed(fields.String)
    usage_count = needed(fields.Integer)
    pool = fields.Nested(PoolAnswer, required=True, allow_none=True)
    low_stock = needed(fields.Boolean)
    budgets_met = each(BudgetMetAnswer)
    created_at = needed(fields.AwareDateTime)
    updated_at = needed(fields.AwareDateTime)


class DiscountCodesAnswer(PageAnswer):
    discount_codes = each(DiscountCodeAnswer)


class PoolCodesAnswer(Schema):
    added = needed(fields.Integer)
    duplicates = fields.List(fields.String(), required=True)
    pool = fields.Nested(PoolAnswer, required=True)
    codes = fields.List(fields.String(), metadata={"description": "The new codes, if the request had a `count`."})


class ReleaseAnswer(Schema):
    withdrawn = needed(fields.Integer)
    added = needed(fields.Integer)
    withdrawn_codes = fields.List(
        fields.String(), required=True, metadata={"description": "The shop must no longer accept these."}
    )
    codes = fields.List(fields.String(), required=True, metadata={"description": "The new codes."})
    has_more = needed(
        fields.Boolean, metadata={"description": "True if more than 10 000 are to be withdrawn: call it again."}
    )
    pool = fields.Nested(PoolAnswer, required=True)


class SubscriberAnswer(Schema):
    id = needed(fields.UUID)
    email = needed(fields.String)
    name = nullable(fields.String)
    popup_id = needed(fields.UUID)
    is_active = needed(fields.Boolean)
    consent_text = nullable(fields.String)
    consented_at = nullable(fields.AwareDateTime)
    unsubscribed_at = nullable(fields.AwareDateTime)
    created_at = needed(fields.AwareDateTime)


class SubscribersAnswer(PageAnswer):
    subscribers = each(SubscriberAnswer)


class ConsentAnswer(Schema):
    type = needed(fields.String, validate=validate.OneOf(CONSENT_TYPES))
    consent_text = nullable(fields.String)
    popup_id = nullable(fields.UUID)
    popup_version = nullable(fields.Integer)
    recorded_at = needed(fields.AwareDateTime)


class SubscriberWithConsentsAnswer(SubscriberAnswer):
    consents = each(ConsentAnswer)
    next_cursor = nullable(fields.String)


class UnsubscribedAnswer(Schema):
    id = needed(fields.UUID)
    is_active = needed(fields.Boolean)
    unsubscribed_at = needed(fields.AwareDateTime)


class OrderAnswer(Schema):
    """An order with the popup that has the credit by the last touch within 7 days, and why."""

    order_id = needed(fields.String)
    source = needed(fields.String, validate=validate.OneOf(SOURCES))
    confirmed = needed(
        fields.Boolean,
        metadata={
            "description": "False if only a browser reported it, in a shop whose server or platform reports orders."
        },
    )
    revenue = nullable(fields.Decimal, as_string=True)
    currency = nullable(fields.String)
    refunded = nullable(fields.Decimal, as_string=True)
    ordered_at = needed(fields.AwareDateTime)
    recognised_by = nullable(fields.String, validate=validate.OneOf(RECOGNISED_BY))
    popup_id = nullable(fields.UUID)
    variant_id = nullable(fields.String)
    reason = nullable(fields.String, validate=validate.OneOf(REASONS))


class OrdersAnswer(PageAnswer):
    orders = each(OrderAnswer)


class PlatformApiAnswer(Schema):
    url = needed(fields.String)


class PlatformSourceAnswer(Schema):
    id = needed(fields.UUID)
    platform = needed(fields.String, validate=validate.OneOf(PLATFORMS))
    url = needed(fields.String, metadata={"description": "Where the platform's webhooks go."})
    secrets_count = needed(fields.Integer)
    api = fields.Nested(PlatformApiAnswer, required=True, allow_none=True)
    last_order_at = nullable(fields.AwareDateTime)
    reconciled_at = nullable(fields.AwareDateTime, metadata={"description": "When orders were last read from its API."})
    reconcile_error = nullable(
        fields.String, metadata={"description": "Why the last reading failed; null if it did not."}
    )
    created_at = needed(fields.AwareDateTime)
    updated_at = needed(fields.AwareDateTime)


class PlatformSourcesAnswer(Schema):
    order_sources = each(PlatformSourceAnswer)


class CustomerRequestAnswer(Schema):
    request_id = needed(fields.String)
    email = nullable(fields.String)
    customer_id = nullable(fields.String)
    order_ids = fields.List(fields.String(), required=True)
    requested_at = needed(fields.AwareDateTime)


class CustomerRequestsAnswer(Schema):
    requests = each(CustomerRequestAnswer)


class ReceivedAnswer(Schema):
    received = needed(fields.Integer, metadata={"description": "How many of its reports were new."})


class RefundAnswer(Schema):
    order_id = needed(fields.String)
    refund_id = needed(fields.String)


class ShopAnswer(ShopSchema):
    budgets_met = each(BudgetMetAnswer)
    last_event_at = nullable(
        fields.AwareDateTime,
        metadata={"description": "When the newest view or conversion came; null if there was none in 30 days."},
    )
    id = needed(fields.String)
    created_at = needed(fields.AwareDateTime)
    updated_at = needed(fields.AwareDateTime)


class ApiKeyAnswer(Schema):
    id = needed(fields.UUID)
    name = needed(fields.String)
    prefix = needed(fields.String)
    rights = needed(fields.String, validate=validate.OneOf(RIGHTS))
    created_at = needed(fields.AwareDateTime)
    last_used_at = nullable(fields.AwareDateTime)


class KeyInUseAnswer(Schema):
    id = needed(fields.UUID)
    name = needed(fields.String)
    prefix = needed(fields.String)
    rights = needed(fields.String, validate=validate.OneOf(RIGHTS))
    shop_id = needed(fields.String)


class NewApiKeyAnswer(ApiKeyAnswer):
    key = needed(fields.String, metadata={"description": "Shown only in this answer; it is not stored."})


class ApiKeysAnswer(Schema):
    api_keys = each(ApiKeyAnswer)
