"""What the statements that store events read: the popups they name, however many others there are."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pg8000.native import to_statement

from cli.upkeep.recount_statements import (
    SEPARATE_FIRST_POPUPS,
    TALLY_CONVERSIONS,
    UPDATE_CONVERTERS_OF_POPUP,
    UPDATE_CONVERTERS_OF_SHOP,
)
from common.shop.orders._crediting import SETTLE_BUYERS
from functions.track_conversion.queries import INSERT_CONVERSIONS, INSERT_PLAIN_CONVERSIONS
from functions.track_view.queries import INSERT_PLAIN_VIEWS, INSERT_VIEWS
from tests.support.factories import capture, conversion, make_discount_code, make_popup, make_shop, purchase, view
from tests.support.stack import Database, Stack, create_database, open_database

POPUPS = 300
MANY = 200
POOL = 5000
# Postgres makes a plan for each of the first calls; then one for all, which is what a warm connection runs.
CALLS_BEFORE_THE_PLAN_STAYS = 6
EACH_STATEMENT = pytest.mark.parametrize(
    ("sql", "new_event"),
    [
        pytest.param(INSERT_VIEWS, view, id="views"),
        pytest.param(INSERT_PLAIN_VIEWS, view, id="plain views"),
        pytest.param(INSERT_CONVERSIONS, conversion, id="conversions"),
        pytest.param(INSERT_PLAIN_CONVERSIONS, conversion, id="plain conversions"),
    ],
)


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[Database]:
    url = create_database(stack.postgres, f"plans-{uuid.uuid4().hex[:8]}")
    with open_database(url) as opened:
        yield opened


@pytest.fixture(scope="module")
def popup_ids(database: Database) -> list[str]:
    shop = make_shop(database)
    made = [make_popup(database, shop) for _ in range(POPUPS)]
    database("ANALYZE popups, shops")
    return made


@EACH_STATEMENT
def test_a_flush_reads_the_popups_it_names_and_no_others(
    database: Database, popup_ids: list[str], sql: str, new_event: Any
) -> None:
    statement, _ = to_statement(sql)
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE flush ('{events(new_event, popup_ids)}', '[null]')"
    database(f"PREPARE flush (json, jsonb) AS {statement}")
    plans = [database.value(explain) for _ in range(CALLS_BEFORE_THE_PLAN_STAYS)]
    database("DEALLOCATE flush")
    assert [rows_read(plan["Plan"], "popups") for (plan,) in plans] == [2] * len(plans)


@EACH_STATEMENT
def test_a_flush_compares_no_event_with_every_other(
    database: Database, popup_ids: list[str], sql: str, new_event: Any
) -> None:
    plan = plan_that_stays(database, sql, lambda: events(new_event, popup_ids, MANY))
    compared = {
        node["CTE Name"]: node["Actual Rows"] * node["Actual Loops"]
        for node in nodes_of(plan)
        if node["Node Type"] == "CTE Scan"
    }
    assert {name: rows for name, rows in compared.items() if rows > 2 * MANY} == {}


@EACH_STATEMENT
def test_a_flush_asks_once_a_shop_whether_an_order_is_newer(
    database: Database, popup_ids: list[str], sql: str, new_event: Any
) -> None:
    """And not for each viewer, as long as none is."""
    database(
        "INSERT INTO orders (shop_id, order_id, source, report_id, ordered_at, day)"
        " SELECT shop_id, n::text, 'api', gen_random_uuid(), now() - interval '1 day', now()::date"
        " FROM popups, generate_series(1, :count) AS n WHERE id = :popup ON CONFLICT DO NOTHING",
        count=POOL, popup=popup_ids[0],
    )  # fmt: skip
    database("VACUUM ANALYZE orders")
    plan = plan_that_stays(database, sql, lambda: events(new_event, popup_ids, MANY))
    reads = [node for node in nodes_of(plan) if node.get("Relation Name") == "orders" and node["Actual Loops"]]
    assert [(node["Actual Loops"], node["Actual Rows"]) for node in reads] == [(1, 1)]


@EACH_STATEMENT
def test_a_flush_reads_no_table_of_events_whole_before_that_is_analyzed(
    database: Database, popup_ids: list[str], sql: str, new_event: Any
) -> None:
    """As in a new database, and in a new month's partition."""
    plan = plan_that_stays(database, sql, lambda: events(new_event, popup_ids, MANY))
    scans = [node for node in nodes_of(plan) if node["Node Type"] == "Seq Scan" and node["Actual Rows"]]
    whole = {node["Relation Name"] for node in scans}
    assert not {name for name in whole if name.startswith(("popup_views", "popup_conversions", "viewers"))}


