"""Migrations: each file once and whole, whoever runs them, however often and however badly it went before."""

import contextlib
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pg8000.core import CoreConnection

from cli.schema import locks
from cli.schema import migrate as migrations
from cli.schema.migrate import SQL_FOLDER, MigrationError, migrate, status
from cli.schema.statements import split_statements
from common.config import load
from common.postgres.connect import connect
from tests.support.stack import ROOT, Database, Stack, create_database, eventually, open_database

_numbers = itertools.count(1)

INDEX = "-- no transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS plants_name_key ON plants (name);\n"


@pytest.fixture
def empty(stack: Stack) -> Iterator[Database]:
    """Yield a new database without any table."""
    with open_database(create_database(stack.postgres, f"migrate_{next(_numbers)}", migrated=False)) as database:
        yield database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Migrations of our own: one that makes a table."""
    (tmp_path / "0001_plants.sql").write_text("CREATE TABLE plants (name text);")
    return tmp_path


@contextlib.contextmanager
def connected(database: Database) -> Iterator[CoreConnection]:
    connection = connect(load({"DATABASE_URL": database.url}), limit_statements=False)
    try:
        yield connection
    finally:
        with contextlib.suppress(Exception):
            connection.close()


def run(database: Database, folder: Path = SQL_FOLDER) -> list[str]:
    with connected(database) as connection:
        return [migration.name for migration in migrate(connection, folder, say=lambda line: None)]


def pending(database: Database, folder: Path) -> list[str]:
    with connected(database) as connection:
        return [migration.name for migration in status(connection, folder) if migration.applied_at is None]


def test_every_migration_applies_to_an_empty_database_in_order(empty: Database) -> None:
    files = sorted(path.name for path in SQL_FOLDER.glob("*.sql"))
    assert run(empty) == files
    assert [row["name"] for row in empty("SELECT name FROM schema_migrations ORDER BY version")] == files


def test_a_second_run_applies_nothing(empty: Database) -> None:
    run(empty)
    before = empty("SELECT * FROM schema_migrations ORDER BY version")
    assert run(empty) == []
    assert empty("SELECT * FROM schema_migrations ORDER BY version") == before


def test_a_server_that_is_too_old_is_refused_in_one_line_before_anything_is_made(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = empty.value("SELECT current_setting('server_version_num')::int AS number")
    monkeypatch.setattr(migrations, "MIN_VERSION", newest // 10_000 * 10_000 + 10_000)
    with pytest.raises(MigrationError, match=r"^Postgres \d+ or newer is needed; this is \d+"):
        run(empty)
    assert empty.value("SELECT to_regclass('schema_migrations') AS ledger") is None


def test_two_deployers_at_once_apply_each_file_once(stack: Stack, empty: Database) -> None:
    def deploy() -> None:
        results.append(stack.popups("migrate", DATABASE_URL=empty.url))

    results: list[subprocess.CompletedProcess[str]] = []
    deployers = [threading.Thread(target=deploy) for _ in range(2)]
    for deployer in deployers:
        deployer.start()
    for deployer in deployers:
        deployer.join()
    assert [result.returncode for result in results] == [0, 0], results
    applied = [line for result in results for line in result.stdout.splitlines() if line.startswith("applied ")]
    assert applied == [f"applied {path.name}" for path in sorted(SQL_FOLDER.glob("*.sql"))]


def test_a_deployer_waits_for_another_and_neither_blocks_an_index_built_concurrently(
    empty: Database, folder: Path
) -> None:
    """Two are at once inside the run that builds the index: one who waits with a snapshot would stop it for ever."""
    run(empty, folder)
    (folder / "0002_index.sql").write_text(INDEX)
    said: list[str] = []
    with connected(empty) as writer, connected(empty) as first, connected(empty) as second:
        writer.execute_simple("BEGIN; INSERT INTO plants VALUES ('fern')")  # the index waits for it to end
        deployers = [
            threading.Thread(target=migrate, args=[connection, folder], kwargs={"say": said.append})
            for connection in (first, second)
        ]
        for deployer in deployers:
            deployer.start()
        eventually(lambda: "waiting for another migration to finish" in said)
        writer.execute_simple("COMMIT")
        for deployer in deployers:
            deployer.join(30)
    assert sorted(said) == ["applied 0002_index.sql", "waiting for another migration to finish"]


def test_a_file_that_fails_half_way_leaves_nothing_behind_and_runs_again(empty: Database, folder: Path) -> None:
    second = folder / "0002_pots.sql"
    second.write_text("CREATE TABLE pots (size integer); SELECT 1 / 0;")
    with pytest.raises(MigrationError, match=r"0002_pots.sql failed: division by zero"):
        run(empty, folder)
    assert empty.value("SELECT to_regclass('pots')") is None
    assert pending(empty, folder) == ["0002_pots.sql"]
    second.write_text("CREATE TABLE pots (size integer);")
    assert run(empty, folder) == ["0002_pots.sql"]


def test_a_deployer_killed_inside_a_transaction_leaves_nothing_behind(empty: Database, folder: Path) -> None:
    (folder / "0002_pots.sql").write_text("CREATE TABLE pots (size integer); SELECT pg_sleep(60);")
    kill_when_running(empty, folder, "pg_sleep")
    assert empty.value("SELECT to_regclass('pots')") is None
    (folder / "0002_pots.sql").write_text("CREATE TABLE pots (size integer);")
    assert run(empty, folder) == ["0002_pots.sql"]


def test_an_index_that_failed_to_build_concurrently_is_built_anew(empty: Database, folder: Path) -> None:
    run(empty, folder)
    empty("INSERT INTO plants VALUES ('fern'), ('fern')")
    (folder / "0002_index.sql").write_text(INDEX)
    with pytest.raises(MigrationError, match=r"0002_index.sql failed: could not create unique index"):
        run(empty, folder)
    assert index_is_valid(empty) is False
    empty("DELETE FROM plants")
    assert run(empty, folder) == ["0002_index.sql"]
    assert index_is_valid(empty) is True


def test_a_deployer_killed_while_it_builds_an_index_leaves_one_that_the_next_builds_anew(
    empty: Database, folder: Path
) -> None:
    run(empty, folder)
    (folder / "0002_index.sql").write_text(INDEX)
    with connected(empty) as writer:
        writer.execute_simple("BEGIN; INSERT INTO plants VALUES ('fern')")
        kill_when_running(empty, folder, "INDEX CONCURRENTLY")
        writer.execute_simple("COMMIT")
    assert index_is_valid(empty) is False
    assert run(empty, folder) == ["0002_index.sql"]
    assert index_is_valid(empty) is True


def test_a_file_without_transaction_resumes_over_the_statements_that_succeeded(empty: Database, folder: Path) -> None:
    run(empty, folder)
    second = folder / "0002_index.sql"
    second.write_text(INDEX + "SELECT 1 / 0;")
    with pytest.raises(MigrationError, match="division by zero"):
        run(empty, folder)
    assert pending(empty, folder) == ["0002_index.sql"]
    second.write_text(INDEX + "ALTER TABLE plants ADD COLUMN IF NOT EXISTS size integer;")
    assert run(empty, folder) == ["0002_index.sql"]


@pytest.mark.parametrize("first_line", ["", "-- no transaction\n"], ids=["a transaction", "statements"])
def test_a_migration_gives_up_after_trying_for_long_and_applies_when_the_query_has_ended(
    empty: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, first_line: str
) -> None:
    monkeypatch.setattr(locks, "TRIES", 3)
    monkeypatch.setattr(locks, "PAUSE_SECONDS", 0.01)
    run(empty, folder)
    (folder / "0002_size.sql").write_text(f"{first_line}ALTER TABLE plants ADD COLUMN size integer;")
    with connected(empty) as reader:
        reader.execute_simple("BEGIN; SELECT * FROM plants")
        with pytest.raises(MigrationError, match="no moment at which no long query holds its table"):
            run(empty, folder)
    assert run(empty, folder) == ["0002_size.sql"]


def test_an_edited_released_file_is_refused(empty: Database, folder: Path) -> None:
    run(empty, folder)
    (folder / "0001_plants.sql").write_text("CREATE TABLE plants (name text, size integer);")
    (folder / "0002_pots.sql").write_text("CREATE TABLE pots (size integer);")
    with pytest.raises(MigrationError, match=r"0001_plants.sql was edited after it was applied"):
        run(empty, folder)
    assert empty.value("SELECT to_regclass('pots')") is None


def test_a_ledger_entry_without_its_file_is_refused(empty: Database, folder: Path) -> None:
    run(empty, folder)
    (folder / "0001_plants.sql").rename(folder / "0002_plants.sql")
    with pytest.raises(MigrationError, match=r"0001_plants.sql was applied to this database but its file is missing"):
        run(empty, folder)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("2_pots.sql", "no name for a migration"), ("0001_pots.sql", "have the same number")],
    ids=["a name without four digits", "a number twice"],
)
def test_a_file_that_has_no_place_in_the_order_is_refused(
    empty: Database, folder: Path, name: str, complaint: str
) -> None:
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(MigrationError, match=complaint):
        run(empty, folder)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'a;b'",
        "SELECT 'it''s; fine'",
        'SELECT 1 AS "a;b"',
        "DO $$ BEGIN PERFORM 1; END $$",
        "DO $body$ BEGIN PERFORM '$$;'; END $body$",
        "SELECT 1 -- not; here",
        "SELECT /* nor; here */ 1",
    ],
)
def test_a_semicolon_inside_something_ends_no_statement(statement: str) -> None:
    assert split_statements(f"-- first;\n{statement}\n;\n/* then; */ SELECT 2;\n-- done") == [statement, "SELECT 2"]


def test_status_lists_each_file_and_tells_by_its_exit_code_whether_some_are_pending(
    stack: Stack, empty: Database
) -> None:
    files = sorted(path.name for path in SQL_FOLDER.glob("*.sql"))
    before = stack.popups("migrate", "--status", DATABASE_URL=empty.url)
    assert before.returncode == 3
    assert before.stdout.splitlines() == [f"{name}  pending" for name in files]
    assert empty.value("SELECT to_regclass('schema_migrations')") is None
    run(empty)
    after = stack.popups("migrate", "--status", DATABASE_URL=empty.url)
    assert after.returncode == 0
    assert [line.split("  ")[0] for line in after.stdout.splitlines()] == files
    assert all("  applied 2" in line for line in after.stdout.splitlines())


def test_a_contradiction_is_one_plain_line_and_exit_code_1(stack: Stack, empty: Database) -> None:
    run(empty)
    empty("UPDATE schema_migrations SET checksum = 'another' WHERE version = 1")
    refused = stack.popups("migrate", DATABASE_URL=empty.url)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1
    assert "was edited after it was applied" in refused.stderr


def kill_when_running(database: Database, folder: Path, query: str, first: Callable[[], object] = lambda: None) -> None:
    """Run a deployer in another process and kill it by SIGKILL once that query runs and `first` is done.

    Its server side is gone as well then.
    """
    code = (
        "import sys; from pathlib import Path\n"
        "from cli.connection import open_connection; from cli.schema.migrate import migrate\n"
        "with open_connection() as connection: migrate(connection, Path(sys.argv[1]))"
    )
    environ = os.environ | {"DATABASE_URL": database.url}
    deployer = subprocess.Popen([sys.executable, "-c", code, str(folder)], env=environ, cwd=ROOT)
    running = backends_with(database, query)
    eventually(running)
    first()
    deployer.kill()
    deployer.wait()
    eventually(lambda: not running())  # the server looks after its client every other second


def backends_with(database: Database, query: str) -> Callable[[], list[int]]:
    def running() -> list[int]:
        rows = database(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND state = 'active' AND query LIKE :like AND pid <> pg_backend_pid()",
            like=f"%{query}%",
        )
        return [row["pid"] for row in rows]

    return running


def index_is_valid(database: Database) -> bool:
    return bool(database.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'plants_name_key'::regclass"))
