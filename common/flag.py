"""A field that is true or false."""

from __future__ import annotations

from typing import Any

from marshmallow import fields


class Flag(fields.Boolean):
    """JSON's true or false: to marshmallow 1 and "yes" would be true as well."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **options)
