"""A plausibility check of CSS selectors: a popup with an invalid one would never open."""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\.", re.DOTALL)
_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')
_INNERMOST = re.compile(r"\[[^][()]*\]|\([^][()]*\)")
# Characters that a selector contains only within brackets and quotes.
_FOREIGN = re.compile(r"[{}<@;/!$%?=`]")
# A name must not start with a digit: `#1st` is `#\31 st`.
_NO_NAME = re.compile(r"[.#](?![^\W\d]|-(?!\d)|[^\x00-\x7f])|:(?![\w:-])")
_COMBINATOR = r"[>+~,]"
_OPEN_END = re.compile(rf"\A\s*{_COMBINATOR}|{_COMBINATOR}\s*\Z|{_COMBINATOR}\s*{_COMBINATOR}")


def selector(text: str) -> str:
    """Return the selector without surrounding blanks. Raises ValueError with a text for the merchant."""
    text = text.strip()
    rest = _QUOTED.sub("q", _ESCAPED.sub("e", text))
    if not rest:
        raise ValueError("A CSS selector such as #offer.")
    if re.search(r"[\"']", rest):
        raise ValueError("A CSS selector: a quote is not closed.")
    rest = _without_brackets(rest)
    if re.search(r"[][()]", rest):
        raise ValueError("A CSS selector: a bracket is not closed, or was never opened.")
    if _FOREIGN.search(rest) or _NO_NAME.search(rest) or _OPEN_END.search(rest):
        raise ValueError("Not a CSS selector: one is such as #offer, .sale > a or button[name=buy].")
    return text


def _without_brackets(text: str) -> str:
    """Remove bracketed parts from the innermost outwards; unbalanced brackets remain."""
    while (outer := _INNERMOST.sub("", text)) != text:
        text = outer
    return text
