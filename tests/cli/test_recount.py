"""`popups recount`: every tally is what the events say, beside traffic, and a second run changes none."""

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from cli.connection import open_connection
from cli.main import popups as command
from cli.upkeep.recount import recount
from common.config import load
from tests.support.client import Client
from tests.support.everything import POPUP
from tests.support.factories import Shop, capture, conversion, make_discount_code, make_popup, make_shop, purchase, view
from tests.support.previous import SKIPPED, Release, is_known_to_git, previous_release
from tests.support.stack import Database, FunctionProcess, Stack, create_database, open_database
from tests.support.tracking import assert_tallies_equal_events, send, tallied

TALLIES = {
    "daily_views": "views = views + 3, viewers = viewers + 2",
    "daily_conversions": "conversions = conversions + 1, revenue = revenue + 5",
    "daily_shop_viewers": "viewers = viewers * 2",
    "daily_converters": "converters = converters + 1",
    "daily_returns": "viewers = viewers + 4",
}
Functions = dict[str, FunctionProcess]


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[Database]:
    with open_database(create_database(stack.postgres, "recounted")) as opened:
        yield opened


@pytest.fixture(scope="module")
def functions(stack: Stack, database: Database) -> Iterator[Functions]:
    environ = {"DATABASE_URL": database.url, "REDIS_URL": None}
    started = {name: stack.start_function(name, **environ) for name in ("track_view", "track_conversion")}
    yield started
    for function in started.values():
        function.stop()


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database, time_zone="America/New_York")


def run(database: Database, shop: Shop | None = None) -> int:
    with open_connection(load({"DATABASE_URL": database.url})) as connection:
        return recount(connection, shop.id if shop else None, say=lambda line: None)


def fill(database: Database, shop: Shop, functions: Functions) -> list[str]:
    """Viewers of two popups on three days, who convert on some of them, before and after they are seen."""
    popups = [make_popup(database, shop, variants=[{"id": "a"}, {"id": "b"}], holdout_percent=10) for _ in range(2)]
    for day in range(3):
        for number in range(8):
            who = {"visitor_id": f"v{number}", "variant_id": "ab"[number % 2], "device_type": "mobile"}
            popup_id = popups[(day + number) % 2]
            if number % 3 == day % 3:
                assert send(functions["track_conversion"], conversion(popup_id, **who)).ok
            if number >= day:
                assert send(functions["track_view"], view(popup_id, **who)).ok
            if number % 4 == day:
                assert send(functions["track_conversion"], capture(popup_id, f"{uuid.uuid4()}@x.example", **who)).ok
        assert send(functions["track_view"], view(popups[0], visitor_id="v1", variant_id="holdout")).ok
        let_a_day_pass(database, shop)
    return popups


def let_a_day_pass(database: Database, shop: Shop) -> None:
    """Make the shop's events and what is tallied of them a day older."""
    for table, at in {"popup_views": "viewed_at", "popup_conversions": "converted_at"}.items():
        database(f"UPDATE {table} SET {at} = {at} - interval '1 day' WHERE shop_id = :id", id=shop.id)
    for table in (*TALLIES, "viewers", "viewers_by_popup"):
        days = ["first_day", "last_day", "previous_day"] if table.startswith("viewers") else ["day"]
        days += ["previous_day"] if table == "daily_returns" else []
        days += ["popup_last_day", "popup_previous_day"] if table == "viewers" else []
        for step in (-1000, 999):  # in two steps: a day must not meet the one before it
            moved = ", ".join(f"{day} = {day} + ({step})" for day in days)
            database(f"UPDATE {table} SET {moved} WHERE shop_id = :id", id=shop.id)


def rows(database: Database, shop: Shop) -> dict[str, list[Any]]:
    """All tallies that are not 0, by group."""
    return {
        table: sorted(
            row["row"] for row in database(f"SELECT t::text AS row FROM {table} AS t WHERE shop_id = :id", id=shop.id)
        )
        for table in TALLIES
    }


