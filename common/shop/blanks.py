"""Blanks: invisible characters, as they come with copied text."""

from __future__ import annotations

import re

# For a regular expression's character class: white space, controls, and the invisible format characters
# (zero width, byte order mark, soft hyphen, directions, Hangul filler).
BLANK = r"\s\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb"

_AROUND = re.compile(rf"\A[{BLANK}]+|[{BLANK}]+\Z")


def trimmed(text: str) -> str:
    """Return the text without leading and trailing blanks."""
    return _AROUND.sub("", text)
