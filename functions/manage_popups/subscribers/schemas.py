"""The queries of lists of subscribers."""

from __future__ import annotations

from marshmallow import fields, validate

from common.shop.fields import StrictSchema, Uuid
from functions.manage_popups.rest.fields import check_storable
from functions.manage_popups.rest.paging import PageQuery

MAX_EMAIL_CHARACTERS = 254
CONSENT_TYPES = ("given", "withdrawn")


class SubscribersFilter(StrictSchema):
    """`?email=ann&popup_id=…&active=true`: by the start of the address, the popup, and the subscription."""

    email = fields.String(
        load_default=None, validate=[validate.Length(min=1, max=MAX_EMAIL_CHARACTERS), check_storable]
    )
    popup_id = Uuid(load_default=None)
    active = fields.Boolean(load_default=None, truthy={"true"}, falsy={"false"})


class SubscribersQuery(PageQuery, SubscribersFilter):
    """The same, page by page."""
