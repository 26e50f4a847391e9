"""The merchant functions' schemas as TypeScript, for the console: what they answer and take, and the limits of fields.

A field is optional where an answer may lack it: one without a default that is not required. What a page sends may
lack every field that has a default, so it sends a Partial of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields, missing, validate

from common.web import Audience, Function, answers_of
from functions.manage_popups.discount_codes.schemas import DiscountCodeSchema, PoolCodesSchema
from functions.manage_popups.main import function as manage_popups
from functions.manage_popups.popups.schemas import PopupSchema
from functions.manage_popups.shop import ShopSchema
from functions.stats.main import function as stats
from openapi.answers import ProblemAnswer
from openapi.json_schema import in_ecmascript
from openapi.operation import answer_schema
from openapi.stats_answers import NumbersAnswer

HEADER = """// Written by `python -m openapi` from the schemas of the functions: change those.
// What a page sends may lack each field that has a default: send a Partial of these types.
"""
# The documents that a page edits, by the name of their limits.
EDITED: dict[str, type[Schema]] = {
    "popup": PopupSchema,
    "shop": ShopSchema,
    "discount_code": DiscountCodeSchema,
    "pool_codes": PoolCodesSchema,
}
INDENT = "  "


def as_typescript() -> str:
    schemas = {name: schema for each in _roots() for name, schema in _with_nested(each)}
    interfaces = [_interface(name, schemas[name]) for name in sorted(schemas)]
    return "\n".join([HEADER, *interfaces, _limits()])


def _roots() -> Iterator[Schema]:
    yield from (ProblemAnswer(), NumbersAnswer())
    for function in (manage_popups, stats):
        assert function.audience is Audience.MERCHANT
        yield from _schemas_of(function)


def _schemas_of(function: Function) -> Iterator[Schema]:
    for endpoint in function.endpoints:
        if isinstance(endpoint.body, Schema):
            yield endpoint.body
        for name in filter(None, answers_of(endpoint.handler).schemas.values()):
            yield answer_schema(name)()


def _with_nested(schema: Schema) -> Iterator[tuple[str, Schema]]:
    if schema.partial:
        schema = type(schema)()
    yield _name(schema), schema
    for field in schema.fields.values():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            yield from _with_nested(inner.schema)


def _name(schema: Schema) -> str:
    """Return the name of what is answered: Popup; and of what is sent instead of it: PopupDraft."""
    name = type(schema).__name__
    written = name.endswith("Schema") and type(schema) in EDITED.values()
    return name.removesuffix("Schema").removesuffix("Answer") + ("Draft" if written else "")


def _interface(name: str, schema: Schema) -> str:
    lines = [f"export interface {name} {{"]
    for attribute, field in schema.fields.items():
        sometimes = "" if field.required or field.load_default is not missing else "?"
        null = " | null" if field.allow_none else ""
        lines.append(f"{INDENT}{field.data_key or attribute}{sometimes}: {_type(field)}{null};")
    return "\n".join([*lines, "}\n"])


def _type(field: Any) -> str:
    choices = [choice for choice in _choices(field) if choice is not None]
    if choices:
        return " | ".join(json.dumps(choice) for choice in choices)
    if isinstance(field, fields.Nested):
        return f"Partial<{_name(type(field.schema)())}>" if field.schema.partial else _name(field.schema)
    if isinstance(field, fields.List):
        item = _type(field.inner)
        return f"({item})[]" if " | " in item else f"{item}[]"
    if isinstance(field, fields.Dict):
        return f"Record<string, {_type(field.value_field) if field.value_field else 'unknown'}>"
    if isinstance(field, fields.Boolean):
        return "boolean"
    numbers = isinstance(field, fields.Integer | fields.Float)
    return "number" if numbers else "string"


def _limits() -> str:
    documents = [
        f"{INDENT}{name}: {{\n{''.join(_limit_lines(schema()))}{INDENT}}},\n" for name, schema in EDITED.items()
    ]
    intro = "/** What the schemas allow, by document and path. `*` is each object of a list, `items` its texts. */"
    return f"{intro}\nexport const LIMITS = {{\n{''.join(documents)}}} as const;\n"


def _limit_lines(schema: Schema) -> Iterator[str]:
    for path, limits in _limits_of(schema, ""):
        name = path if path.isidentifier() else json.dumps(path)
        yield f"{INDENT * 2}{name}: {_object(limits)},\n"


def _limits_of(schema: Schema, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.fields.items():
        path = f"{prefix}{name}"
        inner = field.inner if isinstance(field, fields.List) else field
        if limits := _limits_of_field(field):
            yield path, limits
        if isinstance(inner, fields.Nested) and not inner.schema.partial:
            yield from _limits_of(inner.schema, f"{path}.*." if inner is not field else f"{path}.")


def _limits_of_field(field: Any) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for check in field.validators:
        limits |= _limits_of_check(check, isinstance(field, fields.List))
    if isinstance(field, fields.List) and (items := _limits_of_field(field.inner)):
        limits["items"] = items
    return limits


def _limits_of_check(check: Any, is_list: bool) -> dict[str, Any]:
    if isinstance(check, validate.OneOf):
        return {"choices": list(check.choices)}
    if isinstance(check, validate.Regexp):
        return {"pattern": in_ecmascript(str(check.regex.pattern))}
    if isinstance(check, validate.Length):
        least, most = ("minItems", "maxItems") if is_list else ("minLength", "maxLength")
        bounds: dict[str, Any] = {least: check.equal or check.min, most: check.equal or check.max}
    elif isinstance(check, validate.Range) and isinstance(check.max, int | Decimal):
        bounds = {"min" if check.min_inclusive else "above": check.min, "max": check.max}
    else:
        return {}
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _object(limits: dict[str, Any]) -> str:
    return f"{{ {', '.join(f'{name}: {_literal(value)}' for name, value in limits.items())} }}"


def _literal(value: Any) -> str:
    return _object(value) if isinstance(value, dict) else json.dumps(value, default=_number, ensure_ascii=False)


def _number(bound: Decimal) -> float:
    return int(bound) if bound == int(bound) else float(bound)


def _choices(field: Any) -> list[Any]:
    return next((list(check.choices) for check in field.validators if isinstance(check, validate.OneOf)), [])
