"""The rows of events: the types that the code uses are the columns of its statements."""

import re
from typing import Any, NotRequired, get_origin, get_type_hints

import pytest

from common.shop.events import as_json_row
from functions.track_conversion.queries import (
    INSERT_CONVERSIONS,
    INSERT_PLAIN_CONVERSIONS,
    ConversionOutcome,
    ConversionRow,
)
from functions.track_conversion.recording import _as_row
from functions.track_conversion.schemas import ConversionSchema
from functions.track_view.queries import INSERT_PLAIN_VIEWS, INSERT_VIEWS, ViewOutcome, ViewRow
from functions.track_view.schemas import ViewSchema
from tests.support.factories import capture, conversion, uuid7, view
from tests.support.stack import Database

STATEMENTS = {
    "views": (INSERT_VIEWS, ViewRow, ViewOutcome),
    "plain views": (INSERT_PLAIN_VIEWS, ViewRow, ViewOutcome),
    "conversions": (INSERT_CONVERSIONS, ConversionRow, ConversionOutcome),
    "plain conversions": (INSERT_PLAIN_CONVERSIONS, ConversionRow, ConversionOutcome),
}


@pytest.mark.parametrize(("sql", "read", "returned"), STATEMENTS.values(), ids=STATEMENTS)
def test_statement_reads_and_returns_the_columns_of_its_types(
    database: Database, sql: str, read: Any, returned: Any
) -> None:
    (declared,) = re.findall(r"json_to_recordset\(:events\) AS event \((.*?)\)\n", sql, re.DOTALL)
    assert {column.split()[0] for column in declared.split(",")} == set(get_type_hints(read))
    assert set(database.prepare(sql)) == set(get_type_hints(returned))


def conversion_row(event: dict[str, Any]) -> Any:
    return _as_row(ConversionSchema().load(event), None, "203.0.113.0")


def view_row(event: dict[str, Any]) -> Any:
    return as_json_row(ViewSchema().load(event), origin=None)


BUILT = {
    "a view": (view_row(view(uuid7())), ViewRow),
    "a conversion of a viewer": (conversion_row(conversion(uuid7())), ConversionRow),
    "a conversion with an address": (conversion_row(capture(uuid7(), "ann@example.com")), ConversionRow),
}


@pytest.mark.parametrize(("row", "type_"), BUILT.values(), ids=BUILT)
def test_row_has_the_columns_of_its_type(row: dict[str, Any], type_: Any) -> None:
    """Every field of a schema has a column: what the statement does not name would be dropped silently."""
    columns = get_type_hints(type_, include_extras=True)
    required = {name for name, hint in columns.items() if get_origin(hint) is not NotRequired}
    assert required <= set(row) <= set(columns)