def test_a_flush_that_gives_and_uses_codes_reads_those_and_no_others(database: Database) -> None:
    shop = make_shop(database)
    pool = make_discount_code(database, shop, single_use=True)
    shared = make_discount_code(database, shop, code="TEN", usage_limit=1000)
    database(
        "INSERT INTO single_use_codes (shop_id, discount_code_id, code, claimed_by)"
        " SELECT :shop, :pool, 'C' || lpad(n::text, 6, '0'), CASE WHEN n <= :count THEN 'email:' || n END"
        " FROM generate_series(1, :count + 50) AS n",
        shop=shop.id, pool=pool, count=POOL,
    )  # fmt: skip
    database("VACUUM ANALYZE single_use_codes, discount_codes")
    offer = {"type": "email_capture", "discount_code_id": pool, "when_empty": "stop"}
    popup_id = make_popup(database, shop, offer=offer)

    def batch() -> str:
        named = [purchase(popup_id, uuid.uuid4().hex, discount_code=code) for code in ("TEN", "C000001")]
        asked = [capture(popup_id, f"{uuid.uuid4().hex}@example.com") for _ in range(2)]
        return json.dumps([as_written(event, position) for position, event in enumerate(named + asked)])

    plan = plan_that_stays(database, INSERT_CONVERSIONS, batch)
    assert rows_read(plan, "single_use_codes", with_others=True) < 40
    assert rows_read(plan, "discount_codes", with_others=True) < 20
    assert database.value("SELECT uses FROM discount_code_tallies WHERE discount_code_id = :id", id=shared) > 0


