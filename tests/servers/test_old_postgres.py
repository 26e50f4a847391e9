"""The oldest Postgres that is at hand (Debian's, where it is installed): it is migrated, and counts what happens."""

import dataclasses
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from cli.dev import embedded
from tests.support.client import Client
from tests.support.factories import make_popup, make_shop
from tests.support.stack import Database, Stack, create_database, grant_rights, open_database, temporary_folder

DEBIAN = sorted(Path("/usr/lib/postgresql").glob("1[4-7]/bin"))


@pytest.fixture(scope="module")
def old(stack: Stack) -> Iterator[Stack]:
    """Yield a stack on a Postgres of Debian's; skip if none is installed."""
    if not DEBIAN:
        pytest.skip("NOT CHECKED: there is no Postgres of Debian's here, 14 to 17")
    with pytest.MonkeyPatch.context() as patch, temporary_folder() as folder:
        patch.setattr(embedded, "postgres_programs", lambda account: DEBIAN[0])
        patch.setattr(embedded, "LOCALE", ["--encoding=UTF8", "--locale=C"])
        with embedded.postgres(folder / "postgres", durable=False) as server:
            other = dataclasses.replace(stack, postgres=server, database_url=create_database(server, "popups"))
            grant_rights(other.database_url)
            yield other
        shutil.rmtree(folder / "postgres", ignore_errors=True)


@pytest.fixture
def old_database(old: Stack) -> Iterator[Database]:
    with open_database(old.database_url) as database:
        yield database


def test_it_is_older_than_what_all_other_tests_run_on(old_database: Database, database: Database) -> None:
    version = "SELECT current_setting('server_version_num')::int AS number"
    assert 140_000 <= old_database.value(version) < database.value(version)


def test_a_shop_runs_on_it(old: Stack, old_database: Database) -> None:
    shop = make_shop(old_database)
    popup_id = make_popup(old_database, shop)
    names = ("get_active_popups", "track_view", "track_conversion", "manage_popups", "stats")
    functions = {name: old.start_function(name, REDIS_URL=None) for name in names}
    shown = Client(functions["get_active_popups"]).get(f"/?shop_id={shop.id}").json()
    assert [popup["id"] for popup in shown["popups"]] == [popup_id]
    events = [
        {"event_id": str(uuid.uuid4()), "popup_id": popup_id, "session_id": f"visit {number}"} for number in (1, 2)
    ]
    for _ in range(2):
        answer = Client(functions["track_view"]).post(json={"events": events})
        assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    click = {"event_id": str(uuid.uuid4()), "popup_id": popup_id, "session_id": "visit 1", "type": "click"}
    assert Client(functions["track_conversion"]).post(json=click).status_code == 201
    merchant = Client(functions["manage_popups"], shop.write_key)
    assert merchant.patch(f"/popups/{popup_id}", {"name": "Another name"}).status_code == 200
    report = requests.get(f"{functions['stats'].url}/popups/{popup_id}", headers=shop.reader, timeout=30).json()
    assert (report["views"], report["unique_viewers"], report["conversions"]) == (2, 2, 1)
