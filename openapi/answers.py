"""Schemas of answers that all functions share: problems, health and pages; and helpers for the others.

The server loads none of these; tests hold its answers to them.
"""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate


def needed(kind: type[fields.Field[Any]], **options: Any) -> Any:
    return kind(required=True, **options)


def nullable(kind: type[fields.Field[Any]], **options: Any) -> Any:
    return kind(required=True, allow_none=True, **options)


def each(schema: type[Schema] | fields.Nested) -> Any:
    return fields.List(schema if isinstance(schema, fields.Nested) else fields.Nested(schema), required=True)


class ProblemAnswer(Schema):
    """Problem details (RFC 9457)."""

    type = needed(fields.String)
    title = needed(fields.String)
    status = needed(fields.Integer)
    detail = needed(fields.String)
    code = needed(fields.String, metadata={"description": "A stable word for this kind of problem."})
    request_id = needed(fields.String)
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "Only of a 422: what is wrong, by field path."},
    )


class HealthAnswer(Schema):
    status = needed(fields.String)
    version = needed(fields.String)


class ReadyAnswer(HealthAnswer):
    database = needed(fields.String, validate=validate.OneOf(("ok", "down")))
    cache = needed(fields.String, validate=validate.OneOf(("ok", "down", "memory")))


class PageAnswer(Schema):
    next_cursor = nullable(fields.String)
