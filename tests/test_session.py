"""A connection's statements: several in one round trip, and what becomes of them when one fails."""

import uuid
from collections.abc import Iterator

import pytest

from common.config import load
from common.connect import connect
from common.database import MAX_LOST_RACES, retry_lost_races
from common.database_errors import Duplicate, LostRace
from common.session import Session
from tests.stack import Database, Stack

INSERT = "INSERT INTO {} (name) VALUES (:name)"
SELECT = "SELECT * FROM {} ORDER BY name"


@pytest.fixture
def session(stack: Stack) -> Iterator[Session]:
    opened = Session(connect(load({"DATABASE_URL": stack.database_url})))
    yield opened
    opened.close()


@pytest.fixture
def table(database: Database) -> Iterator[str]:
    name = f"things_{uuid.uuid4().hex}"
    database(f"CREATE TABLE {name} (name text CONSTRAINT {name}_key PRIMARY KEY)")
    yield name
    database(f"DROP TABLE {name}")


def names(database: Database, table: str) -> list[str]:
    return [row["name"] for row in database(SELECT.format(table))]


def test_a_queued_statement_goes_with_the_next_one_which_has_its_own_rows_and_count(
    session: Session, database: Database, table: str
) -> None:
    for name in "abc":
        session.queue(INSERT.format(table), name=name)
    assert names(database, table) == []
    assert session.fetch_all("SELECT count(*) AS all FROM " + table) == [{"all": 3}]
    session.queue(f"DELETE FROM {table} WHERE name < :name RETURNING name", name="c")
    assert session.execute(f"UPDATE {table} SET name = :name", name="d") == 1
    assert names(database, table) == ["d"]


def test_what_comes_after_a_statement_that_fails_is_not_run(session: Session, database: Database, table: str) -> None:
    session.execute(INSERT.format(table), name="a")
    session.queue(INSERT.format(table), name="b")
    session.queue(INSERT.format(table), name="a")
    with pytest.raises(Duplicate) as raised:
        session.execute(INSERT.format(table), name="c")
    assert raised.value.constraint == f"{table}_key"
    assert names(database, table) == ["a"]
    assert session.is_usable()
    assert session.execute(INSERT.format(table), name="c") == 1


@pytest.mark.parametrize("fails", ["first", "queued last"])
def test_a_transaction_whose_statement_fails_leaves_nothing_and_a_session_that_works(
    session: Session, database: Database, table: str, fails: str
) -> None:
    session.execute(INSERT.format(table), name="a")

    def write() -> None:
        with session.transaction():
            session.execute(INSERT.format(table), name="a" if fails == "first" else "b")
            session.queue(INSERT.format(table), name="a")

    with pytest.raises(Duplicate):
        write()
    with session.transaction():
        session.execute(INSERT.format(table), name="c")
    assert names(database, table) == ["a", "c"]


def test_a_block_that_ends_early_leaves_nothing_queued(session: Session, database: Database, table: str) -> None:
    def leave() -> None:
        with session.transaction():
            session.queue(INSERT.format(table), name="a")
            raise KeyError

    with pytest.raises(KeyError):
        leave()
    session.execute(INSERT.format(table), name="b")
    assert names(database, table) == ["b"]


def test_a_migration_before_a_transactions_first_round_trip_costs_nothing(
    session: Session, database: Database, table: str
) -> None:
    session.fetch_all(SELECT.format(table))
    database(f"ALTER TABLE {table} ADD COLUMN added integer")
    with session.transaction():
        session.queue(INSERT.format(table), name="a")
        assert session.fetch_all(SELECT.format(table)) == [{"name": "a", "added": None}]
    assert names(database, table) == ["a"]


@pytest.mark.parametrize("lost", range(MAX_LOST_RACES + 2))
def test_a_lost_race_is_run_again_three_times_and_then_told(lost: int) -> None:
    outcomes = iter([LostRace()] * lost + ["won"])

    def act() -> str:
        if isinstance(outcome := next(outcomes), LostRace):
            raise outcome
        return outcome

    assert MAX_LOST_RACES == 3
    if lost <= 3:
        assert retry_lost_races(act) == "won"
    else:
        with pytest.raises(LostRace):
            retry_lost_races(act)
        assert next(outcomes) == "won"
