"""CREATE INDEX CONCURRENTLY on a partitioned table: on each partition, beside writers, and over any death."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pg8000.core import CoreConnection

from cli.schema.migrate import MigrationError, migrate
from tests.cli.test_migrate import connected, kill_when_running, pending, run
from tests.support.stack import Database, Stack, create_database, open_database

_numbers = itertools.count(1)

TABLE = """
CREATE TABLE plants (id integer, name text) PARTITION BY RANGE (id);
CREATE TABLE plants_small PARTITION OF plants FOR VALUES FROM (0) TO (100);
CREATE TABLE plants_large PARTITION OF plants FOR VALUES FROM (100) TO (1000);
CREATE TABLE plants_default PARTITION OF plants DEFAULT;
INSERT INTO plants SELECT number, 'plant ' || number FROM generate_series(1, 2000) AS number;
"""
INDEX = "-- no transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS plants_name_idx ON plants (name) WHERE id > 5;\n"
BUILT = {f"plants_{partition}_name_idx" for partition in ("small", "large", "default")}


@pytest.fixture
def plants(stack: Stack, tmp_path: Path) -> Iterator[Database]:
    with open_database(create_database(stack.postgres, f"indexes_{next(_numbers)}", migrated=False)) as database:
        (tmp_path / "0001_plants.sql").write_text(TABLE)
        run(database, tmp_path)
        (tmp_path / "0002_index.sql").write_text(INDEX)
        yield database


def assert_built(database: Database) -> None:
    """Assert that the table's index is valid, each partition's is attached to it, and nothing else was left."""
    attached = database(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'plants_name_idx'::regclass"
    )
    assert {row["name"] for row in attached} == BUILT
    indexes = database(
        "SELECT indexrelid::regclass::text AS name, indisvalid FROM pg_index"
        " JOIN pg_class ON oid = indrelid WHERE relname LIKE 'plants%'"
    )
    assert {row["name"]: row["indisvalid"] for row in indexes} == dict.fromkeys(BUILT | {"plants_name_idx"}, True)


def test_each_partition_gets_its_own_and_the_tables_is_valid(plants: Database, tmp_path: Path) -> None:
    assert run(plants, tmp_path) == ["0002_index.sql"]
    assert_built(plants)
    defined = {row["indexdef"].partition(" USING ")[2] for row in plants("SELECT indexdef FROM pg_indexes")
               if row["indexdef"].count("plants")}  # fmt: skip
    assert defined == {"btree (name) WHERE (id > 5)"}


def test_a_partition_made_later_gets_the_index_too(plants: Database, tmp_path: Path) -> None:
    run(plants, tmp_path)
    plants("CREATE TABLE plants_huge PARTITION OF plants FOR VALUES FROM (10000) TO (20000)")
    assert plants.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'plants_name_idx'::regclass") == 4


def test_writers_go_on_while_it_is_built(plants: Database, tmp_path: Path) -> None:
    """One who has written and not committed yet makes each CONCURRENTLY wait, and keeps nobody else from writing."""
    with connected(plants) as writer:
        writer.execute_simple("BEGIN; INSERT INTO plants_small VALUES (1, 'fern')")
        kill_when_running(
            plants, tmp_path, "INDEX CONCURRENTLY", first=lambda: plants("INSERT INTO plants VALUES (2, 'fern')")
        )
        writer.execute_simple("COMMIT")
    assert plants.value("SELECT count(*) FROM plants WHERE name = 'fern'") == 2
    assert pending(plants, tmp_path) == ["0002_index.sql"]
    assert run(plants, tmp_path) == ["0002_index.sql"]
    assert_built(plants)


class Killed(BaseException):
    """As SIGKILL: nothing is tidied up."""


def dies_at(connection: CoreConnection, statement: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the connection break before it sends its statement of this number, counted from 1."""
    send: Callable[..., Any] = connection.execute_simple
    numbers = itertools.count(1)

    def send_or_die(sql: str) -> Any:
        if next(numbers) >= statement:
            connection._usock.close()
            raise Killed
        return send(sql)

    monkeypatch.setattr(connection, "execute_simple", send_or_die)


def test_it_goes_on_wherever_it_died(plants: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaths = 0
    for statement in itertools.count(1):
        with connected(plants) as connection:
            dies_at(connection, statement, monkeypatch)
            try:
                migrate(connection, tmp_path, say=lambda line: None)
                break
            except Killed:
                deaths += 1
        if statement % 2:  # from here on, and from the start
            run(plants, tmp_path)
            assert_built(plants)
            plants("DELETE FROM schema_migrations WHERE version = 2")
            plants("DROP INDEX plants_name_idx")
    assert deaths > 15
    assert_built(plants)


def test_one_that_failed_on_a_partition_is_built_anew(plants: Database, tmp_path: Path) -> None:
    index = INDEX.replace("CREATE INDEX", "CREATE UNIQUE INDEX").replace("(name) WHERE id > 5", "(id, name)")
    (tmp_path / "0002_index.sql").write_text(index)
    plants("INSERT INTO plants VALUES (200, 'plant 200')")
    with pytest.raises(MigrationError, match=r"0002_index.sql failed: could not create unique index"):
        run(plants, tmp_path)
    plants("DELETE FROM plants WHERE id = 200")
    assert run(plants, tmp_path) == ["0002_index.sql"]
    assert_built(plants)


def test_a_name_that_postgres_would_cut_is_refused_before_anything_is_built(plants: Database, tmp_path: Path) -> None:
    name = f"plants_{'x' * 50}_idx"
    (tmp_path / "0002_index.sql").write_text(INDEX.replace("plants_name_idx", name))
    with pytest.raises(MigrationError, match="longer than 63 bytes"):
        run(plants, tmp_path)
    assert plants("SELECT FROM pg_class WHERE relname LIKE '%xxx%'") == []
