"""Subscribers as CSV (RFC 4180), streamed: however many there are, a page of them is in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterable, Sequence

from common import database
from common.http import StreamedResponse
from common.messages import Request
from functions.manage_popups.subscribers import email_bounds

COLUMNS = (
    "email", "name", "is_active", "popup_id", "consent_text", "consented_at", "unsubscribed_at", "created_at",
)  # fmt: skip
# A spreadsheet takes a cell that starts with one of these for a formula; the last four are full-width forms.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

READ_ONLY = "SET TRANSACTION READ ONLY"

DECLARE_EXPORT = """
    DECLARE export NO SCROLL CURSOR FOR
    SELECT email, name, is_active::text AS is_active, popup_id::text AS popup_id, consent_text,
        to_char(consented_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS consented_at,
        to_char(unsubscribed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS unsubscribed_at,
        to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created_at
    FROM email_subscribers
    WHERE shop_id = :shop_id
      AND email_normalized COLLATE "C" >= :email_from AND email_normalized COLLATE "C" < :email_below
      AND (:popup_id::uuid IS NULL OR popup_id = :popup_id)
      AND (:active::boolean IS NULL OR is_active = :active)
"""

FETCH_EXPORT = "FETCH 1000 FROM export"
PAGE_ROWS = 1000


def export_subscribers(request: Request) -> StreamedResponse:
    parts = _parts(request)
    # The first part is made now: a database that cannot be reached is still a 503.
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
    """Closing it, which the server does when the client goes away, ends the transaction and frees the connection."""
    wanted = {name: request.query[name] for name in ("popup_id", "active")}
    with database.transaction() as session:
        session.queue(READ_ONLY)
        session.execute(DECLARE_EXPORT, shop_id=request.shop_id, **wanted, **email_bounds(request.query["email"]))
        lines: list[Sequence[str | None]] = [COLUMNS]
        is_last = False
        while lines:
            yield _as_csv(lines)
            rows = [] if is_last else session.fetch_all(FETCH_EXPORT)
            is_last = len(rows) < PAGE_ROWS
            lines = [[_defused(row[name]) for name in COLUMNS] for row in rows]


def _as_csv(lines: Iterable[Sequence[str | None]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()


def _defused(cell: str | None) -> str | None:
    """A cell that a spreadsheet shows as it is: the apostrophe says that it is text."""
    return f"'{cell}" if cell and cell.startswith(FORMULA_STARTS) else cell
