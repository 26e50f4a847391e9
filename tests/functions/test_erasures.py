"""Erasing a person: at once, however much there is; renamed in batches, over any death; nobody else is touched."""

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pg8000.native import to_statement

from cli.batches import limited
from cli.connection import open_connection
from cli.upkeep.retain import retain
from common.config import load
from common.shop.erasures import (
    BATCH_ROWS,
    BATCH_VIEWERS,
    COLLECT_VIEWERS,
    END_ERASURE,
    ERASE_SUBSCRIBER,
    RENAME_EVENTS,
    RENAME_VIEWERS,
    USE_INDEXES,
    rename_batch,
)
from tests.cli.test_deleted_popups import insert_views
from tests.functions.test_subscribers import tables_of
from tests.support.client import Client
from tests.support.factories import Shop, capture, conversion, make_discount_code, make_popup, make_shop, view
from tests.support.stack import Database, FunctionProcess, Stack, create_database, eventually, open_database
from tests.support.tracking import assert_tallies_equal_events, send, tallied

EMAIL = "ann.erased@example.com"
MANY = 12_000

COUNT_VISITORS = "SELECT count(DISTINCT visitor_id) FROM popup_views WHERE shop_id = :id"
COUNT_VISITS = "SELECT count(DISTINCT session_id) FROM popup_views WHERE shop_id = :id"


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[Database]:
    with open_database(create_database(stack.postgres, "erasures")) as opened:
        yield opened


@pytest.fixture(scope="module")
def functions(stack: Stack, database: Database) -> Iterator[dict[str, FunctionProcess]]:
    names = ("track_view", "track_conversion", "manage_popups")
    environ = {"DATABASE_URL": database.url, "REDIS_URL": None, "DB_STATEMENT_TIMEOUT": "2000"}
    started = {name: stack.start_function(name, **environ) for name in names}
    yield started
    for function in started.values():
        function.stop()


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


@pytest.fixture
def merchant(functions: dict[str, FunctionProcess], shop: Shop) -> Client:
    return Client(functions["manage_popups"], shop.write_key)


@pytest.fixture
def ann() -> dict[str, str]:
    return {"visitor_id": f"visitor-{uuid.uuid4()}", "session_id": f"visit-{uuid.uuid4()}"}


def subscribe(functions: dict[str, FunctionProcess], popup_id: str, **who: Any) -> None:
    assert send(functions["track_conversion"], capture(popup_id, EMAIL, metadata={"n": "Ann"}, **who)).ok


def erase(merchant: Client) -> str:
    """Erase the shop's only subscriber and return the id that the person had."""
    (person,) = merchant.get(f"/subscribers?email={EMAIL}").json()["subscribers"]
    assert merchant.delete(f"/subscribers/{person['id']}").status_code == 204
    return str(person["id"])


def traces(database: Database, shop: Shop, *words: str) -> list[tuple[str, str]]:
    """In which tables of the shop which of the words stand."""
    return [
        (table, word)
        for table in tables_of(database)
        for word in words
        if database(
            f"SELECT FROM {table} AS t WHERE shop_id = :shop AND t::text LIKE :word", shop=shop.id, word=f"%{word}%"
        )
    ]


@contextmanager
def viewers_held(database: Database, shop: Shop) -> Iterator[None]:
    """Keep a view under way for the block, so that no erasure ends."""
    with open_database(database.url) as writer:
        writer("BEGIN")
        writer("SELECT pg_advisory_xact_lock_shared(1986618743, hashtext(:shop_id))", shop_id=shop.id)
        yield
        writer("COMMIT")


def run_retain(database: Database) -> list[str]:
    said: list[str] = []
    with open_connection(load({"DATABASE_URL": database.url})) as connection:
        retain(connection, 36500, say=said.append)
    return said


def fill(database: Database, shop: Shop, popup_id: str, count: int, **names: str | None) -> None:
    """Insert views without tallying them; a name that is None is another one in each."""
    database(
        "INSERT INTO popup_views (event_id, shop_id, popup_id, visitor_id, session_id, page_url)"
        " SELECT new_event_id(now()), :shop, :popup, :visitor, coalesce(:session, gen_random_uuid()::text),"
        " 'https://shop.example/ann'"
        " FROM generate_series(1, :count::integer)",
        shop=shop.id,
        popup=popup_id,
        visitor=names.get("visitor_id"),
        session=names.get("session_id"),
        count=count,
    )


