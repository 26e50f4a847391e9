"""The recipes of docs/migrations.md: each is applied beside writers, bears a second run, and does what it says."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.schema.migrate import SQL_FOLDER
from tests.cli.test_migrate import run
from tests.support.factories import Shop, insert, make_popup, make_shop, uuid7
from tests.support.stack import ROOT, Database, Stack, create_database, open_database

RECIPES = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "migrations.md").read_text(), re.DOTALL)
FIRST_NUMBER = 9001
SUBSCRIBERS = 2_500


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[Database]:
    with open_database(create_database(stack.postgres, "recipes")) as opened:
        yield opened


@pytest.fixture(scope="module")
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture(scope="module")
def popup_id(database: Database, shop: Shop) -> str:
    made = make_popup(database, shop)
    database(
        "INSERT INTO email_subscribers (id, shop_id, email, email_normalized, popup_id)"
        " SELECT gen_random_uuid(), :shop_id, number::text, number::text, :popup_id"
        " FROM generate_series(1, :count::integer) AS number",
        shop_id=shop.id,
        popup_id=made,
        count=SUBSCRIBERS,
    )
    return made


@contextmanager
def writing(database: Database, shop: Shop, popup_id: str) -> Iterator[list[str]]:
    """One who writes views all the while; gives the ids of those that are committed."""
    stop, written = threading.Event(), list[str]()

    def write() -> None:
        with open_database(database.url) as own:
            while not stop.is_set():
                event_id = uuid7()
                insert(own, "popup_views", event_id=event_id, shop_id=shop.id, popup_id=popup_id, session_id="s")
                written.append(event_id)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield written
    finally:
        stop.set()
        writer.join()


def test_they_apply_one_after_the_other_beside_writers_and_again(
    database: Database, shop: Shop, popup_id: str, tmp_path: Path
) -> None:
    for path in SQL_FOLDER.glob("*.sql"):
        (tmp_path / path.name).write_text(path.read_text())
    names = [f"{FIRST_NUMBER + number}_recipe.sql" for number in range(len(RECIPES))]
    with writing(database, shop, popup_id) as written:
        for name, recipe in zip(names, RECIPES, strict=True):
            (tmp_path / name).write_text(recipe)
            assert run(database, tmp_path) == [name]
            if recipe.startswith("-- no transaction"):  # one that died before it was entered runs again
                database("DELETE FROM schema_migrations WHERE name = :name", name=name)
                assert run(database, tmp_path) == [name]
    assert len(RECIPES) == 6
    assert stored(database, popup_id) == len(written) > 0
    assert_done(database, shop)


def assert_done(database: Database, shop: Shop) -> None:
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = :name::regclass"
    for index in ("popups_name_idx", "popup_views_device_type_idx"):
        assert database.value(valid, name=index)
    checked = "SELECT bool_and(convalidated) FROM pg_constraint WHERE conname = :name"
    assert database.value(checked, name="popup_views_session_id_length")
    filled = "SELECT count(*) FROM email_subscribers WHERE shop_id = :id AND source = 'popup'"
    assert database.value(filled, id=shop.id) == SUBSCRIBERS
    not_null = (
        "SELECT attnotnull FROM pg_attribute WHERE attrelid = 'email_subscribers'::regclass AND attname = 'source'"
    )
    assert database.value(not_null)


def stored(database: Database, popup_id: str) -> int:
    return int(database.value("SELECT count(*) FROM popup_views WHERE popup_id = :id", id=popup_id))
