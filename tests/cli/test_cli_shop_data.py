"""`popups shop list|export|delete` and `popups key list|revoke`: everything of a shop, and nothing of another."""

import json
import subprocess
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from cli.connection import open_connection
from cli.shop_data import SECRETS, shop_tables
from common.config import load
from common.postgres.driver import Connection
from tests.support.client import PROMISED_SECONDS, Client
from tests.support.factories import Shop, capture, conversion, make_discount_code, make_popup, make_shop, purchase, view
from tests.support.stack import Database, FunctionProcess, Stack, create_database, eventually, open_database

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def own(stack: Stack) -> Any:
    """Yield a database of this module's own, with no shops but those of its tests."""
    with open_database(create_database(stack.postgres, f"shop-data-{uuid.uuid4().hex[:8]}")) as opened:
        yield opened


@pytest.fixture(scope="module")
def tracking(stack: Stack, own: Database) -> Any:
    names = ("track_view", "track_conversion", "manage_popups")
    started = {name: stack.start_function(name, DATABASE_URL=own.url, REDIS_URL=None) for name in names}
    yield started
    for function in started.values():
        function.stop()


@pytest.fixture
def shop(own: Database) -> Shop:
    return make_shop(own, name='Tab\tand "quotes", \\ and\nlines')


@pytest.fixture
def run(stack: Stack, own: Database) -> Run:
    """Return a function that runs `popups` with these words on the module's database."""
    return partial(stack.popups, DATABASE_URL=own.url)


def value_of(kind: str, name: str) -> str:
    """Return an SQL literal that a column of this type accepts."""
    return {
        "uuid": "gen_random_uuid()",
        "text": f"'{name}'",
        "bytea": "'\\x00'",
        "jsonb": "'{}'",
        "date": "current_date",
        "boolean": "false",
        "ARRAY": "'{}'",
        "timestamp with time zone": "now()",
    }.get(kind, "1")


def fill_empty_tables(database: Database, shop: Shop) -> None:
    """Insert a row for the shop into every table with a shop_id that has none of it, past foreign keys."""
    database("SET session_replication_role = replica")
    for name in tables_of(database):
        if database.value(f"SELECT count(*) FROM {name} WHERE shop_id = :id", id=shop.id):
            continue
        columns = database(
            "SELECT column_name AS name, data_type AS type FROM information_schema.columns"
            " WHERE table_name = :table AND is_generated = 'NEVER' AND is_nullable = 'NO' AND column_default IS NULL",
            table=name,
        )
        checks = database(
            "SELECT conname AS name FROM pg_constraint WHERE conrelid = :table::regclass AND contype = 'c'", table=name
        )
        for check in checks:
            database(f"ALTER TABLE {name} DROP CONSTRAINT {check['name']}")
        values = {each["name"]: value_of(each["type"], each["name"]) for each in columns} | {"shop_id": f"'{shop.id}'"}
        database(f"INSERT INTO {name} ({', '.join(values)}) VALUES ({', '.join(values.values())})")
    database("SET session_replication_role = origin")


def tables_of(database: Database) -> list[str]:
    rows = database(
        "SELECT table_name AS name FROM information_schema.columns JOIN information_schema.tables USING (table_name)"
        " WHERE column_name = 'shop_id' AND table_type = 'BASE TABLE' AND table_name IN"
        " (SELECT relname FROM pg_class WHERE NOT relispartition) ORDER BY table_name"
    )
    return [row["name"] for row in rows]


def rows_left(database: Database, shop_id: str) -> dict[str, int]:
    counts = {
        name: database.value(f"SELECT count(*) FROM {name} WHERE shop_id = :id", id=shop_id)
        for name in tables_of(database)
    }
    return {name: count for name, count in counts.items() if count}


def use(tracking: dict[str, FunctionProcess], own: Database, shop: Shop) -> None:
    """Send what shoppers and a merchant do in a shop."""
    popup_id = make_popup(own, shop, offer={"type": "email_capture", "consent_text": "Yes"})
    make_discount_code(own, shop, codes=["A-1", "A-2"])
    old = str(uuid.uuid4())
    for event in (view(popup_id), view(popup_id, event_id=old, visitor_id="v")):
        assert Client(tracking["track_view"]).post(json=event).status_code == 202
    assert Client(tracking["track_view"]).post(json={"exposures": [view(popup_id)]}).status_code == 202
    for event in (capture(popup_id, "ann@example.com", consent=True, consent_text="Yes"), purchase(popup_id, "o-1")):
        assert Client(tracking["track_conversion"]).post(json=event).status_code == 201
    for event in (purchase(popup_id, "o-2"), conversion(popup_id, "discount_code_used", discount_code="NONE")):
        of_shop = {**event, "popup_id": None, "shop_id": shop.id}
        assert Client(tracking["track_conversion"]).post(json=of_shop).status_code == 201
    merchant = Client(tracking["manage_popups"], shop.write_key)
    assert merchant.post("/popups", {"name": "x"}, headers={"Idempotency-Key": "k"}).status_code == 201


