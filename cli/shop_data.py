"""Everything that the database holds of one shop: exported as lines of JSON, or deleted.

The tables are those with a `shop_id`, read from the catalogue: a new table cannot be forgotten.
"""

import graphlib
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, NamedTuple

from pg8000.core import CoreConnection

from cli.batches import BATCH_ROWS, limited, run_batch, run_batches
from cli.shops import refuse_unknown
from common import cache
from common.cache import keys
from common.postgres.driver import Connection
from common.shop.events import CONVERSION_TYPES, NO_POPUP

# What opens something, or ties hashed viewers and networks to names.
SECRETS = ("key_sha256", "network_salt", "viewer_salt", "secrets", "api", "salt")

# A statement in progress may still write rows for a shop whose rows have just been deleted.
MAX_PASSES = 5

SELECT_TABLES = """
    SELECT tables.oid::regclass::text AS name, tables.relispartition AS is_partition,
        tables.relkind = 'p' AS is_partitioned
    FROM pg_class AS tables
    JOIN pg_attribute AS columns ON columns.attrelid = tables.oid
    WHERE tables.relkind IN ('r', 'p') AND tables.relnamespace = current_schema()::regnamespace
      AND columns.attname = 'shop_id' AND NOT columns.attisdropped
    ORDER BY name
"""

SELECT_REFERENCES = """
    SELECT conrelid::regclass::text AS referring, confrelid::regclass::text AS referred
    FROM pg_constraint
    WHERE contype = 'f' AND conrelid <> confrelid AND connamespace = current_schema()::regnamespace
"""

# From here on nobody can write for the shop.
CLOSE_SHOP = """
    WITH revoked AS (
        UPDATE api_keys SET revoked_at = now() WHERE shop_id = :shop_id AND revoked_at IS NULL
    )
    UPDATE popups SET deleted_at = now() WHERE shop_id = :shop_id AND deleted_at IS NULL
"""

DELETE_SHOP = "DELETE FROM shops WHERE id = :shop_id"

SELECT_DAYS = """
    SELECT day
    FROM shops
    CROSS JOIN generate_series(shops.created_at - interval '1 day', now(), interval '1 day') AS day
    WHERE shops.id = :shop_id
"""

# What names its shop and is no popup's: purchases and used codes. Such events of all shops are together in the index by
# popup, type and time, of which this reads a day.
DELETE_EVENTS_OF_NO_POPUP = """
    DELETE FROM popup_conversions
    WHERE shop_id = :shop_id AND popup_id = :no_popup AND type = ANY (:conversion_types::text[])
      AND converted_at >= :day::timestamptz AND converted_at < :day::timestamptz + interval '1 day'
"""


class Table(NamedTuple):
    name: str
    is_partition: bool
    is_partitioned: bool


def export_shop(raw: CoreConnection, shop_id: str, out: BinaryIO) -> None:
    """Write each of the shop's rows as `{"table": …, "row": {…}}`, of one instant, as they are read.

    Without secrets. What a row refers to comes before it. Raises ClickException for an unknown shop.
    """
    connection = Connection(raw)
    refuse_unknown(connection, shop_id)
    raw.execute_simple("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    connection.execute("SELECT set_config('popups.exported_shop', :shop_id, true)", shop_id=shop_id)
    raw.execute_unnamed(_export_sql("shops", "id"), stream=out)
    for table in reversed(shop_tables(connection)):
        if not table.is_partition:
            raw.execute_unnamed(_export_sql(table.name, "shop_id"), stream=out)
    raw.execute_simple("COMMIT")


def delete_shop(raw: CoreConnection, shop_id: str, say: Callable[[str], None]) -> None:
    """Delete a shop and everything of it, in batches beside the traffic of others; an interrupted run can be repeated.

    Raises ClickException for an unknown shop.
    """
    with limited(raw) as connection:
        refuse_unknown(connection, shop_id)
        connection.execute(CLOSE_SHOP, shop_id=shop_id)
        cache.forget(keys.active_popups(shop_id), keys.shop_stats(shop_id))
        for _ in range(MAX_PASSES):
            if not _delete_rows(connection, shop_id, say):
                break
        connection.execute(DELETE_SHOP, shop_id=shop_id)
    cache.forget(keys.active_popups(shop_id), keys.shop_stats(shop_id))


def shop_tables(connection: Connection) -> list[Table]:
    """Return the tables with a `shop_id`, those that refer to others before these."""
    tables = {row["name"]: Table(**row) for row in connection.fetch_all(SELECT_TABLES)}
    referring: dict[str, set[str]] = {name: set() for name in tables}
    for reference in connection.fetch_all(SELECT_REFERENCES):
        if reference["referred"] in tables and reference["referring"] in tables:
            referring[reference["referred"]].add(reference["referring"])
    return [tables[name] for name in graphlib.TopologicalSorter(referring).static_order()]


def _delete_rows(connection: Connection, shop_id: str, say: Callable[[str], None]) -> int:
    total = _delete_events_of_no_popup(connection, shop_id, say)
    for table in shop_tables(connection):
        if table.is_partitioned:
            continue  # its partitions are tables of this list
        if deleted := run_batches(partial(connection.execute, _delete_sql(table), shop_id=shop_id, rows=BATCH_ROWS)):
            say(f"deleted {deleted} rows of {table.name}")
        total += deleted
    return total


def _delete_events_of_no_popup(connection: Connection, shop_id: str, say: Callable[[str], None]) -> int:
    found = {"shop_id": shop_id, "no_popup": NO_POPUP, "conversion_types": list(CONVERSION_TYPES)}
    days = connection.fetch_all(SELECT_DAYS, shop_id=shop_id)
    deleted = sum(run_batch(partial(connection.execute, DELETE_EVENTS_OF_NO_POPUP, **found, **each)) for each in days)
    if deleted:
        say(f"deleted {deleted} events of no popup")
    return deleted


def _delete_sql(table: Table) -> str:
    """Return a batch's statement; events are found by their popup, since no index begins with their shop."""
    of_popups = "AND popup_id IN (SELECT id FROM popups WHERE shop_id = :shop_id)" if table.is_partition else ""
    return f"""
        DELETE FROM {table.name}
        WHERE shop_id = :shop_id AND ctid = ANY (ARRAY(
            SELECT ctid FROM {table.name} WHERE shop_id = :shop_id {of_popups} LIMIT :rows))
    """


def _export_sql(table: str, column: str) -> str:
    """Return a COPY, whose parameter is a setting; its delimiter and its quote are characters that no JSON has."""
    secrets = ", ".join(f"'{name}'" for name in SECRETS)
    return f"""
        COPY (
            SELECT json_build_object('table', '{table}', 'row', to_jsonb(exported) - ARRAY[{secrets}])
            FROM {table} AS exported
            WHERE {column} = current_setting('popups.exported_shop')
        ) TO STDOUT (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')
    """
