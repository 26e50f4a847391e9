"""Two releases on one database, as during a deployment and after a rollback.

The promise (CONTRIBUTING, "a migration"): every deployment migrates first, so the previous release must work on the
newest schema and data. The newest release need not work on an older schema, but must say what is missing.
"""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError

from cli.schema.migrate import SQL_FOLDER, migrate
from cli.upkeep.recount import recount
from common.json_text import dumps
from openapi.examples import EXAMPLES
from tests.support.client import Client
from tests.support.everything import DISCOUNT_CODE, POPUP, SHOP
from tests.support.factories import (
    Shop,
    capture,
    conversion,
    make_key,
    make_shop,
    purchase,
    view,
)
from tests.support.previous import COMMIT, SKIPPED, Release, failures, is_known_to_git, previous_release
from tests.support.stack import ROOT, Database, FunctionProcess, Stack, create_database, open_database
from tests.support.tracking import assert_tallies_equal_events, send, stored_views

if not is_known_to_git():
    pytest.skip(
        f"{SKIPPED}: its commit is not here. In a shallow clone: git fetch --unshallow", allow_module_level=True
    )

# What the previous release is known to get wrong, by its commit; empty for every later release.
# Release 1.0.0 (f1b9067) refuses to write a popup with fields that it does not know.
KNOWN_FAULTS = {"f1b9067": {"a pause", "an edit", "a copy", "a rollback"}}

OLDER_POPUP: dict[str, Any] = {
    "name": "Of before",
    "status": "active",
    "offer": {"type": "email_capture", "consent_text": "I agree."},
}
POOL: dict[str, Any] = {"type": "percentage", "value": "12.5", "single_use": True}

Functions = dict[str, FunctionProcess]


@pytest.fixture(scope="module")
def before() -> Iterator[Release]:
    with previous_release() as release:
        yield release


@pytest.fixture(scope="module")
def newest() -> Release:
    return Release(ROOT)


@pytest.fixture(scope="module")
def old(before: Release, stack: Stack) -> Iterator[Functions]:
    """Yield the functions of the previous release on the newest schema, beside those of this one."""
    with running(before, stack) as started:
        yield started


@pytest.fixture
def new(request: pytest.FixtureRequest, newest: Release) -> Functions:
    return {name: request.getfixturevalue(name) for name in newest.functions}


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database)


@contextmanager
def running(release: Release, stack: Stack, **env: str) -> Iterator[Functions]:
    started = release.start(stack, **env)
    yield started
    for function in started.values():
        function.stop()


def make_things(database: Database, shop: Shop, functions: Functions, popup: dict[str, Any]) -> dict[str, str]:
    """Create one of everything through these functions. Returns the values of the parameters in the API's paths."""
    merchant = Client(functions["manage_popups"], shop.write_key)
    code = created(merchant, "/discount-codes", {**DISCOUNT_CODE, "code": f"दस-{uuid.uuid4().hex}"})
    pool, spare = (created(merchant, "/discount-codes", POOL) for _ in range(2))
    for each in (pool, spare):
        created(merchant, f"/discount-codes/{each}/codes", {"codes": [f"é-{uuid.uuid4().hex}", uuid.uuid4().hex]})
    offer = {**popup["offer"], "discount_code_id": pool, "when_empty": "fallback", "fallback_discount_code_id": code}
    popup_id = created(merchant, "/popups", {**popup, "offer": offer})
    known = capture(popup_id, f"{uuid.uuid4().hex}@bücher.example", visitor_id="ann", name="Ann")
    captured = send(functions["track_conversion"], known | {"consent": True, "consent_text": offer["consent_text"]})
    assert captured.status_code == 201, captured.text
    make_key(database, shop.id, "read", name="Spare")
    newest_row = "SELECT max(id::text) FROM {} WHERE shop_id = :shop_id"
    return {
        "shop_id": shop.id,
        "popup_id": popup_id,
        "code_id": spare,
        "subscriber_id": str(database.value(newest_row.format("email_subscribers"), shop_id=shop.id)),
        "order_id": EXAMPLES["report_order"]["order_id"],
        "key_id": str(database.value(newest_row.format("api_keys"), shop_id=shop.id)),
    }


def created(merchant: Client, path: str, body: dict[str, Any]) -> str:
    answer = merchant.post(path, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json().get("id"))


# The previous release, on the newest schema and data


def test_previous_release_serves_every_call_that_it_documents_on_data_of_this_release(
    before: Release, old: Functions, new: Functions, database: Database, shop: Shop
) -> None:
    assert Client(new["manage_popups"], shop.write_key).patch("/shop", SHOP | {"allowed_origins": []}).ok
    things = make_things(database, shop, new, POPUP)
    assert failures(before, old, shop.write_key, things) == {}


def test_every_statement_of_the_previous_release_is_valid_after_each_new_migration(
    before: Release, stack: Stack, tmp_path: Path
) -> None:
    """Statements that no call reaches included. A new column may make a name ambiguous, a dropped one be missed."""
    shutil.copytree(before.folder / "sql", tmp_path, dirs_exist_ok=True)
    new = sorted(path for path in SQL_FOLDER.glob("*.sql") if not (tmp_path / path.name).exists())
    invalid: dict[str, dict[str, str]] = {}
    with open_database(create_database(stack.postgres, "stepwise", migrated=False)) as database:
        for path in new:
            shutil.copy(path, tmp_path)
            migrate(database._connection, tmp_path, say=lambda line: None)
            if refused := refused_statements(before, database):
                invalid[path.name] = refused
    assert invalid == {}


