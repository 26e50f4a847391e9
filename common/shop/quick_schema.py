"""Schemas that load valid events without most of marshmallow's machinery, which took half of an event's CPU time.

marshmallow remains the only truth: what a field keeps as it is follows from its own class and validators; any other
value is loaded by the field itself; and as soon as something is wrong all is loaded by marshmallow, which says what.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from common.shop.fields import Uuid

# How a UUID is written by nearly every client, and by str() of one.
_CANONICAL_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Check = Callable[[Any], bool]


class UuidText(Uuid):
    """A UUID, loaded as its canonical text: events need no other form of it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        return str(super()._deserialize(value, attr, data, **options))


class QuickNested(fields.Nested):
    """An object by a QuickSchema."""

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **options: Any) -> Any:
        """Load an object by its schema at once; marshmallow says what is wrong with anything else."""
        return self.schema.load(value) if type(value) is dict else super().deserialize(value, attr, data, **options)


class QuickSchema(Schema):
    """A schema that ignores unknown names, and whose only hook is `finish`. Defaults are values, not functions."""

    class Meta:
        unknown = EXCLUDE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        hooks = {name for named in self._hooks.values() for name, *_ in named}
        assert hooks == {"_finish"}, f"{type(self).__name__} has hooks that the quick way would leave out: {hooks}"
        assert not any(callable(field.load_default) for field in self.load_fields.values()), "a default is a value"
        by_key = {field.data_key or name: (name, field) for name, field in self.load_fields.items()}
        self._ways = {key: (name, keeps(field), field.deserialize) for key, (name, field) in by_key.items()}
        self._required = {key for key, (_, field) in by_key.items() if field.required}
        self._defaults = {name: field.load_default for name, field in by_key.values() if not field.required}

    def load(self, data: Any, **options: Any) -> Any:
        """Load one object, as marshmallow would."""
        if type(data) is dict and not any(options.values()) and data.keys() >= self._required:
            try:
                return self.finish(self._load_fields(data))
            except ValidationError:
                pass  # found again, and every other error with it
        return super().load(data, **options)

    def finish(self, loaded: dict[str, Any]) -> dict[str, Any]:
        """Return the object, of whose fields each is valid. Raises ValidationError for what contradicts another."""
        return loaded

    @post_load
    def _finish(self, loaded: dict[str, Any], **_: Any) -> dict[str, Any]:
        return self.finish(loaded)

    def _load_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        loaded = self._defaults.copy()
        for key, value in data.items():
            if key in self._ways:
                name, is_kept, deserialize = self._ways[key]
                loaded[name] = value if is_kept(value) else deserialize(value, key, data)
        return loaded


def keeps(field: fields.Field[Any]) -> Check:
    """Return a check that is True only for values that the field accepts and loads as they are."""
    plain = not field.pre_load and not field.post_load
    if plain and type(field) is UuidText and not field.validators:
        return lambda value: type(value) is str and _CANONICAL_UUID.fullmatch(value) is not None
    if plain and type(field) is fields.String:
        match field.validators:
            case []:
                return lambda value: type(value) is str
            case [validate.Length(min=int() | None as low, max=int(high), equal=None)]:
                return lambda value: type(value) is str and (low or 0) <= len(value) <= high
            case [validate.OneOf(choices=choices)]:
                return lambda value: type(value) is str and value in choices
    return lambda _: False