class TestTheRestFollows:
    """More to rename than the answer waits for, or the database lets it."""

    def test_the_person_is_gone_with_the_answer_and_the_rest_with_the_next_retain(
        self,
        functions: dict[str, FunctionProcess],
        merchant: Client,
        database: Database,
        shop: Shop,
        popup_id: str,
        ann: dict[str, str],
    ) -> None:
        fill(database, shop, popup_id, MANY, **ann)
        fill(database, shop, popup_id, 2_000, visitor_id=ann["visitor_id"])
        subscribe(functions, popup_id, **ann)
        before = tallied(database, shop.id)
        with viewers_held(database, shop):
            person = erase(merchant)
        assert traces(database, shop, EMAIL) == []
        assert merchant.get(f"/subscribers/{person}").status_code == 404
        assert merchant.delete(f"/subscribers/{person}").status_code == 404
        assert "renamed what 1 erased persons did" in run_retain(database)
        assert traces(database, shop, EMAIL, person, "Ann", "/ann", *ann.values()) == []
        assert database.value("SELECT count(*) FROM popup_views WHERE shop_id = :id", id=shop.id) == MANY + 2_000
        assert database.value(COUNT_VISITORS, id=shop.id) == 1
        assert tallied(database, shop.id) == before

    def test_a_capture_of_the_address_by_thousands_keeps_nobody_from_erasing_it(
        self, functions: dict[str, FunctionProcess], merchant: Client, database: Database, shop: Shop, popup_id: str
    ) -> None:
        subscribe(functions, popup_id)
        (person,) = merchant.get(f"/subscribers?email={EMAIL}").json()["subscribers"]
        database(
            "INSERT INTO popup_conversions (event_id, shop_id, popup_id, session_id, visitor_id, type, subscriber_id)"
            " SELECT new_event_id(now()), :shop, :popup, 'visit-' || number, 'visitor-' || number, 'email_capture', :id"
            " FROM generate_series(1, 3000) AS number",
            shop=shop.id,
            popup=popup_id,
            id=person["id"],
        )
        database(
            "INSERT INTO email_consents (shop_id, subscriber_id, id, type, consent_text, popup_id, popup_version)"
            " SELECT :shop, :id, gen_random_uuid(), 'given', 'I agree', :popup, 1 FROM generate_series(1, 12000)",
            shop=shop.id,
            popup=popup_id,
            id=person["id"],
        )
        erase(merchant)
        run_retain(database)
        assert traces(database, shop, person["id"], "visit-2999", "visitor-2999", "I agree") == []

    def test_it_goes_on_after_a_death(
        self,
        functions: dict[str, FunctionProcess],
        merchant: Client,
        database: Database,
        shop: Shop,
        popup_id: str,
        ann: dict[str, str],
    ) -> None:
        fill(database, shop, popup_id, MANY, **ann)
        subscribe(functions, popup_id, **ann)
        (person,) = merchant.get(f"/subscribers?email={EMAIL}").json()["subscribers"]
        code = (
            "import sys, uuid; from cli.connection import open_connection; from cli.batches import limited\n"
            "from common.shop.erasures import rename_batch\n"
            "from common.shop.erasures import ERASE_SUBSCRIBER\n"
            "with open_connection() as raw, limited(raw) as connection:\n"
            "    connection.fetch_one(ERASE_SUBSCRIBER, shop_id=sys.argv[1], id=sys.argv[2])\n"
            "    while not rename_batch(connection, sys.argv[1], uuid.UUID(sys.argv[2])): pass"
        )
        eraser = subprocess.Popen(
            [sys.executable, "-c", code, shop.id, person["id"]], env=os.environ | {"DATABASE_URL": database.url}
        )
        left = lambda: database.value("SELECT count(*) FROM popup_views WHERE visitor_id = :id", id=ann["visitor_id"])  # noqa: E731
        eventually(lambda: left() < MANY, seconds=20)
        eraser.kill()
        eraser.wait()
        assert left() > 0
        run_retain(database)
        assert traces(database, shop, EMAIL, person["id"], *ann.values()) == []
        assert database.value(COUNT_VISITORS, id=shop.id) == 1

    def test_two_who_rename_at_once_give_one_name(
        self,
        functions: dict[str, FunctionProcess],
        merchant: Client,
        database: Database,
        shop: Shop,
        popup_id: str,
        ann: dict[str, str],
    ) -> None:
        fill(database, shop, popup_id, MANY, **ann)
        subscribe(functions, popup_id, **ann)
        with viewers_held(database, shop):
            person = uuid.UUID(erase(merchant))

        def rename() -> None:
            with open_connection(load({"DATABASE_URL": database.url})) as raw, limited(raw) as connection:
                while database_has_erasure(raw) and not rename_batch(connection, shop.id, person):
                    pass

        def database_has_erasure(raw: Any) -> bool:
            return bool(raw.execute_simple(f"SELECT 1 FROM erasures WHERE subscriber_id = '{person}'").rows)

        threads = [threading.Thread(target=rename) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        assert traces(database, shop, str(person), *ann.values()) == []
        assert [database.value(count, id=shop.id) for count in (COUNT_VISITORS, COUNT_VISITS)] == [1, 1]

    def test_a_view_under_way_is_counted_under_one_name_or_anew(
        self,
        functions: dict[str, FunctionProcess],
        merchant: Client,
        database: Database,
        shop: Shop,
        popup_id: str,
        ann: dict[str, str],
    ) -> None:
        send(functions["track_view"], view(popup_id, **ann))
        subscribe(functions, popup_id, **ann)
        with open_database(database.url) as writer:
            writer("BEGIN")
            insert_views(writer, view(popup_id, **ann))
            erasing = threading.Thread(target=erase, args=[merchant])
            erasing.start()
            eventually(lambda: database("SELECT FROM pg_stat_activity WHERE wait_event = 'advisory'"))
            writer("COMMIT")
            erasing.join(30)
        assert traces(database, shop, EMAIL, *ann.values()) == []
        assert database.value("SELECT count(*) FROM viewers_of_popups WHERE shop_id = :id", id=shop.id) == 1
        assert_tallies_equal_events(database, shop.id)
        send(functions["track_view"], view(popup_id, **ann))  # whoever comes back is somebody new
        assert database.value("SELECT count(*) FROM viewers_of_popups WHERE shop_id = :id", id=shop.id) == 2
        assert_tallies_equal_events(database, shop.id)


class TestOthers:
    def test_who_shares_the_session_keeps_name_and_data(
        self,
        functions: dict[str, FunctionProcess],
        merchant: Client,
        database: Database,
        shop: Shop,
        popup_id: str,
        ann: dict[str, str],
    ) -> None:
        bob = {"visitor_id": f"visitor-{uuid.uuid4()}", "session_id": ann["session_id"]}
        assert send(functions["track_conversion"], conversion(popup_id, metadata={"n": "Bob"}, **bob)).ok
        assert send(functions["track_view"], view(popup_id, page_url="https://x.example/", **bob)).ok
        send(functions["track_view"], view(popup_id, **ann))
        subscribe(functions, popup_id, **ann)
        before = tallied(database, shop.id)
        erase(merchant)
        for kept, table in (({"metadata": {"n": "Bob"}}, "conversions"), ({"page_url": "https://x.example/"}, "views")):
            columns = ", ".join(["session_id", *kept])
            rows = database(f"SELECT {columns} FROM popup_{table} WHERE visitor_id = :id", id=bob["visitor_id"])
            assert rows == [{"session_id": bob["session_id"], **kept}]
        assert traces(database, shop, ann["visitor_id"]) == []
        assert tallied(database, shop.id) == before
        assert_tallies_equal_events(database, shop.id)

    def test_by_session_where_there_is_no_visitor_id(
        self, functions: dict[str, FunctionProcess], merchant: Client, database: Database, shop: Shop
    ) -> None:
        pool = make_discount_code(database, shop, codes=[f"POOL-{uuid.uuid4()}" for _ in range(3)])
        popup_id = make_popup(database, shop, offer={"type": "discount", "discount_code_id": pool})
        nameless = {"session_id": f"visit-{uuid.uuid4()}"}
        bob = {"visitor_id": f"visitor-{uuid.uuid4()}", **nameless}
        for who in (nameless, bob):
            send(functions["track_view"], view(popup_id, **who))
            assert send(functions["track_conversion"], conversion(popup_id, **who)).json()["discount_code"]
        subscribe(functions, popup_id, **nameless)
        before = tallied(database, shop.id)
        erase(merchant)
        views = database("SELECT visitor_id, session_id FROM popup_views WHERE shop_id = :id", id=shop.id)
        assert bob in views
        assert {"visitor_id": None, **nameless} not in views
        codes = database("SELECT claimed_by FROM single_use_codes WHERE shop_id = :id", id=shop.id)
        claims = {row["claimed_by"] for row in codes}
        assert f"viewer:{bob['visitor_id']}" in claims
        assert f"viewer:{nameless['session_id']}" not in claims
        assert tallied(database, shop.id) == before
        assert_tallies_equal_events(database, shop.id)

    def test_events_without_a_visitor_id_in_the_persons_visits_are_theirs(
        self,
        functions: dict[str, FunctionProcess],
        merchant: Client,
        database: Database,
        shop: Shop,
        popup_id: str,
        ann: dict[str, str],
    ) -> None:
        later = {**ann, "session_id": f"visit-{uuid.uuid4()}"}
        for who in (later, {"session_id": later["session_id"]}, {"session_id": ann["session_id"]}):
            send(functions["track_view"], view(popup_id, page_url="https://shop.example/ann", **who))
        subscribe(functions, popup_id, **ann)
        before = tallied(database, shop.id)
        erase(merchant)
        assert traces(database, shop, "/ann", later["session_id"], *ann.values()) == []
        assert tallied(database, shop.id) == before
        assert_tallies_equal_events(database, shop.id)

    def test_another_shop_that_knows_the_same_visitor_keeps_what_it_has(
        self,
        functions: dict[str, FunctionProcess],
        merchant: Client,
        database: Database,
        shop: Shop,
        popup_id: str,
        ann: dict[str, str],
    ) -> None:
        elsewhere = make_shop(database)
        send(functions["track_view"], view(make_popup(database, elsewhere), **ann))
        subscribe(functions, popup_id, **ann)
        erase(merchant)
        (kept,) = database("SELECT visitor_id, session_id FROM popup_views WHERE shop_id = :id", id=elsewhere.id)
        assert kept == ann


@pytest.mark.parametrize("crowd", ["in the same session", "in another shop"])
@pytest.mark.parametrize("plan", ["generic", "custom"])
def test_a_crowd_of_others_is_not_read(
    functions: dict[str, FunctionProcess],
    merchant: Client,
    database: Database,
    shop: Shop,
    popup_id: str,
    ann: dict[str, str],
    crowd: str,
    plan: str,
) -> None:
    """However many events somebody makes up, none of them makes an erasure longer."""
    if crowd == "in another shop":
        elsewhere = make_shop(database)
        fill(database, elsewhere, make_popup(database, elsewhere), MANY, **ann)
    else:
        fill(database, shop, popup_id, MANY, session_id=ann["session_id"], visitor_id="somebody else")
    database("VACUUM ANALYZE popup_views")
    subscribe(functions, popup_id, **ann)
    (person,) = merchant.get(f"/subscribers?email={EMAIL}").json()["subscribers"]
    given = {"shop_id": shop.id, "id": person["id"], "subscriber_id": person["id"]}
    with open_database(database.url) as own:
        own(f"SET plan_cache_mode = force_{plan}_plan")
        assert views_read(own, ERASE_SUBSCRIBER, **given) == 0
        own(USE_INDEXES.replace("true", "false"))
        # Statistics may make a join of the names with all views look cheap: no statement may offer one.
        own("SET enable_nestloop = off")
        for sql in (COLLECT_VIEWERS, RENAME_EVENTS, RENAME_VIEWERS, END_ERASURE):
            assert views_read(own, sql, **given, batch_rows=BATCH_ROWS, batch_viewers=BATCH_VIEWERS) == 0
    assert database("SELECT FROM erasures WHERE shop_id = :id", id=shop.id) == []


def views_read(database: Database, sql: str, **given: Any) -> int:
    """How many views a statement has looked at, those that it left out included."""
    statement, in_order = to_statement(sql)
    name = f"explained_{uuid.uuid4().hex}"
    database(f"PREPARE {name} AS {statement}")
    values = ", ".join(f"'{value}'" for value in in_order(given))
    (explained,) = database.value(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {name} ({values})")
    return rows_in(explained["Plan"])


def rows_in(plan: dict[str, Any]) -> int:
    own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    below = sum(rows_in(inner) for inner in plan.get("Plans", ()))
    return below + int(own) * plan.get("Relation Name", "").startswith("popup_views")