class TestRecount:
    def test_what_was_tallied_right_stays(self, functions: Functions, database: Database, shop: Shop) -> None:
        fill(database, shop, functions)
        assert_tallies_equal_events(database, shop.id)
        before = rows(database, shop)
        assert run(database, shop) == 0
        assert rows(database, shop) == before

    @pytest.mark.parametrize("table", TALLIES)
    @pytest.mark.parametrize("damage", ["wrong", "gone"])
    def test_a_tally_becomes_what_the_events_say(
        self, functions: Functions, database: Database, shop: Shop, table: str, damage: str
    ) -> None:
        fill(database, shop, functions)
        before = rows(database, shop)
        if damage == "gone":
            database(f"DELETE FROM {table} WHERE shop_id = :id", id=shop.id)
        else:
            database(f"UPDATE {table} SET {TALLIES[table]} WHERE shop_id = :id", id=shop.id)
        assert run(database, shop) > 0
        assert rows(database, shop) == before
        assert run(database, shop) == 0

    def test_viewers_are_found_again_in_the_events(self, functions: Functions, database: Database, shop: Shop) -> None:
        fill(database, shop, functions)
        before = rows(database, shop)
        columns = "viewer, popup_id, is_holdout, first_day, last_day, did, variant_id, device_type"
        found = f"SELECT {columns} FROM viewers_of_popups WHERE shop_id = :id ORDER BY {columns}"
        viewers = database(found, id=shop.id)
        for table in ("viewers", "viewers_by_popup", *TALLIES):
            database(f"DELETE FROM {table} WHERE shop_id = :id", id=shop.id)
        run(database, shop)
        assert rows(database, shop) == before
        assert [row for row in database(found, id=shop.id) if row["first_day"]] == [
            row for row in viewers if row["first_day"]
        ]

    def test_rows_of_viewers_that_are_right_are_left_as_they_are(
        self, functions: Functions, database: Database, shop: Shop
    ) -> None:
        popups = [make_popup(database, shop) for _ in range(2)]
        for number in range(6):
            who = [{"visitor_id": f"v{each}", "device_type": "mobile"} for each in (number, number // 2)]
            assert send(functions["track_view"], view(popups[number % 2], **who[0])).ok
            assert send(functions["track_conversion"], conversion(popups[0], **who[1])).ok
            assert send(functions["track_view"], view(popups[0], **who[1])).ok
        found = "SELECT * FROM viewers_of_popups WHERE shop_id = :id ORDER BY viewer, popup_id"
        before = database(found, id=shop.id)
        assert {row["is_first"] for row in before} == {True, False}
        assert run(database, shop) == 0
        assert database(found, id=shop.id) == before

    def test_another_shop_is_left_alone(self, functions: Functions, database: Database, shop: Shop) -> None:
        fill(database, shop, functions)
        database("UPDATE daily_views SET views = 99 WHERE shop_id = :id", id=shop.id)
        run(database, make_shop(database))
        assert database.value("SELECT min(views) FROM daily_views WHERE shop_id = :id", id=shop.id) == 99
        run(database)
        assert_tallies_equal_events(database, shop.id)

    def test_pools_have_left_what_their_codes_say(self, database: Database, shop: Shop) -> None:
        pool = make_discount_code(database, shop, codes=["A", "B", "C", "D"])
        database("UPDATE single_use_codes SET claimed_by = 'x' WHERE code = 'A' AND shop_id = :id", id=shop.id)
        database("UPDATE single_use_codes SET used_at = now() WHERE code IN ('A', 'B') AND shop_id = :id", id=shop.id)
        database(
            "INSERT INTO discount_code_tallies (shop_id, discount_code_id) VALUES (:id, :pool)", id=shop.id, pool=pool
        )
        assert run(database, shop) == 1
        counted = "codes, claimed, uses, used_unclaimed, left_in_pool"
        (tally,) = database(f"SELECT {counted} FROM discount_code_tallies WHERE shop_id = :id", id=shop.id)
        assert tuple(tally.values()) == (4, 1, 2, 1, 2)

    def test_traffic_beside_it_is_counted_once(self, functions: Functions, database: Database, shop: Shop) -> None:
        popups = fill(database, shop, functions)
        stop = threading.Event()

        def send_on(number: int) -> None:
            for count in range(100_000):
                if stop.is_set():
                    return
                who = {"visitor_id": f"v{(count * 7 + number) % 40}"}
                assert send(functions["track_view"], view(popups[count % 2], **who)).ok
                assert send(functions["track_conversion"], conversion(popups[count % 2], **who)).ok

        senders = [threading.Thread(target=send_on, args=[number]) for number in range(3)]
        for sender in senders:
            sender.start()
        for damaged in ("daily_views", "daily_converters", "daily_shop_viewers"):
            database(f"UPDATE {damaged} SET {TALLIES[damaged]} WHERE shop_id = :id", id=shop.id)
            run(database, shop)
        stop.set()
        for sender in senders:
            sender.join()
        assert_tallies_equal_events(database, shop.id)
        assert run(database, shop) == 0


@pytest.mark.skipif(not is_known_to_git(), reason=SKIPPED)
def test_what_functions_of_before_tallied_beside_these_is_mended(
    functions: Functions, database: Database, shop: Shop, stack: Stack
) -> None:
    """Between a migration and the deployment, and after a rollback."""
    with previous_release() as before:
        old = start(before, stack, database)
        popups = [make_popup(database, shop, **POPUP) for _ in range(2)]
        for release in (old, functions, old, functions):
            for number in range(6):
                who = {"visitor_id": f"v{number}", "device_type": "mobile" if release is old else "tablet"}
                assert send(release["track_view"], view(popups[number % 2], **who)).ok
                assert send(release["track_conversion"], conversion(popups[0], **who)).ok
            let_a_day_pass(database, shop)
        for function in old.values():
            function.stop()
    assert run(database, shop) > 0
    assert_tallies_equal_events(database, shop.id)
    first = "SELECT count(*) FROM viewers WHERE shop_id = :id AND device_type = 'mobile'"
    assert database.value(first, id=shop.id) == tallied(database, shop.id)["shop_viewers"]


# Times of the shop's, which all become older together.
TIMES = {
    "popup_views": ["viewed_at"],
    "popup_conversions": ["converted_at"],
    "popup_signals": ["signalled_at"],
    "popup_versions": ["changed_at"],
    "stretch_viewers": ["met_at"],
    "experiment_stretches": ["viewed_at", "exposed_at", "ended_at"],
    "orders": ["ordered_at", "received_at", "reported_at"],
    "viewers_by_popup": ["first_seen_at"],
    "viewers": ["first_seen_at"],
}


def let_a_minute_pass(database: Database, *shops: Shop) -> None:
    for table, columns in TIMES.items():
        older = ", ".join(f"{column} = {column} - interval '1 minute'" for column in columns)
        for shop in shops:
            database(f"UPDATE {table} SET {older} WHERE shop_id = :id", id=shop.id)


def compared(database: Database, shop: Shop) -> list[Any]:
    """Return the shop's viewers of experiments and its buyers; popups by the order in which they were made."""
    sums = (
        "viewers, in_two, clicked, captured, used_code, bought, left_out, paid, paid_squares, capped, capped_squares,"
        " capped_cubes"
    )
    stretches = database(
        f"SELECT dense_rank() OVER (ORDER BY popup_id) AS popup, stretch, variant_id, met_by, {sums}"
        f" FROM stretch_tallies WHERE shop_id = :id AND viewers <> 0 ORDER BY 1, 2, 3, 4",
        id=shop.id,
    )
    buyers = database(
        "SELECT dense_rank() OVER (ORDER BY popup_id) AS popup, variant_id, device_type, converters"
        " FROM daily_converters WHERE shop_id = :id AND type = 'purchase' AND converters <> 0 ORDER BY 1, 2, 3",
        id=shop.id,
    )
    return [*stretches, *buyers]


@pytest.mark.skipif(not is_known_to_git(), reason=SKIPPED)
def test_experiments_and_orders_are_after_a_recount_as_if_functions_of_before_had_not_been_there(
    functions: Functions, database: Database, stack: Stack
) -> None:
    """The same shoppers in two shops, one of which functions of both releases serve in turns."""
    environ = {"DATABASE_URL": database.url, "REDIS_URL": None}
    manage_popups = stack.start_function("manage_popups", **environ)
    mixed, plain = make_shop(database), make_shop(database)
    merchants = {shop: Client(manage_popups, shop.write_key) for shop in (mixed, plain)}
    split = {**POPUP, "variants": [{"id": "a"}, {"id": "b"}], "holdout_percent": 10}
    popups = {shop: [made(merchant, split) for _ in range(2)] for shop, merchant in merchants.items()}

    def shop_around(old: Functions, turn: int, *, exposes: bool) -> None:
        for number in range(9):
            visitor = {"visitor_id": f"v{number}", "variant_id": ("a", "b", "holdout")[number % 3]}
            visitor["device_type"] = "mobile"
            for shop, of_shop in popups.items():
                release = old if shop is mixed and (turn + number) % 2 else functions
                popup_id = of_shop[number % 2]
                if exposes:
                    assert send(functions["track_view"], {"exposures": [view(popup_id, **visitor)]}).ok
                if number % 4 != turn % 4:
                    assert send(release["track_view"], view(popup_id, **visitor)).ok
                if number % 5 == turn:
                    assert send(release["track_conversion"], conversion(popup_id, **visitor)).ok
                if number % 4 == turn:
                    bought = purchase(of_shop[0], f"{turn} {number}", f"{number + 1}.50", **visitor)
                    assert send(release["track_conversion"], bought).ok
        let_a_minute_pass(database, *popups)

    with previous_release() as before:
        old = start(before, stack, database)
        shop_around(old, 1, exposes=False)
        shop_around(old, 2, exposes=True)
        for shop, merchant in merchants.items():
            assert merchant.patch(f"/popups/{popups[shop][0]}", {"design": {"heading": "Now"}}).ok
        let_a_minute_pass(database, *popups)
        shop_around(old, 1, exposes=True)
        shop_around(old, 0, exposes=False)
        for function in (*old.values(), manage_popups):
            function.stop()
    assert compared(database, mixed) != compared(database, plain)
    assert run(database, mixed) > 0
    assert compared(database, mixed) == compared(database, plain)
    assert run(database, mixed) == run(database, plain) == 0


def made(merchant: Client, popup: dict[str, Any]) -> str:
    answer = merchant.post("/popups", popup)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def start(release: Release, stack: Stack, database: Database) -> Functions:
    started = release.start(stack, DATABASE_URL=database.url)
    for name in set(started) - {"track_view", "track_conversion"}:
        started.pop(name).stop()
    return started


def test_the_command_says_what_it_is_for() -> None:
    assert "recount" in command.commands
