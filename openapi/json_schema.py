"""How our marshmallow schemas become JSON Schema: their names, and what apispec cannot know of our fields."""

from __future__ import annotations

import datetime
from typing import Any

from marshmallow import fields

END = r"\Z"


def name_of(schema: Any) -> str:
    """PopupSchema is PopupWritten, what it is when parts may be missing PopupChanges, and PopupAnswer is Popup."""
    cls = schema if isinstance(schema, type) else type(schema)
    name = cls.__name__.removesuffix("Schema").removesuffix("Answer")
    written = cls.__name__.endswith("Schema")
    partial = "Changes" if not isinstance(schema, type) and getattr(schema, "partial", None) else ""
    return f"{name}{partial or ('Written' if written else '')}"


def as_our_json(_converter: Any, field: Any, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Decimals are strings, and patterns in the dialect of JSON Schema; bounds that are no numbers are left out."""
    for bound in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if isinstance(field, fields.Decimal) or isinstance(ret.get(bound), datetime.date):
            ret.pop(bound, None)
    if isinstance(ret.get("pattern"), str):
        ret["pattern"] = _pattern(ret["pattern"])
    if isinstance(field, fields.Decimal) or getattr(field.parent, "partial", None):
        ret.pop("default", None)  # where only changes are written, what is missing stays as it was
    if isinstance(field, fields.Decimal):
        kinds = ["string", "null"] if field.allow_none else "string"
        return {"type": kinds, "pattern": r"^[0-9]{1,15}(?:\.[0-9]{1,4})?$", "example": "10.00"}
    return {}


def _pattern(python: str) -> str:
    r"""Python's match begins at the start, and ends where the pattern says \Z; JSON Schema's search says both."""
    return f"^(?:{python.removesuffix(END)}){'$' if python.endswith(END) else ''}"
