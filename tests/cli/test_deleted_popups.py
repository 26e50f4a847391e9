"""The viewers of a deleted popup leave a database in use: bounded batches, exact counts, and nobody else waits."""

import random
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pg8000.native import to_statement

from cli.batches import limited
from cli.connection import open_connection
from cli.upkeep.deleted_popups import DELETE_VIEWERS, LOWEST_VIEWER, delete_deleted_popups
from cli.upkeep.recount import recount
from cli.upkeep.retain import retain
from common.config import load
from common.shop.events import as_json_row, as_parameters
from common.shop.viewers_lock import LOCK_VIEWERS, SHARE_VIEWERS
from functions.track_view.queries import INSERT_VIEWS
from functions.track_view.schemas import ViewSchema
from tests.functions.test_query_budget import nodes_of
from tests.promises.test_tallies import let_a_day_pass
from tests.support.factories import Shop, conversion, make_popup, make_shop, view
from tests.support.stack import Database, FunctionProcess, Stack, create_database, eventually, open_database
from tests.support.tracking import assert_tallies_equal_events, send, send_each, statuses

OTHER_SHOPS, OTHER_VIEWERS, VIEWERS, BATCH = 2_000, 100_000, 6_000, 500
# A row's own page and its indexes' in the two tables, of which it leaves one, and the look in the index by viewer.
PAGES_PER_VIEWER = 6

BEFORE_THE_NEXT = "SELECT min(viewer) - 1 FROM viewers_of_popups WHERE popup_id = :id"
HASHED = "SELECT viewer_hash(viewer_salt, :name) FROM shops WHERE id = :id"


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[Database]:
    with open_database(create_database(stack.postgres, "deleted-popups")) as opened:
        yield opened


@pytest.fixture(scope="module")
def track_view(stack: Stack, database: Database) -> Iterator[FunctionProcess]:
    function = stack.start_function("track_view", DATABASE_URL=database.url, REDIS_URL=None)
    yield function
    function.stop()


@pytest.fixture(scope="module")
def track_conversion(stack: Stack, database: Database) -> Iterator[FunctionProcess]:
    function = stack.start_function("track_conversion", DATABASE_URL=database.url, REDIS_URL=None)
    yield function
    function.stop()


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


