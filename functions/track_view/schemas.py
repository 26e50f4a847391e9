"""The body of track_view: one view, or lists of views, exposures and closes of up to 50 together."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema

from common.shop.events import EventSchema
from common.shop.fields import BoundedList
from common.shop.quick_schema import QuickNested

MAX_EVENTS = 50
MAX_URL_CHARACTERS = 2048

# The lists of a body, by the kind of their events.
VIEW, EXPOSURE, CLOSE = "view", "exposure", "close"
SIGNALS = (EXPOSURE, CLOSE)
LISTS = {VIEW: "events", EXPOSURE: "exposures", CLOSE: "closes"}
_LIST_NAMES = frozenset(LISTS.values())


class ViewSchema(EventSchema):
    """One view. A URL that is too long is truncated rather than refused with its view."""

    page_url = fields.String(load_default=None, allow_none=True)
    referrer = fields.String(load_default=None, allow_none=True)

    def finish(self, view: dict[str, Any]) -> dict[str, Any]:
        """Truncate the addresses."""
        for name in ("page_url", "referrer"):
            if view[name] is not None:
                view[name] = view[name][:MAX_URL_CHARACTERS]
        return super().finish(view)


_ONE_VIEW = ViewSchema()


def _events(schema: type[EventSchema]) -> fields.Field[Any]:
    return BoundedList(QuickNested(schema), max_items=MAX_EVENTS, load_default=list)


class ViewsSchema(Schema):
    """`{"events": [view, …], "exposures": […], "closes": […]}`, each optional, or a single view.

    An exposure is the decision at the trigger, for shown and held-out visitors alike. Loads into the three lists and
    `is_list`.
    """

    class Meta:
        unknown = EXCLUDE

    events = _events(ViewSchema)
    exposures = _events(EventSchema)
    closes = _events(EventSchema)

    @validates_schema
    def check_number(self, body: dict[str, Any], **_: Any) -> None:
        if not 1 <= sum(len(body[name]) for name in LISTS.values()) <= MAX_EVENTS:
            raise ValidationError({"events": [f"1 to {MAX_EVENTS} events, with exposures and closes."]})

    def load(self, data: Any, **options: Any) -> Any:
        if isinstance(data, dict) and _LIST_NAMES.isdisjoint(data):
            return {"events": [_ONE_VIEW.load(data)], "exposures": [], "closes": [], "is_list": False}
        return {**super().load(data, **options), "is_list": True}