def test_a_buyer_is_settled_without_a_look_at_the_shops_other_viewers(database: Database) -> None:
    shop = make_shop(database)
    popup_id = make_popup(database, shop)
    database(
        "INSERT INTO viewers (shop_id, viewer, popup_id, first_seen_at, first_day, last_day, previous_day, variant_id,"
        " device_type, did, newly)"
        " SELECT :shop, n, (:popup)::uuid, now() - interval '1 hour', now()::date, now()::date, now()::date, '', '',"
        " 0, 0 FROM generate_series(1, :count) AS n",
        shop=shop.id, popup=popup_id, count=POOL,
    )  # fmt: skip
    database(
        "INSERT INTO orders (shop_id, order_id, source, report_id, ordered_at, day, viewer, settled_viewer)"
        " VALUES (:shop, 'one', 'api', gen_random_uuid(), now(), now()::date, 17, 18)",
        shop=shop.id,
    )
    database("VACUUM ANALYZE orders, viewers, viewers_by_popup")
    statement, _ = to_statement(SETTLE_BUYERS)
    database(f"PREPARE settle (text) AS {statement}")
    (plan,) = database.value(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE settle ('{shop.id}')")
    database("DEALLOCATE settle")
    assert rows_read(plan["Plan"], "viewers", with_others=True) < 20
    bought = database("SELECT viewer FROM viewers WHERE shop_id = :shop AND did & popup_did & 8 <> 0", shop=shop.id)
    assert [row["viewer"] for row in bought] == [17]


@pytest.mark.parametrize(
    "sql",
    [SEPARATE_FIRST_POPUPS, UPDATE_CONVERTERS_OF_POPUP, UPDATE_CONVERTERS_OF_SHOP, TALLY_CONVERSIONS],
    ids=["first popups", "a popup's converters", "the shop's converters", "conversions"],
)
def test_a_day_is_recounted_without_a_look_at_the_conversions_of_other_days(database: Database, sql: str) -> None:
    shop = make_shop(database)
    popup_id = make_popup(database, shop)
    database(
        "INSERT INTO popup_conversions (event_id, shop_id, popup_id, session_id, type, converted_at)"
        " SELECT gen_random_uuid(), :shop, (:popup)::uuid, 's' || n, 'click', now() - n % 100 * interval '1 day'"
        " FROM generate_series(1, :count) AS n",
        shop=shop.id, popup=popup_id, count=POOL,
    )  # fmt: skip
    database("VACUUM ANALYZE popup_conversions")
    day = {"day": "2000-01-01", "time_zone": "UTC", "mask": 0, "part": 0, "salt": str(uuid.uuid4())}
    given = {"shop_id": shop.id, "popup_id": popup_id, "popup_ids": [popup_id], **day}
    (plan,) = database.value(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", **given)
    scans = [node for node in nodes_of(plan["Plan"]) if node.get("Relation Name", "").startswith("popup_conversions")]
    assert scans
    assert sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in scans) < POOL / 100


@pytest.mark.parametrize("table", ["popup_views", "popup_conversions"])
def test_an_event_table_has_no_unique_key_but_the_event_id(database: Database, table: str) -> None:
    """ON CONFLICT DO NOTHING is for all keys there are: for another one it would drop an event in silence."""
    keys = database(
        "SELECT pg_get_constraintdef(pg_constraint.oid) AS key, count(*) AS indexes"
        " FROM pg_partition_tree(:table) AS part"
        " JOIN pg_index ON indrelid = part.relid AND indisunique"
        " LEFT JOIN pg_constraint ON conindid = indexrelid"
        " GROUP BY 1",
        table=table,
    )
    tables = database.value("SELECT count(*) FROM pg_partition_tree(:table)", table=table)
    assert keys == [{"key": "PRIMARY KEY (event_id)", "indexes": tables}]


def events(new_event: Any, popup_ids: list[str], count: int = 3) -> str:
    """Of two popups."""
    return json.dumps([as_written(new_event(popup_ids[index % 2]), index) for index in range(count)])


def as_written(event: dict[str, Any], position: int) -> dict[str, Any]:
    """Return the row that the function makes of an event, as far as it matters here."""
    email = event.get("email")
    person = {"email_normalized": email, "claimer": f"email:{email}", "new_subscriber_id": str(uuid.uuid4())}
    return {**event, **person, "trimmed_code": event.get("discount_code"), "position": position, "origin": 0}


def plan_that_stays(database: Database, sql: str, batch: Callable[[], str]) -> dict[str, Any]:
    statement, _ = to_statement(sql)
    database(f"PREPARE flush (json, jsonb) AS {statement}")
    for _ in range(CALLS_BEFORE_THE_PLAN_STAYS):
        (plan,) = database.value(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE flush ('{batch()}', '[null]')")
    database("DEALLOCATE flush")
    return dict(plan["Plan"])


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for inner in plan.get("Plans", ()) for node in nodes_of(inner))]


def rows_read(plan: dict[str, Any], table: str, *, with_others: bool = False) -> int:
    """How many of the table's rows were used; or also of those that were looked at in vain."""
    total = 0
    for node in nodes_of(plan):
        if node.get("Relation Name") == table and node["Node Type"] != "ModifyTable":
            rows = node["Actual Rows"] + (node.get("Rows Removed by Filter", 0) if with_others else 0)
            total += rows * node["Actual Loops"]
    return int(total)