def test_an_export_has_every_row_of_every_table_and_no_secret(
    run: Run, own: Database, tracking: dict[str, FunctionProcess], shop: Shop
) -> None:
    neighbour = make_shop(own)
    for each in (neighbour, shop):
        use(tracking, own, each)
    exported = run("shop", "export", shop.id)
    assert exported.returncode == 0, exported.stderr
    lines = [json.loads(line) for line in exported.stdout.splitlines()]
    assert lines[0]["table"] == "shops"
    assert lines[0]["row"]["name"] == 'Tab\tand "quotes", \\ and\nlines'
    counted: dict[str, int] = {}
    for line in lines[1:]:
        assert line["row"]["shop_id"] == shop.id
        counted[line["table"]] = counted.get(line["table"], 0) + 1
    assert counted == rows_left(own, shop.id)
    assert neighbour.id not in exported.stdout
    assert not {name for line in lines for name in line["row"]} & set(SECRETS)


# Hashes of requests, and of networks by a salt that is left out.
NO_SECRETS = {"request_sha256", "subject"}


def test_whatever_is_sealed_or_hashed_is_a_secret_to_an_export(own: Database) -> None:
    rows = own(
        "SELECT DISTINCT column_name AS name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND data_type = 'bytea'"
    )
    assert {row["name"] for row in rows} - NO_SECRETS <= set(SECRETS)


def test_what_a_row_refers_to_is_exported_before_it(own: Database) -> None:
    with open_connection(load({"DATABASE_URL": own.url})) as connection:
        order = [table.name for table in shop_tables(Connection(connection))]
    for child, parent in (("single_use_codes", "discount_codes"), ("popup_versions", "popups")):
        assert order.index(child) < order.index(parent)
    assert set(tables_of(own)) <= set(order)


def test_a_deleted_shop_leaves_no_row_in_any_table_and_its_neighbour_everything(
    run: Run, own: Database, tracking: dict[str, FunctionProcess], shop: Shop
) -> None:
    neighbour = make_shop(own)
    for each in (neighbour, shop):
        use(tracking, own, each)
        fill_empty_tables(own, each)
        assert set(rows_left(own, each.id)) == set(tables_of(own))
    before = rows_left(own, neighbour.id)
    deleted = run("shop", "delete", shop.id, "--yes")
    assert deleted.returncode == 0, deleted.stderr
    assert rows_left(own, shop.id) == {}
    assert own.value("SELECT count(*) FROM shops WHERE id = :id", id=shop.id) == 0
    assert rows_left(own, neighbour.id) == before
    merchant = Client(tracking["manage_popups"], shop.write_key)
    eventually(lambda: merchant.get("/shop").status_code == 401, seconds=PROMISED_SECONDS)
    assert run("shop", "delete", shop.id, "--yes").returncode == 1


def test_shops_are_listed_one_a_line(run: Run, own: Database) -> None:
    shop = make_shop(own, name="Acme")
    listed = dict(line.split("\t", 1) for line in run("shop", "list").stdout.splitlines() if "\t" in line)
    assert listed[shop.id].endswith("\tAcme")


@pytest.mark.parametrize("by", ["id", "prefix"])
def test_a_key_is_listed_and_revoked_by_its_id_or_prefix(
    run: Run, own: Database, tracking: dict[str, FunctionProcess], by: str
) -> None:
    shop = make_shop(own)
    lines = [line.split("\t") for line in run("key", "list", shop.id).stdout.splitlines()]
    assert sorted(line[2] for line in lines) == ["read", "write"]
    (writer,) = (line for line in lines if line[2] == "write")
    assert writer[1] == shop.write_key[:12]
    revoked = run("key", "revoke", shop.id, writer[0] if by == "id" else writer[1])
    assert (revoked.returncode, revoked.stdout) == (0, f"revoked {writer[1]}\n")
    assert len(run("key", "list", shop.id).stdout.splitlines()) == 1
    merchant = Client(tracking["manage_popups"], shop.write_key)
    eventually(lambda: merchant.get("/shop").status_code == 401, seconds=PROMISED_SECONDS)
    assert run("key", "revoke", shop.id, writer[0]).returncode == 1


@pytest.mark.parametrize("words", [("shop", "export"), ("shop", "delete"), ("key", "list")], ids=" ".join)
def test_an_unknown_shop_is_one_plain_line(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words, "nobody")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no shop nobody\n"
