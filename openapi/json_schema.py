"""Conversion of marshmallow schemas to JSON Schema: their names, and our fields that apispec does not know."""

from __future__ import annotations

import datetime
from typing import Any

from marshmallow import fields

END = r"\Z"


def name_of(schema: Any) -> str:
    """Return a schema's name: PopupWritten for PopupSchema, PopupChanges if it is partial, Popup for PopupAnswer."""
    cls = schema if isinstance(schema, type) else type(schema)
    name = cls.__name__.removesuffix("Schema").removesuffix("Answer")
    written = cls.__name__.endswith("Schema")
    partial = "Changes" if not isinstance(schema, type) and getattr(schema, "partial", None) else ""
    return f"{name}{partial or ('Written' if written else '')}"


def as_our_json(_converter: Any, field: Any, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Return our additions: decimals as strings, patterns in JSON Schema's dialect, and only numeric bounds."""
    for bound in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if isinstance(field, fields.Decimal) or isinstance(ret.get(bound), datetime.date):
            ret.pop(bound, None)
    if isinstance(ret.get("pattern"), str):
        ret["pattern"] = in_ecmascript(ret["pattern"])
    if isinstance(field, fields.Decimal) or getattr(field.parent, "partial", None):
        ret.pop("default", None)  # in a patch, a missing field stays as it was
    if isinstance(field, fields.Decimal):
        kinds = ["string", "null"] if field.allow_none else "string"
        return {"type": kinds, "pattern": r"^[0-9]{1,15}(?:\.[0-9]{1,4})?$", "example": "10.00"}
    return {}


def in_ecmascript(python: str) -> str:
    r"""Anchor a pattern for JSON Schema, which searches; Python's match is anchored at its start and by \Z."""
    return f"^(?:{python.removesuffix(END)}){'$' if python.endswith(END) else ''}"
