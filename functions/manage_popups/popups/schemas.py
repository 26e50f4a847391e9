"""Schemas of popups, field by field; `checks` validates a popup as a whole.

Loading fills in every default, so that a new popup is stored complete. Stored popups get no defaults for new fields
(`rest/edited.py`): code that reads a field added after the first release must tolerate its absence.
"""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from common.shop.events import DEVICE_TYPES, HOLDOUTS
from common.shop.fields import BoundedDict, BoundedList, StrictSchema, Uuid
from common.shop.targeting_rules import VISITORS
from functions.manage_popups.rest.fields import (
    MAX_PATTERN_CHARACTERS,
    amount,
    check_storable,
    check_visible,
    color,
    one_of,
    optional_name,
    optional_time,
    required_name,
    text,
    text_list,
    whole_number,
)
from functions.manage_popups.rest.paging import PageQuery

STATUSES = ("draft", "active", "paused", "archived")
TRIGGERS = ("exit_intent", "time_delay", "scroll_percentage", "inactivity", "click")
LAYOUTS = ("centered", "left", "right")
OFFERS = ("none", "email_capture", "newsletter", "discount", "free_shipping")
WHEN_EMPTY = ("without_code", "fallback", "stop")
UTM_PARAMETERS = ("source", "medium", "campaign", "term", "content")

MAX_NAME_CHARACTERS = 200
MAX_VARIANTS = 10
MAX_DAYS = 3650
MAX_VIEW_LIMIT = 10**12
MAX_PLANNED_VIEWERS = 10**9
MAX_DELAY_SECONDS = 3600
MAX_CART_ITEMS = 10**6

HTTPS_URL = validate.Regexp(r"""https://[^\s"'<>\\]{1,2000}\Z""", error="An https:// address.")


class TriggerSchema(StrictSchema):
    """When a popup shows."""

    type = one_of(TRIGGERS, "exit_intent")
    delay_seconds = whole_number(0, MAX_DELAY_SECONDS, 5)
    scroll_percentage = whole_number(1, 100, 50)
    selector = fields.String(load_default=None, allow_none=True, validate=validate.Length(min=1, max=200))


class DesignSchema(StrictSchema):
    """How a popup looks. Text is text: never markup."""

    heading = text(200)
    subheading = text(1000)
    button_text = text(100)
    background_color = color("#ffffff")
    text_color = color("#1e293b")
    button_color = color("#4f46e5")
    image_url = fields.String(load_default=None, allow_none=True, validate=HTTPS_URL)
    layout = one_of(LAYOUTS, "centered")
    width = whole_number(200, 1200, 500)
    border_radius = whole_number(0, 50, 12)
    padding = whole_number(10, 100, 32)


class TargetingSchema(StrictSchema):
    """Who sees a popup, and where."""

    include_pages = text_list(MAX_PATTERN_CHARACTERS)
    exclude_pages = text_list(MAX_PATTERN_CHARACTERS)
    device_types = BoundedList(
        fields.String(validate=validate.OneOf(DEVICE_TYPES)),
        min_items=1,
        max_items=len(DEVICE_TYPES),
        load_default=lambda: list(DEVICE_TYPES),
    )
    visitors = one_of(VISITORS, "all")
    referrers = text_list(MAX_PATTERN_CHARACTERS)
    utm = BoundedDict(
        keys=fields.String(validate=validate.OneOf(UTM_PARAMETERS)),
        values=fields.String(validate=validate.Length(min=1, max=200)),
        max_entries=len(UTM_PARAMETERS),
        load_default=dict,
    )
    # Stored only if given. The cart is what the store passes to the script (exitIntent.cart).
    min_cart_value = amount()
    max_cart_value = amount()
    min_cart_items = fields.Integer(strict=True, validate=validate.Range(1, MAX_CART_ITEMS))


class FrequencySchema(StrictSchema):
    """How often one shopper sees a popup."""

    max_per_session = whole_number(1, 100, 1)
    days_after_close = whole_number(0, MAX_DAYS, 1)
    days_after_conversion = whole_number(0, MAX_DAYS, 365)


class OfferSchema(StrictSchema):
    """What a popup offers."""

    type = one_of(OFFERS, "none")
    discount_code_id = Uuid(load_default=None, allow_none=True)
    consent_text = fields.String(
        load_default=None, allow_none=True, validate=[validate.Length(min=1, max=1000), check_visible]
    )
    # Stored only if given: what happens once the code can no longer be issued. The fallback must be a public code, so
    # that it cannot run out too; without either, the popup continues without a code.
    when_empty = fields.String(validate=validate.OneOf(WHEN_EMPTY))
    fallback_discount_code_id = Uuid()


def changes_to(schema: type[Schema]) -> fields.Nested:
    """Return a field for a variant's changes to a schema; partial, so that missing fields get no default."""
    return fields.Nested(schema(partial=True), load_default=dict)


class VariantSchema(StrictSchema):
    """One arm of an experiment."""

    id = fields.String(
        required=True,
        validate=[
            validate.Regexp(r"[a-z0-9_-]{1,32}\Z", error="1 to 32 of a-z, 0-9, _ and -."),
            validate.NoneOf(HOLDOUTS, error=f"{' and '.join(HOLDOUTS)} are the names of holdouts."),
        ],
    )
    name = optional_name(MAX_NAME_CHARACTERS)
    weight = whole_number(0, 1000, 50)
    design = changes_to(DesignSchema)
    offer = changes_to(OfferSchema)


class PlannedExperimentSchema(StrictSchema):
    """What a merchant plans of an experiment; fixed when one of its stretches starts."""

    # Of the two compared arms together; null: 50 000.
    planned_viewers = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(100, MAX_PLANNED_VIEWERS)
    )


class PopupSchema(StrictSchema):
    """A popup as merchants write it, without the server's fields (id, counters, version, times).

    A field must never change its type, because the previous release reads it as well.
    """

    name = required_name(MAX_NAME_CHARACTERS)
    description = text(2000)
    status = one_of(STATUSES, "draft")
    trigger = fields.Nested(TriggerSchema, load_default=lambda: TriggerSchema().load({}))
    design = fields.Nested(DesignSchema, load_default=lambda: DesignSchema().load({}))
    targeting = fields.Nested(TargetingSchema, load_default=lambda: TargetingSchema().load({}))
    frequency = fields.Nested(FrequencySchema, load_default=lambda: FrequencySchema().load({}))
    offer = fields.Nested(OfferSchema, load_default=lambda: OfferSchema().load({}))
    variants = BoundedList(fields.Nested(VariantSchema), max_items=MAX_VARIANTS, load_default=list)
    holdout_percent = whole_number(0, 100, 0)
    experiment = fields.Nested(PlannedExperimentSchema, load_default=lambda: PlannedExperimentSchema().load({}))
    starts_at = optional_time()
    ends_at = optional_time()
    priority = whole_number(-1000, 1000, 0)
    view_limit = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(1, MAX_VIEW_LIMIT)
    )


class FieldsQuery(StrictSchema):
    """`?fields=name,status`: only these fields of a popup, and its id."""

    fields_ = fields.String(data_key="fields", load_default=None)


class PopupsQuery(FieldsQuery, PageQuery):
    """`?status=active&search=summer&limit=50&cursor=…&fields=name,status`."""

    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    # A part of the name, in any case.
    search = fields.String(load_default=None, validate=[validate.Length(1, MAX_NAME_CHARACTERS), check_storable])
