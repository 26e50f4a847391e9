"""Export of subscribers as CSV (RFC 4180), streamed with one page in memory at a time."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator, Iterable, Sequence

from common import postgres
from common.process import waits
from common.shop.blanks import BLANK
from common.web import CSV, Request, StreamedResponse, answers
from functions.manage_popups.rest.paging import MAX_PAGE_BYTES
from functions.manage_popups.subscribers.handlers import email_bounds

COLUMNS = (
    "email", "name", "is_active", "popup_id", "consent_text", "consented_at", "unsubscribed_at", "created_at",
)  # fmt: skip
# Without it Excel assumes a legacy encoding.
_BYTE_ORDER_MARK = "\ufeff".encode()
# A spreadsheet takes a cell that starts with one of these, or with one after blanks, for a formula; the others are
# their small and full-width forms. If it splits cells at another character than the comma, a cell may also start within
# a text.
_FORMULA_STARTS = r"=+\-@\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
_FORMULA = re.compile(rf"(?:^|(?<=[;|\t\r\n]))(?=[{BLANK}]*[{_FORMULA_STARTS}])|^(?=[\t\r\n])")

PAGE_ROWS = 1000

# In the order of the index by address, so that subscribers added or removed meanwhile move no other to another page. A
# page of long texts is cut before the row that exceeds its bytes; that row is returned last.
SELECT_PAGE = """
    SELECT email, email_normalized, name, is_active::text AS is_active, popup_id::text AS popup_id, consent_text,
        to_char(consented_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS consented_at,
        to_char(unsubscribed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS unsubscribed_at,
        to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created_at,
        bytes_so_far > :most_bytes AS is_full
    FROM (
        SELECT email_subscribers.*, bytes,
            sum(bytes) OVER (ORDER BY email_normalized COLLATE "C" ROWS UNBOUNDED PRECEDING) AS bytes_so_far
        FROM email_subscribers
        CROSS JOIN LATERAL (
            SELECT octet_length(email) + coalesce(octet_length(name), 0) + coalesce(octet_length(consent_text), 0)
        ) AS long_texts (bytes)
        WHERE shop_id = :shop_id
          AND email_normalized COLLATE "C" >= :email_from AND email_normalized COLLATE "C" < :email_below
          AND email_normalized COLLATE "C" > :email_after
          AND (:popup_id::uuid IS NULL OR popup_id = :popup_id)
          AND (:active::boolean IS NULL OR is_active = :active)
        ORDER BY email_normalized COLLATE "C"
        LIMIT 1000
    ) AS page
    WHERE bytes_so_far - bytes <= :most_bytes
    ORDER BY email_normalized COLLATE "C"
"""


@answers({200: None}, media_type=CSV)
def export_subscribers(request: Request) -> StreamedResponse:
    """Export subscribers as CSV (RFC 4180)."""
    parts = _parts(request)
    # The first part is made now, while an unreachable database can still be a 503.
    return StreamedResponse(
        200,
        next(parts),
        {
            "Content-Type": "text/csv; charset=utf-8; header=present",
            "Content-Disposition": 'attachment; filename="subscribers.csv"',
            "Cache-Control": "no-store",
        },
        rest=parts,
    )


def _parts(request: Request) -> Generator[bytes, None, None]:
    """Yield the pages, one statement each, so that a slow client does not occupy a connection."""
    wanted = {name: request.query[name] for name in ("popup_id", "active")} | email_bounds(request.query["email"])
    wanted |= {"shop_id": request.shop_id, "most_bytes": MAX_PAGE_BYTES}
    lines: list[Sequence[str | None]] = [COLUMNS]
    start, after = _BYTE_ORDER_MARK, ""
    while True:
        rows = postgres.fetch_all(SELECT_PAGE, email_after=after, **wanted)
        yield start + _as_csv([*lines, *([_defused(row[name]) for name in COLUMNS] for row in rows)])
        if len(rows) < PAGE_ROWS and not any(row["is_full"] for row in rows):
            return
        start, lines, after = b"", [], rows[-1]["email_normalized"]
        # The budget is per page: short waits must not add up and abort a long export.
        waits.start_anew()


def _as_csv(lines: Iterable[Sequence[str | None]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()


def _defused(cell: str | None) -> str | None:
    """Return the cell so that a spreadsheet shows it as text: an apostrophe prevents a formula."""
    return _FORMULA.sub("'", cell) if cell else cell
