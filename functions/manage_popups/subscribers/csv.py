"""Export of subscribers as CSV (RFC 4180), streamed with one page in memory at a time."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from common import postgres
from common.process import waits
from common.web import (
    BYTE_ORDER_MARK,
    CSV,
    CSV_CONTENT_TYPE,
    Request,
    StreamedResponse,
    answers,
    csv_lines,
    defused,
)
from functions.manage_popups.rest.paging import MAX_PAGE_BYTES
from functions.manage_popups.subscribers.handlers import email_bounds

COLUMNS = (
    "email", "name", "is_active", "popup_id", "consent_text", "consented_at", "unsubscribed_at", "created_at",
)  # fmt: skip

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
            "Content-Type": CSV_CONTENT_TYPE,
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
    start, after = BYTE_ORDER_MARK, ""
    while True:
        rows = postgres.fetch_all(SELECT_PAGE, email_after=after, **wanted)
        yield start + csv_lines([*lines, *([defused(row[name]) for name in COLUMNS] for row in rows)])
        if len(rows) < PAGE_ROWS and not any(row["is_full"] for row in rows):
            return
        start, lines, after = b"", [], rows[-1]["email_normalized"]
        # The budget is per page: short waits must not add up and abort a long export.
        waits.start_anew()
