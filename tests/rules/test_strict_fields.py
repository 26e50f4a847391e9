"""Bounds before work: no schema of what functions accept looks at more than it can take."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from marshmallow import RAISE, Schema, ValidationError, fields

from common.errors import MAX_ERRORS
from common.shop.fields import BoundedDict, BoundedList, PlainDecimal, QueryInteger, QueryNumber, StrictSchema, Uuid
from tests.support.imports import sources

STRICT_NUMBERS = (PlainDecimal, QueryInteger, QueryNumber)


def accepted_schemas() -> list[type[Schema]]:
    """Every schema of what functions accept."""
    for name in sources("functions"):
        importlib.import_module(name)
    found: list[type[Schema]] = []
    waiting: list[type[Schema]] = [Schema]
    while waiting:
        subclasses = waiting.pop().__subclasses__()
        waiting += subclasses
        found += [each for each in subclasses if each.__module__.startswith("functions.")]
    assert len(found) > 10
    return found


def fields_in(field: fields.Field[Any]) -> Iterator[fields.Field[Any]]:
    yield field
    for inner in (getattr(field, name, None) for name in ("inner", "key_field", "value_field")):
        yield from fields_in(inner) if inner else ()


def looks_at_any_number(field: fields.Field[Any]) -> bool:
    if isinstance(field, fields.List | fields.Tuple):
        return not isinstance(field, BoundedList)
    if isinstance(field, fields.Mapping):
        return bool(field.key_field or field.value_field) and not isinstance(field, BoundedDict)
    return isinstance(field, fields.Nested) and bool(field.many)


def is_lax_id(field: fields.Field[Any]) -> bool:
    """Whether it accepts what int() does, as marshmallow's own field for UUIDs."""
    return isinstance(field, fields.UUID) and not isinstance(field, Uuid)


def is_lax_number(field: fields.Field[Any]) -> bool:
    """Whether it accepts what int() or float() does, as marshmallow's own fields."""
    is_strict = isinstance(field, STRICT_NUMBERS) or (isinstance(field, fields.Integer) and field.strict)
    return isinstance(field, fields.Number) and not is_strict


@pytest.mark.parametrize("is_refused", [looks_at_any_number, is_lax_id, is_lax_number])
def test_no_field_looks_at_any_number_of_things_or_takes_what_int_or_float_does(
    is_refused: Callable[[fields.Field[Any]], bool],
) -> None:
    refused = {
        f"{schema.__name__}.{name}"
        for schema in accepted_schemas()
        for name, declared in schema._declared_fields.items()
        for field in fields_in(declared)
        if is_refused(field)
    }
    assert refused == set()


def test_every_schema_that_refuses_unknown_names_counts_them_first() -> None:
    refusing = {schema for schema in accepted_schemas() if schema.opts.unknown == RAISE}
    assert {schema.__name__ for schema in refusing if not issubclass(schema, StrictSchema)} == set()


class Seen(fields.Field[Any]):
    """Refuses everything, and counts what it has looked at."""

    looks = 0

    def _deserialize(self, *_: Any, **__: Any) -> Any:
        Seen.looks += 1
        raise ValidationError("Not this.")


class OfSeen(StrictSchema):
    items = BoundedList(Seen(), max_items=1000)
    entries = BoundedDict(keys=Seen(), values=Seen(), max_entries=10)


TOO_MUCH: dict[str, tuple[dict[str, Any], int]] = {
    "a list that is too long": ({"items": [0] * 1001}, 0),
    "a list of bad items": ({"items": [0] * 1000}, MAX_ERRORS + 1),
    "an object that is too large": ({"entries": dict.fromkeys("abcdefghijk", 0)}, 0),
    "names by the thousand": ({"items": [0], **dict.fromkeys(map(str, range(1000)), 0)}, 0),
}


@pytest.mark.parametrize(("data", "looks"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_is_too_much_is_refused_by_its_number(data: dict[str, Any], looks: int) -> None:
    Seen.looks = 0
    with pytest.raises(ValidationError):
        OfSeen().load(data)
    assert Seen.looks == looks
