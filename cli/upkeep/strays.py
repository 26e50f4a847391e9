"""Move misplaced events out of the DEFAULT partitions: those that older releases stored under foreign ids.

Each gets an id of its arrival time and moves to that month, in batches during live traffic. Each keeps its id as it
was sent in foreign_event_ids, as if today's functions had stored it. Rows that came while their month had no partition
stay where they are.
"""

import uuid
from collections.abc import Callable
from functools import partial

from pg8000.core import CoreConnection

from cli.batches import BATCH_ROWS, run_batch, unlimited
from cli.schema.partitions import months_of
from common.postgres.driver import Connection

FIRST_ID = uuid.UUID(int=0)

MOVE_STRAYS = {
    "popup_views": """
        WITH stray AS MATERIALIZED (
            SELECT event_id
            FROM popup_views_default
            WHERE event_id > :after
              AND date_trunc('month', viewed_at AT TIME ZONE 'UTC')::date = ANY (:months::date[])
            ORDER BY event_id
            LIMIT :batch_rows
            FOR UPDATE
        ), gone AS (
            DELETE FROM popup_views_default
            WHERE event_id = ANY (ARRAY(SELECT event_id FROM stray))
            RETURNING *
        ), moving AS MATERIALIZED (
            SELECT gone.*, new_event_id(viewed_at) AS new_id FROM gone
        ), entered AS (
            INSERT INTO foreign_event_ids (shop_id, kind, sent_id, event_id)
            SELECT shop_id, 'view', event_id, new_id FROM moving ORDER BY shop_id, event_id
            ON CONFLICT (shop_id, kind, sent_id) DO UPDATE SET event_id = excluded.event_id
        ), moved AS (
            INSERT INTO popup_views (event_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type,
                page_url, referrer, viewed_at)
            SELECT new_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type,
                page_url, referrer, viewed_at
            FROM moving
            ORDER BY new_id
        )
        SELECT event_id FROM stray ORDER BY event_id
    """,
    "popup_conversions": """
        WITH stray AS MATERIALIZED (
            SELECT event_id
            FROM popup_conversions_default
            WHERE event_id > :after
              AND date_trunc('month', converted_at AT TIME ZONE 'UTC')::date = ANY (:months::date[])
            ORDER BY event_id
            LIMIT :batch_rows
            FOR UPDATE
        ), gone AS (
            DELETE FROM popup_conversions_default
            WHERE event_id = ANY (ARRAY(SELECT event_id FROM stray))
            RETURNING *
        ), moving AS MATERIALIZED (
            SELECT gone.*, new_event_id(converted_at) AS new_id FROM gone
        ), entered AS (
            INSERT INTO foreign_event_ids (shop_id, kind, sent_id, event_id)
            SELECT shop_id, 'conversion', event_id, new_id FROM moving ORDER BY shop_id, event_id
            ON CONFLICT (shop_id, kind, sent_id) DO UPDATE SET event_id = excluded.event_id
        ), moved AS (
            INSERT INTO popup_conversions (event_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type,
                type, subscriber_id, discount_code, revenue, currency, order_id, metadata, issued_code, converted_at)
            SELECT new_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type,
                type, subscriber_id, discount_code, revenue, currency, order_id, metadata, issued_code, converted_at
            FROM moving
            ORDER BY new_id
        )
        SELECT event_id FROM stray ORDER BY event_id
    """,
}


def move_strays(raw: CoreConnection, connection: Connection, say: Callable[[str], None]) -> None:
    for table, sql in MOVE_STRAYS.items():
        move = partial(connection.fetch_all, sql, months=months_of(raw, table), batch_rows=BATCH_ROWS)
        moved, last = 0, FIRST_ID
        while rows := run_batch(partial(move, after=last)):
            moved, last = moved + len(rows), rows[-1]["event_id"]
        if moved:
            # A new month reads all of DEFAULT while it holds the table: also the room that these have left.
            with unlimited(raw):
                raw.execute_simple(f"VACUUM {table}_default")
            say(f"moved {moved} rows of {table}_default to the months in which they came")
