"""Blanks: invisible characters, as they come with copied text."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import fields

# For a regular expression's character class: white space, controls, and the invisible format characters
# (zero width, byte order mark, soft hyphen, directions, Hangul filler).
BLANK = r"\s\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb"

_AROUND = re.compile(rf"\A[{BLANK}]+|[{BLANK}]+\Z")


def trimmed(text: str) -> str:
    """Return the text without leading and trailing blanks."""
    return _AROUND.sub("", text)


class Trimmed(fields.String):
    """Text, loaded without leading and trailing blanks."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        return trimmed(super()._deserialize(value, attr, data, **options))
