"""The answers of `manage_popups` about popups: what they are, were, and to whom they show."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, missing, validate

from functions.manage_popups.popups.history import ACTIONS
from functions.manage_popups.popups.schemas import PopupSchema
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

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for field in self.fields.values():
            field.load_default = missing  # what was not asked for is not there


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
    popup = fields.Nested(
        PopupSchema, required=True, allow_none=True, metadata={"description": "Null for the version that deleted it."}
    )


class HistoryAnswer(PageAnswer):
    versions = each(VersionAnswer)


class ExplanationAnswer(Schema):
    popup_id = needed(fields.UUID)
    would_show = needed(fields.Boolean)
    reason = nullable(
        fields.String, metadata={"description": "The first rule that excludes the shopper; null if none does."}
    )
    trigger = needed(fields.String)
    variant = nullable(fields.String)
    not_checked = fields.List(
        fields.String(), required=True, metadata={"description": "Rules that only the shopper's browser can check."}
    )


class ExplainedAnswer(Schema):
    popup_id = nullable(fields.UUID, metadata={"description": "Null for a draft."})
    name = needed(fields.String)
    would_show = needed(fields.Boolean)
    reason = nullable(
        fields.String,
        metadata={"description": "The first rule that excludes the shopper; `status` if inactive; null if none does."},
    )
    variant = nullable(fields.String)
    not_checked = fields.List(fields.String(), required=True, metadata={"description": "Rules that were not checked."})


class ExplanationsAnswer(Schema):
    popups = each(ExplainedAnswer)