@pytest.fixture
def other_popup(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


def delete(database: Database, popup_id: str) -> None:
    database("UPDATE popups SET deleted_at = now() - interval '31 days' WHERE id = :id", id=popup_id)


def run_retain(database: Database) -> None:
    with open_connection(load({"DATABASE_URL": database.url})) as connection:
        retain(connection, 36500, say=lambda line: None)


def insert_views(database: Database, *views: dict[str, Any]) -> None:
    """track_view's own statements, in the transaction that the connection is in."""
    rows = [as_json_row(ViewSchema().load(each), origin=None, position=index) for index, each in enumerate(views)]
    database(SHARE_VIEWERS, popup_ids=[row["popup_id"] for row in rows])
    statement, in_order = to_statement(INSERT_VIEWS)
    name = f"insert_{uuid.uuid4().hex}"
    database(f"PREPARE {name} AS {statement}")
    values = (str(value).replace("'", "''") for value in in_order(as_parameters(rows)))
    database(f"EXECUTE {name} ({', '.join(f'{chr(39)}{value}{chr(39)}' for value in values)})")


class TestExactly:
    def test_a_viewer_that_a_view_under_way_has_found_known_is_not_forgotten(
        self, track_view: FunctionProcess, database: Database, shop: Shop, popup_id: str, other_popup: str
    ) -> None:
        send(track_view, view(popup_id, visitor_id="v"))
        delete(database, popup_id)
        with open_database(database.url) as writer:
            writer("BEGIN")
            insert_views(writer, view(other_popup, visitor_id="v"))
            retaining = threading.Thread(target=run_retain, args=[database])
            retaining.start()
            eventually(lambda: database("SELECT FROM pg_stat_activity WHERE wait_event = 'advisory'"))
            writer("COMMIT")
            retaining.join(30)
        assert not retaining.is_alive()
        assert database.value("SELECT count(*) FROM viewers WHERE shop_id = :id", id=shop.id) == 1
        assert_tallies_equal_events(database, shop.id)

    def test_a_viewer_who_comes_back_while_he_is_being_forgotten_counts(
        self, track_view: FunctionProcess, database: Database, shop: Shop, popup_id: str, other_popup: str
    ) -> None:
        send(track_view, view(popup_id, visitor_id="v"))
        delete(database, popup_id)
        with open_connection(load({"DATABASE_URL": database.url})) as connection, limited(connection) as session:
            with session.transaction():
                session.execute(LOCK_VIEWERS, shop_id=shop.id)
                batch = {"shop_id": shop.id, "popup_id": popup_id, "after": LOWEST_VIEWER, "batch_rows": BATCH}
                last = database.value(HASHED, name="v", id=shop.id)
                assert session.fetch_all(DELETE_VIEWERS, **batch) == [{"last": last}]
                sending = threading.Thread(target=send, args=[track_view, view(other_popup, visitor_id="v")])
                sending.start()
                eventually(lambda: database("SELECT FROM pg_stat_activity WHERE wait_event = 'advisory'"))
            sending.join(30)
            delete_deleted_popups(session, datetime.now(UTC), lambda line: None)
        assert database.value("SELECT sum(viewers) FROM daily_shop_viewers WHERE shop_id = :id", id=shop.id) == 1
        assert_tallies_equal_events(database, shop.id)

    def test_everybody_counts_once_while_popups_are_deleted_one_after_the_other(
        self, track_view: FunctionProcess, database: Database, shop: Shop
    ) -> None:
        popups = [make_popup(database, shop) for _ in range(6)]
        shoppers = [f"v{number}" for number in range(300)]
        for popup_id in popups:
            seen = [view(popup_id, visitor_id=shopper) for shopper in random.sample(shoppers, 100)]
            assert statuses(send_each([(track_view, {"events": seen[:50]}), (track_view, {"events": seen[50:]})])) == {
                202: 2
            }
        stop = threading.Event()

        def send_on() -> None:
            while not stop.is_set():
                events = [view(popups[-1], visitor_id=random.choice(shoppers)) for _ in range(5)]
                assert send(track_view, {"events": events}).status_code == 202

        senders = [threading.Thread(target=send_on) for _ in range(3)]
        for sender in senders:
            sender.start()
        for popup_id in popups[:-1]:
            delete(database, popup_id)
            run_retain(database)
        stop.set()
        for sender in senders:
            sender.join()
        assert_tallies_equal_events(database, shop.id)

    @pytest.mark.parametrize("seed", range(4))
    def test_what_the_other_popups_saw_and_did_stays(
        self, track_view: FunctionProcess, track_conversion: FunctionProcess, database: Database, shop: Shop, seed: int
    ) -> None:
        """Whichever popup is seen first, on one day or on several, with conversions before and after, and holdouts."""
        chance = random.Random(seed)
        popups = [make_popup(database, shop, holdout_percent=10) for _ in range(3)]
        for _ in range(80):
            who = {"visitor_id": f"v{chance.randrange(12)}", "device_type": chance.choice(["mobile", "desktop"])}
            variant = "holdout" if chance.random() < 0.1 else None
            popup_id = chance.choice(popups)
            if chance.random() < 0.6:
                assert send(track_view, view(popup_id, variant_id=variant, **who)).ok
            else:
                assert send(track_conversion, conversion(popup_id, variant_id=variant, **who)).ok
            if chance.random() < 0.05:
                let_a_day_pass(database, shop.id)
        for form in ("is_first", "NOT is_first AND NOT is_holdout"):
            assert database(f"SELECT FROM viewers_of_popups WHERE popup_id = :id AND {form}", id=popups[0])
        for gone in (1, 2):
            kept = known(database, popups[gone:])
            delete(database, popups[gone - 1])
            run_retain(database)
            assert known(database, popups) == kept
            assert_tallies_equal_events(database, shop.id)
            with open_connection(load({"DATABASE_URL": database.url})) as connection:
                assert recount(connection, shop.id, say=lambda line: None) == 0


def known(database: Database, popups: list[str]) -> list[dict[str, Any]]:
    columns = "popup_id, viewer, is_holdout, first_day, variant_id, device_type, last_day, did"
    return database(
        f"SELECT {columns} FROM viewers_of_popups WHERE popup_id = ANY (:popups::uuid[]) ORDER BY {columns}",
        popups=popups,
    )


class TestBesideOthers:
    def test_a_transaction_of_another_shop_keeps_it_from_nothing(
        self, track_view: FunctionProcess, database: Database, shop: Shop, popup_id: str
    ) -> None:
        elsewhere = make_popup(database, make_shop(database))
        send(track_view, view(popup_id))
        delete(database, popup_id)
        with open_database(database.url) as writer:
            writer("BEGIN")
            insert_views(writer, view(elsewhere))
            run_retain(database)
            writer("ROLLBACK")
        assert database.value("SELECT count(*) FROM viewers_of_popups WHERE shop_id = :id", id=shop.id) == 0

    def test_each_batch_reads_its_own_viewers_and_no_others_also_with_a_plan_for_all(
        self, database: Database, shop: Shop, popup_id: str, other_popup: str
    ) -> None:
        """After five runs of a statement Postgres may plan it for any values."""
        fill(database, shop, popup_id, other_popup)
        statement, in_order = to_statement(DELETE_VIEWERS)
        database(f"PREPARE batch AS {statement}")
        read = []
        while (after := database.value(BEFORE_THE_NEXT, id=popup_id)) is not None:
            given = {"shop_id": shop.id, "popup_id": popup_id, "after": after, "batch_rows": BATCH}
            values = ", ".join(f"'{value}'" for value in in_order(given))
            (explained,) = database.value(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE batch ({values})")
            assert not [node for node in nodes_of(explained["Plan"]) if node.startswith("Seq Scan")]
            read.append(explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"])
        assert database.value("SELECT count(*) FROM viewers_of_popups WHERE popup_id = :id", id=popup_id) == 0
        assert max(read) < PAGES_PER_VIEWER * BATCH, read


def fill(database: Database, shop: Shop, popup_id: str, other_popup: str) -> None:
    """Viewers of the popup, which half have seen first, and a third the other one, too, among those of many shops."""
    new = "current_date, current_date, current_date, 0, 0, ''"
    rest = "first_day, last_day, previous_day, did, newly, device_type)"
    of_shop = f"INSERT INTO viewers (shop_id, viewer, {rest} SELECT shop_id, viewer, {new}"
    of_popup = f"INSERT INTO viewers_by_popup (shop_id, viewer, popup_id, is_holdout, variant_id, {rest}"
    database(
        f"{of_shop} FROM (SELECT 'other-' || number % :shops AS shop_id, number AS viewer"
        " FROM generate_series(1, :viewers::integer) AS number) AS other",
        shops=OTHER_SHOPS,
        viewers=OTHER_VIEWERS,
    )
    database(
        f"{of_popup} SELECT shop_id, viewer, md5(shop_id)::uuid, false, '', {new}"
        " FROM viewers WHERE shop_id LIKE 'other-%'"
    )
    for popup, every in ((popup_id, 1), (other_popup, 3)):
        database(
            f"{of_popup} SELECT :shop_id, number, :popup_id::uuid, false, '', {new}"
            " FROM generate_series(1, :viewers::integer, :every::integer) AS number",
            shop_id=shop.id,
            popup_id=popup,
            viewers=VIEWERS,
            every=every,
        )
    database(f"{of_shop} FROM viewers_by_popup WHERE popup_id = :id", id=popup_id)
    database(
        "WITH first AS (DELETE FROM viewers_by_popup WHERE popup_id = :id AND viewer % 2 = 0 RETURNING shop_id, viewer)"
        " UPDATE viewers SET popup_id = :id, popup_last_day = last_day FROM first"
        " WHERE (viewers.shop_id, viewers.viewer) = (first.shop_id, first.viewer)",
        id=popup_id,
    )
    database("ANALYZE")
