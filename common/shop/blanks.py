"""Blanks: invisible characters, as they come with copied text."""

from __future__ import annotations

import re

# For a regular expression's character class: white space, controls, and the invisible format characters
# (zero width, byte order mark, soft hyphen, directions, Hangul filler).
BLANK = r"\s\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb"

# Also what is drawn as nothing alone but may be a part of what is seen (joiners, variation selectors), and fillers,
# which are letters or symbols by their category.
_UNSEEN = re.compile(rf"[{BLANK}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\ufe00-\ufe0f\uffa0\ufff0-\ufff8]*")

_AROUND = re.compile(rf"\A[{BLANK}]+|[{BLANK}]+\Z")
_ASCII_BLANKS = "".join(re.findall(f"[{BLANK}]", "".join(map(chr, range(128)))))


def trimmed(text: str) -> str:
    """Return the text without leading and trailing blanks."""
    return text.strip(_ASCII_BLANKS) if text.isascii() else _AROUND.sub("", text)


def shows_nothing(text: str) -> bool:
    """Return whether no character of the text can be seen; also of an empty one."""
    return _UNSEEN.fullmatch(text) is not None
