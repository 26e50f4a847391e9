"""A new column of an event, and a new type of conversion: every statement that names them all has it."""

import re
from pathlib import Path

import pytest

from cli.upkeep.strays import MOVE_STRAYS
from common.shop import erasures
from common.shop.events import CONVERSION_TYPES
from tests.support.imports import ROOT
from tests.support.stack import Database

# What of an event says nothing about the person, and so outlives an erasure. All else is erased or renamed.
IMPERSONAL = {
    "popup_views": {"event_id", "shop_id", "popup_id", "variant_id", "device_type", "viewed_at"},
    "popup_conversions": {
        "event_id",
        "shop_id",
        "popup_id",
        "variant_id",
        "device_type",
        "type",
        "discount_code",
        "revenue",
        "currency",
        "order_id",
        "issued_code",
        "converted_at",
    },
}
# Orders set and unset the bit of purchases.
OF_ORDERS = {"purchase"}


@pytest.fixture(params=MOVE_STRAYS)
def table(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def columns(database: Database, table: str) -> set[str]:
    rows = database("SELECT attname FROM pg_attribute WHERE attrelid = (:t)::regclass AND attnum > 0", t=table)
    return {row["attname"] for row in rows if not row["attname"].startswith("........pg.dropped")}


def test_an_event_that_is_moved_keeps_every_column(database: Database, table: str) -> None:
    (moved,) = re.findall(rf"INSERT INTO {table} \((.*?)\)", MOVE_STRAYS[table], re.DOTALL)
    assert {name.strip() for name in moved.split(",")} == columns(database, table)


def test_a_column_of_an_event_is_erased_unless_it_says_nothing_about_the_person(database: Database, table: str) -> None:
    source = Path(erasures.__file__).read_text()
    changes = re.findall(rf"UPDATE {table}\s+SET (.*?)\s+(?:FROM|WHERE)\b", source, re.DOTALL)
    erased = {name for change in changes for name in re.findall(r"(\w+) = ", change)}
    assert erased == columns(database, table) - IMPERSONAL[table]


def test_every_type_of_conversion_has_a_bit_of_its_own(database: Database) -> None:
    rows = database(
        "SELECT conversion_bit(type) AS bit FROM unnest((:given)::text[]) AS type", given=[*CONVERSION_TYPES]
    )
    bits = [row["bit"] for row in rows]
    assert len(set(bits)) == len(CONVERSION_TYPES)
    assert [bit for bit in bits if bit.bit_count() != 1] == []


def test_every_statement_that_lists_the_types_of_conversions_has_them_all(database: Database) -> None:
    """What it lacks would be counted as nobody's, without an error."""
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for folder in ("common", "functions", "cli")
        for path in [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.sql")]
    }
    lists = [
        (place, listed) for place, text in texts.items() for listed in re.findall(r"VALUES (\('click'.*?\)) AS", text)
    ]
    assert lists
    for place, listed in lists:
        kinds = re.findall(r"\('(\w+)'(?:, (\d+))?\)", listed)
        with_bits = any(bit for _, bit in kinds)
        assert {type_ for type_, _ in kinds} == set(CONVERSION_TYPES) - (OF_ORDERS if with_bits else set()), place
        if with_bits:
            assert all(
                int(bit) == database.value("SELECT conversion_bit(:type)", type=type_) for type_, bit in kinds
            ), place
