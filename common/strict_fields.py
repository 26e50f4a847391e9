"""Fields that take less than marshmallow's own do."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from marshmallow import fields

# No exponent, which may stand for more digits than there is memory; no space, underscore or other script's digits.
_PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")


class Flag(fields.Boolean):
    """JSON's true or false: to marshmallow 1 and "yes" would be true as well."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **options)


class PlainDecimal(fields.Decimal):
    """A JSON number, or a string of digits with a point between them: `"49.90"`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        text = format(value, "f") if isinstance(value, Decimal) else str(value)
        if isinstance(value, bool) or not _PLAIN_DECIMAL.fullmatch(text):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(text, attr, data, **options)
