"""What the statements that store events read: the popups they name, however many others there are."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pg8000.native import to_statement

from functions.track_conversion.queries import INSERT_CONVERSIONS
from functions.track_view.queries import INSERT_VIEWS
from tests.factories import conversion, make_popup, make_shop, view
from tests.stack import Database, Stack, create_database, open_database

POPUPS = 300
# Postgres makes a plan for each of the first calls; then one for all, which is what a warm connection runs.
CALLS_BEFORE_THE_PLAN_STAYS = 6


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[Database]:
    url = create_database(stack.postgres, f"plans-{uuid.uuid4().hex[:8]}")
    with open_database(url) as opened:
        yield opened


@pytest.fixture(scope="module")
def popup_ids(database: Database) -> list[str]:
    shop = make_shop(database)
    made = [make_popup(database, shop) for _ in range(POPUPS)]
    database("ANALYZE popups, shops")
    return made


@pytest.mark.parametrize(("sql", "new_event"), [(INSERT_VIEWS, view), (INSERT_CONVERSIONS, conversion)])
def test_a_flush_reads_the_popups_it_names_and_no_others(
    database: Database, popup_ids: list[str], sql: str, new_event: Any
) -> None:
    statement, _ = to_statement(sql)
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE flush ('{events(new_event, popup_ids)}', '[null]')"
    database(f"PREPARE flush (json, jsonb) AS {statement}")
    plans = [database.value(explain) for _ in range(CALLS_BEFORE_THE_PLAN_STAYS)]
    database("DEALLOCATE flush")
    assert [rows_read(plan["Plan"], "popups") for (plan,) in plans] == [2] * len(plans)


@pytest.mark.parametrize("table", ["popup_views", "popup_conversions"])
def test_an_event_table_has_no_unique_key_but_the_event_id(database: Database, table: str) -> None:
    """ON CONFLICT DO NOTHING is for all keys there are: for another one it would drop an event in silence."""
    keys = database(
        "SELECT pg_get_constraintdef(pg_constraint.oid) AS key, count(*) AS indexes"
        " FROM pg_partition_tree(:table) AS part"
        " JOIN pg_index ON indrelid = part.relid AND indisunique"
        " LEFT JOIN pg_constraint ON conindid = indexrelid"
        " GROUP BY 1",
        table=table,
    )
    tables = database.value("SELECT count(*) FROM pg_partition_tree(:table)", table=table)
    assert keys == [{"key": "PRIMARY KEY (event_id)", "indexes": tables}]


def events(new_event: Any, popup_ids: list[str]) -> str:
    """Three, of two popups."""
    return json.dumps([{**new_event(popup_ids[index % 2]), "position": index, "origin": 0} for index in range(3)])


def rows_read(plan: dict[str, Any], table: str) -> int:
    own = plan["Actual Rows"] * plan["Actual Loops"] if plan.get("Relation Name") == table else 0
    return int(own) + sum(rows_read(inner, table) for inner in plan.get("Plans", ()))