def refused_statements(release: Release, database: Database) -> dict[str, str]:
    refused = {}
    for name, sql in release.statements():
        try:
            database.prepare(sql)
        except DatabaseError as error:
            refused[name] = error.args[0]["M"]
    return refused


def test_both_releases_work_while_the_database_is_migrated(before: Release, newest: Release, stack: Stack) -> None:
    """The newest may say that a migration is missing. Neither needs a restart."""
    url = create_database(stack.postgres, "changing", migrated=False)
    with open_database(url) as database:
        migrate(database._connection, before.folder / "sql", say=lambda line: None)
        # In the time zone that the documented PATCH /shop sets: a change would leave earlier events in the days of the
        # former one.
        shop = make_shop(database, with_source=False, time_zone=SHOP["time_zone"])
        with running(before, stack, DATABASE_URL=url) as old, running(newest, stack, DATABASE_URL=url) as new:
            things = [make_things(database, shop, old, OLDER_POPUP) for _ in range(4)]
            assert failures(before, old, shop.write_key, things[0]) == {}
            assert failures(newest, new, shop.write_key, things[1], allowed="database_outdated") == {}
            migrate(database._connection, SQL_FOLDER, say=lambda line: None)
            assert failures(before, old, shop.write_key, things[2]) == {}
            assert failures(newest, new, shop.write_key, things[3]) == {}
        recount(database._connection, shop.id, say=lambda line: None)  # of viewers they do not tell each other
        assert_tallies_equal_events(database, shop.id)


def test_an_event_sent_to_both_releases_counts_once(
    old: Functions, new: Functions, database: Database, shop: Shop
) -> None:
    popup_id = make_things(database, shop, new, POPUP)["popup_id"]
    events = [view(popup_id), view(popup_id, event_id=str(uuid.uuid4())), view(popup_id, variant_id="a")]
    for event in events:
        for functions in (new, old, new):
            assert send(functions["track_view"], event).status_code == 202
    assert stored_views(database, popup_id) == len(events)
    conversions = [conversion(popup_id), purchase(popup_id, "order-1"), capture(popup_id, "bob@example.com")]
    for event in conversions:
        answers = [send(functions["track_conversion"], event) for functions in (new, old, new)]
        assert [answer.status_code for answer in answers] == [201, 200, 200]
        assert answers[0].json() == answers[1].json() == answers[2].json()
    bought_again = send(old["track_conversion"], purchase(popup_id, "order-1"))
    assert (bought_again.status_code, bought_again.json()["conversion_id"]) == (200, conversions[1]["event_id"])
    assert_tallies_equal_events(database, shop.id)
    told, expected = (Client(functions["stats"], shop.read_key).get("/shop").json() for functions in (old, new))
    for name in ("views", "unique_viewers", "conversions", "conversions_by_type", "revenue"):
        assert told[name] == expected[name], name


def test_both_releases_give_a_shopper_the_same_code(
    old: Functions, new: Functions, database: Database, shop: Shop
) -> None:
    popup_id = make_things(database, shop, new, POPUP)["popup_id"]
    codes = {
        send(functions["track_conversion"], capture(popup_id, "Cleo@example.com")).json()["discount_code"]["code"]
        for functions in (new, old, new)
    }
    assert len(codes) == 1


# Fields that the previous release does not know

FIELDS_TO_COME: dict[str, dict[str, Any]] = {
    "trigger": {"to_come": 1},
    "design": {"to_come": {"a": "b"}},
    "frequency": {"to_come": 2},
    "offer": {"to_come": "x"},
}
ACTS: dict[str, tuple[str, str, Any]] = {
    "a pause": ("PATCH", "", {"status": "paused"}),
    "an edit": ("PATCH", "", {"design": {"heading": "Hi"}}),
    "a copy": ("POST", "/duplicate", None),
    "a rollback": ("POST", "/rollback", {"version": 1}),
    "a look": ("GET", "", None),
    "its history": ("GET", "/history", None),
    "an explanation": ("GET", "/explain?url=/products/1", None),
    "its end": ("DELETE", "", None),
}


@pytest.mark.parametrize("act", ACTS)
def test_previous_release_keeps_fields_that_it_does_not_know(
    old: Functions, new: Functions, database: Database, shop: Shop, act: str
) -> None:
    popup_id = created(Client(new["manage_popups"], shop.write_key), "/popups", POPUP)
    for name, more in FIELDS_TO_COME.items():
        added = {"name": name, "more": dumps(more).decode(), "id": popup_id}
        database(f"UPDATE popups SET {name} = {name} || :more WHERE id = :id", more=added["more"], id=popup_id)
        database(
            "UPDATE popup_versions SET popup = jsonb_set(popup, ARRAY[:name], (popup -> :name) || :more)"
            " WHERE popup_id = :id",
            **added,
        )
    method, path, body = ACTS[act]
    answer = Client(old["manage_popups"], shop.write_key)(method, f"/popups/{popup_id}{path}", json=body)
    assert answer.status_code < 500, answer.text
    works = answer.ok and (method == "GET" or not answer.content or has_all(answer.json()))
    assert works == (act not in KNOWN_FAULTS.get(COMMIT[:7], set())), answer.text
    assert Client(old["get_active_popups"]).get(f"/?shop_id={shop.id}").status_code == 200
    assert Client(old["stats"], shop.read_key).get("/shop").status_code == 200


def has_all(popup: dict[str, Any]) -> bool:
    return all(popup[name].items() >= more.items() for name, more in FIELDS_TO_COME.items())
