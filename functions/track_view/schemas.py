"""The body of track_view: one view, or up to 50 in a list."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, post_load

from common.shop.events import EventSchema
from common.shop.fields import BoundedList

MAX_EVENTS = 50
MAX_URL_CHARACTERS = 2048


class ViewSchema(EventSchema):
    """One view. A URL that is too long is truncated rather than refused with its view."""

    page_url = fields.String(load_default=None, allow_none=True)
    referrer = fields.String(load_default=None, allow_none=True)

    @post_load
    def cut_addresses(self, view: dict[str, Any], **_: Any) -> dict[str, Any]:
        for name in ("page_url", "referrer"):
            if view[name] is not None:
                view[name] = view[name][:MAX_URL_CHARACTERS]
        return view


_ONE_VIEW = ViewSchema()


class ViewsSchema(Schema):
    """`{"events": [view, …]}`, or a single view. Loads into `{"events": [...], "is_list": bool}`."""

    class Meta:
        unknown = EXCLUDE

    events = BoundedList(fields.Nested(ViewSchema), min_items=1, max_items=MAX_EVENTS, required=True)

    def load(self, data: Any, **options: Any) -> Any:
        if isinstance(data, dict) and "events" not in data:
            return {"events": [_ONE_VIEW.load(data)], "is_list": False}
        return {**super().load(data, **options), "is_list": True}
