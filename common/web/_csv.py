"""CSV (RFC 4180) that is safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from common.shop.blanks import BLANK
from common.web._messages import Request

CSV = "text/csv"
JSON = "application/json"
CSV_CONTENT_TYPE = "text/csv; charset=utf-8; header=present"
MAX_ACCEPT_CHARACTERS = 500
# Without it Excel assumes a legacy encoding.
BYTE_ORDER_MARK = "\ufeff".encode()
# A spreadsheet takes a cell that starts with one of these, or with one after blanks, for a formula; the others are
# their small and full-width forms. If it splits cells at another character than the comma, a cell may also start within
# a text.
_FORMULA_STARTS = r"=+\-@\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
_FORMULA = re.compile(rf"(?:^|(?<=[;|\t\r\n]))(?=[{BLANK}]*[{_FORMULA_STARTS}])|^(?=[\t\r\n])")


def wants_csv(request: Request) -> bool:
    """Return whether `format` asks for CSV, or without it Accept, where CSV weighs more than JSON."""
    if request.query["format"] is not None:
        return bool(request.query["format"] == "csv")
    weights = accepted(request.headers.get("accept", ""))
    return weights.get(CSV, 0.0) > weights.get(JSON, weights.get("application/*", 0.0))


def accepted(accept: str) -> dict[str, float]:
    """Return the weights of an Accept header's media types (RFC 9110, section 12.5.1); of malformed weights 0."""
    weights = {}
    for choice in accept[:MAX_ACCEPT_CHARACTERS].lower().split(","):
        media_type, *parameters = (part.strip() for part in choice.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        weights[media_type] = float(weight) if re.fullmatch(r"[01](\.[0-9]{0,3})?", weight) else 0.0
    return weights


def csv_lines(lines: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()


def defused(cell: str | None) -> str | None:
    """Return a text that somebody else wrote so that a spreadsheet shows it: an apostrophe prevents a formula."""
    return _FORMULA.sub("'", cell) if cell else cell
