"""Loads a stored document after an edit: the edit's changes are validated, everything else is kept.

A merchant's own body is loaded by `common.web.load_fields`, which refuses unknown fields. A stored document may be of
another release, a newer one after a rollback. It may have fields that the schema does not know and values that it
refuses, which must neither be lost nor prevent a merchant from pausing a popup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, missing

from common.errors import Invalid
from common.shop.fields import BoundedDict, BoundedList, StrictSchema
from common.web import field_paths

Field = fields.Field[Any]


def load_edited(schema: Schema, document: Any, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Load the edited document. Raises Invalid, but not for values that are `stored` already.

    A stored value that the schema refuses or does not know stays in its JSON form. A field that is in neither document
    gets no default: a release that adds a field does not change stored documents.
    """
    try:
        return _object(schema, document, stored)
    except ValidationError as error:
        raise Invalid(errors=field_paths(error.messages)) from None


def _object(schema: Schema, document: dict[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    assert isinstance(schema, StrictSchema), "all that is stored is loaded by one"
    schema.check_number_of_names({name: 0 for name in document if not _is_same(document[name], stored.get(name))})
    loaded, errors = {}, {}
    for name in {**schema.fields, **document}:
        value, before = document.get(name, missing), stored.get(name, missing)
        if value is missing and (before is missing or schema.partial):
            continue
        try:
            loaded[name] = _value(schema.fields.get(name), value, before)
        except ValidationError as error:
            errors[name] = error.messages
    if errors:
        raise ValidationError(errors)
    return {name: value for name, value in loaded.items() if value is not missing}


def _value(field: Field | None, value: Any, before: Any) -> Any:
    try:
        if field is None:
            raise ValidationError("Unknown field.")
        return _known(field, value, before)
    except ValidationError:
        if _is_same(value, before):
            return value
        raise


def _known(field: Field, value: Any, before: Any) -> Any:
    if isinstance(value, dict) and isinstance(before, dict):
        if isinstance(field, fields.Nested):
            return _object(field.schema, value, before)
        if isinstance(field, BoundedDict):
            kept = {name: entry for name, entry in value.items() if _is_same(entry, before.get(name, missing))}
            return kept | field.deserialize({name: entry for name, entry in value.items() if name not in kept})
    if isinstance(field, BoundedList) and isinstance(value, list) and isinstance(before, list):
        return _items(field, value, before)
    return field.deserialize(value)


def _items(field: BoundedList, items: list[Any], before: list[Any]) -> list[Any]:
    """Load a list, each item against the stored one of the same id, or the same text."""
    if not 0 < len(items) <= len(before):
        field.check_length(items)
    loaded, errors = [], {}
    for index, item in enumerate(items):
        old = next((old for old in before if _is_same(_key(old), _key(item))), missing)
        given = item
        if isinstance(field.inner, fields.Nested) and isinstance(item, dict) and isinstance(old, dict):
            given = _with_unknown(field.inner.schema, item, old)
        try:
            loaded.append(_value(field.inner, given, old))
        except ValidationError as error:
            errors[index] = error.messages
    if errors:
        raise ValidationError(errors)
    return loaded


def _with_unknown(schema: Schema, item: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Return the item with the stored one's unknown fields, which the client of an edit cannot know."""
    unknown = {name: value for name, value in old.items() if name not in schema.fields}
    nested = {
        name: _with_unknown(field.schema, item.get(name, {}), old[name])
        for name, field in schema.fields.items()
        if isinstance(field, fields.Nested) and isinstance(item.get(name, {}), dict) and isinstance(old.get(name), dict)
    }
    return unknown | item | {name: inner for name, inner in nested.items() if inner}


def _key(item: Any) -> Any:
    return item.get("id") if isinstance(item, dict) else item


def _is_same(value: Any, before: Any) -> bool:
    """Return whether both are equal and of one type: in Python, 1 == True."""
    return type(value) is type(before) and bool(value == before)
