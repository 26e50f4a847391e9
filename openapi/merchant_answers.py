"""The answers of `manage_popups`."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from common.shop.api_keys import RIGHTS
from functions.manage_popups.discount_codes.schemas import DiscountCodeSchema
from functions.manage_popups.popups.history import ACTIONS
from functions.manage_popups.popups.schemas import PopupSchema
from functions.manage_popups.shop import ShopSchema
from functions.manage_popups.subscribers.schemas import CONSENT_TYPES
from openapi.answers import PageAnswer, each, needed, nullable


class PopupPartAnswer(PopupSchema):
    """A popup as merchants see it: whole, or with `fields=` its id and what was asked for."""

    id = needed(fields.UUID)
    name = fields.String()
    view_count = fields.Integer()
    conversion_count = fields.Integer()
    is_active = fields.Boolean()
    version = fields.Integer()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class PopupAnswer(PopupPartAnswer):
    """A popup as merchants see it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for field in self.fields.values():
            field.required = True


class PopupsAnswer(PageAnswer):
    popups = each(PopupPartAnswer)


class KeyNameAnswer(Schema):
    """Which key it was."""

    id = needed(fields.UUID)
    name = nullable(fields.String)
    prefix = nullable(fields.String)


class VersionAnswer(Schema):
    version = needed(fields.Integer)
    action = needed(fields.String, validate=validate.OneOf(ACTIONS))
    restored_version = nullable(fields.Integer)
    changed_at = needed(fields.AwareDateTime)
    api_key = fields.Nested(KeyNameAnswer, required=True)
    changed_fields = fields.List(fields.String(), required=True)
    popup = fields.Nested(PopupSchema, required=True)


class HistoryAnswer(PageAnswer):
    versions = each(VersionAnswer)


class ExplanationAnswer(Schema):
    popup_id = needed(fields.UUID)
    would_show = needed(fields.Boolean)
    reason = nullable(fields.String, metadata={"description": "The first rule that says no."})
    trigger = needed(fields.String)
    variant = nullable(fields.String)
    not_checked = fields.List(
        fields.String(), required=True, metadata={"description": "Rules that only the shopper's browser can decide."}
    )


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
    codes = fields.List(fields.String(), metadata={"description": "The new codes, where `count` asked for them."})


class ReleaseAnswer(Schema):
    withdrawn = needed(fields.Integer)
    added = needed(fields.Integer)
    withdrawn_codes = fields.List(
        fields.String(), required=True, metadata={"description": "The shop must no longer take these."}
    )
    codes = fields.List(fields.String(), required=True, metadata={"description": "The fresh ones."})
    has_more = needed(fields.Boolean, metadata={"description": "10 000 are withdrawn at a time: call it again."})
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


class ShopAnswer(ShopSchema):
    budgets_met = each(BudgetMetAnswer)
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


class NewApiKeyAnswer(ApiKeyAnswer):
    key = needed(fields.String, metadata={"description": "Shown this once, and stored nowhere."})


class ApiKeysAnswer(Schema):
    api_keys = each(ApiKeyAnswer)
