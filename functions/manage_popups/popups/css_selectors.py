"""CSS selectors, as far as a server can know that a text is none: such a popup would never open."""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\.", re.DOTALL)
_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')
_INNERMOST = re.compile(r"\[[^][()]*\]|\([^][()]*\)")
# What stands nowhere in a selector but within brackets and quotes.
_FOREIGN = re.compile(r"[{}<@;/!$%?=`]")
# A name begins with no digit: `#1st` is `#\31 st`.
_NO_NAME = re.compile(r"[.#](?![^\W\d]|-(?!\d)|[^\x00-\x7f])|:(?![\w:-])")
_COMBINATOR = r"[>+~,]"
_OPEN_END = re.compile(rf"\A\s*{_COMBINATOR}|{_COMBINATOR}\s*\Z|{_COMBINATOR}\s*{_COMBINATOR}")


def selector(text: str) -> str:
    """The selector without blanks around it. Raises ValueError, whose text is for the merchant."""
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
    """From the innermost outwards: what is left are brackets without another half."""
    while (outer := _INNERMOST.sub("", text)) != text:
        text = outer
    return text
