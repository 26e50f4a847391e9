"""Fields and schemas that are stricter than marshmallow's own, and check a bound before the work it bounds."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from common.errors import MAX_ERRORS
from common.shop.blanks import trimmed

# No exponent, which could mean more digits than fit into memory; no space, underscore, or digits of other scripts. No
# double has more than 340 decimals when it is written without one.
_PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,340})?")

_INTEGER = re.compile(r"-?[0-9]{1,30}")
_NUMBER = re.compile(r"-?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")

# With braces or as a URN, too.
_UUID = re.compile(r"(?:urn:uuid:)?\{?[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\}?")


class Uuid(fields.UUID):
    """A UUID; marshmallow's own field accepts what int() does: blanks, underscores, signs, digits of any script."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, str) or not _UUID.fullmatch(value):
            raise self.make_error("invalid_uuid")
        return super()._deserialize(value, attr, data, **options)


class QueryInteger(fields.Integer):
    """A whole number in a query; marshmallow's own field accepts what int() does."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not _INTEGER.fullmatch(str(value)):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **options)


class QueryNumber(fields.Float):
    """A number in a query; marshmallow's own field accepts what float() does."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not _NUMBER.fullmatch(str(value)):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **options)


class Flag(fields.Boolean):
    """JSON's true or false; marshmallow's own field would accept 1 and "yes" as well."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **options)


class PlainDecimal(fields.Decimal):
    """A JSON number, also one with an exponent such as what is left of 0.1 + 0.2 - 0.3; or a string such as "49.90"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        text = format(Decimal(str(value)), "f") if isinstance(value, Decimal | float) else str(value)
        if isinstance(value, bool) or not _PLAIN_DECIMAL.fullmatch(text):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(text, attr, data, **options)


class BoundedList(fields.List[Any]):
    """A list whose length is checked before its items."""

    def __init__(self, item: Any, *, max_items: int, min_items: int | None = None, **options: Any) -> None:
        self.check_length = validate.Length(min=min_items, max=max_items)
        super().__init__(item, validate=self.check_length, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:  # noqa: ARG002
        if not isinstance(value, list):
            raise self.make_error("invalid")
        self.check_length(value)
        items, errors = [], {}
        for index, item in enumerate(value):
            try:
                items.append(self.inner.deserialize(item, **options))
            except ValidationError as error:
                errors[index] = error.messages
            if len(errors) > MAX_ERRORS:  # more are not reported
                break
        if errors:
            raise ValidationError(errors)
        return items


class BoundedDict(fields.Dict):
    """An object with arbitrary names, whose size is checked before its entries."""

    def __init__(self, *, keys: Any, values: Any, max_entries: int, **options: Any) -> None:
        self._max_entries = max_entries
        super().__init__(keys=keys, values=values, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, dict) and len(value) > self._max_entries:
            raise ValidationError(f"At most {self._max_entries} entries.")
        return super()._deserialize(value, attr, data, **options)  # type: ignore[no-untyped-call]


class StrictSchema(Schema):
    """A schema that refuses unknown names; an excessive number of them is refused before each is checked."""

    @pre_load
    def check_number_of_names(self, data: Any, **_: Any) -> Any:
        most = len(self.fields) + MAX_ERRORS
        if isinstance(data, dict) and len(data) > most:
            raise ValidationError(f"At most {most} fields.")
        return data


class Trimmed(fields.String):
    """Text, loaded without leading and trailing blanks."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        return trimmed(super()._deserialize(value, attr, data, **options))
