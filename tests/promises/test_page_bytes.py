"""Answers are bounded by their bytes, and not by the number of their rows alone."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pg8000.native import to_statement

from common.shop.active_popups import MAX_ANSWER_BYTES
from functions.manage_popups.popups import history_queries
from functions.manage_popups.popups import queries as popup_queries
from functions.manage_popups.popups.checks import MAX_POPUP_BYTES
from functions.manage_popups.rest.paging import MAX_PAGE_BYTES, NEWEST
from functions.manage_popups.subscribers import csv
from functions.manage_popups.subscribers.handlers import email_bounds
from tests.support.client import PROMISED_SECONDS, Client, assert_problem
from tests.support.factories import Shop, make_popup, make_shop
from tests.support.stack import Database, FunctionProcess, eventually

# The longest texts that fields allow: more than 200 KiB of JSON.
EVERYTHING = {
    "description": "界" * 2000,
    "targeting": {name: ["/" + "界" * 499] * 50 for name in ("include_pages", "exclude_pages")},
    "variants": [
        {"id": f"v{n}", "name": "界" * 200, "design": {"heading": "界" * 200, "subheading": "界" * 1000}}
        for n in range(10)
    ],
}
# Just below the bound of a popup, which it would pass with a few letters more.
LARGE = {"targeting": {"include_pages": ["/" + "x" * 499] * 50, "exclude_pages": ["/" + "x" * 499] * 50}}


def pages(client: Client, path: str, name: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the pages of a list; assert that each is a bounded answer."""
    cursor = ""
    while True:
        answer = client.get(f"{path}?limit=100{cursor}")
        assert answer.status_code == 200, answer.text[:500]
        assert len(answer.content) <= 2 * MAX_PAGE_BYTES
        yield answer.json()[name]
        if answer.json()["next_cursor"] is None:
            return
        cursor = f"&cursor={answer.json()['next_cursor']}"


@pytest.fixture
def reader(get_active_popups: FunctionProcess) -> Client:
    return Client(get_active_popups)


def served(reader: Client, shop: Shop) -> list[str]:
    answer = reader.get(f"/?shop_id={shop.id}")
    assert answer.status_code == 200
    return [popup["id"] for popup in answer.json()["popups"]]


# A popup


def test_a_popup_is_64_kibibytes_at_most(merchant: Client) -> None:
    problem = assert_problem(merchant.post("/popups", {"name": "x", **EVERYTHING}), 422, "invalid", "")
    assert str(MAX_POPUP_BYTES) in problem["errors"][""][0]
    made = merchant.post("/popups", {"name": "x", **LARGE})
    assert made.status_code == 201, made.text[:500]
    grown = {"variants": EVERYTHING["variants"]}
    assert_problem(merchant.patch(f"/popups/{made.json()['id']}", grown), 422, "invalid", "")


def test_a_larger_one_of_before_is_served_and_edited_unless_it_grows(
    merchant: Client, reader: Client, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop, **EVERYTHING)
    assert served(reader, shop) == [popup_id]
    path = f"/popups/{popup_id}"
    assert merchant.patch(path, {"priority": 5}).json()["priority"] == 5
    assert merchant.post(f"{path}/duplicate").status_code == 201
    assert_problem(merchant.patch(path, {"design": {"subheading": "x" * 1000}}), 422, "invalid", "")
    assert merchant.patch(path, {"status": "paused"}).json()["status"] == "paused"
    eventually(lambda: served(reader, shop) == [], seconds=PROMISED_SECONDS)


# What a storefront gets


def test_a_storefront_gets_what_fits_highest_priority_first_and_explain_says_so(
    merchant: Client, reader: Client, database: Database, shop: Shop
) -> None:
    large = [make_popup(database, shop, priority=priority, **LARGE) for priority in range(20, 0, -1)]
    small = make_popup(database, shop, priority=0)
    answer = reader.get(f"/?shop_id={shop.id}")
    assert len(answer.content) <= MAX_ANSWER_BYTES + 1024
    ids = [popup["id"] for popup in answer.json()["popups"]]
    assert ids == [*large[: len(ids) - 1], small]
    assert len(ids) > MAX_ANSWER_BYTES // MAX_POPUP_BYTES
    for popup_id in (ids[0], small, large[-1]):
        told = merchant.get(f"/popups/{popup_id}/explain?url=/{'x' * 499}").json()["reason"]
        assert told == ("size" if popup_id not in ids else "targeting.exclude_pages" if popup_id != small else None)


# Lists


def test_a_list_of_large_popups_comes_in_more_pages(merchant: Client, database: Database, shop: Shop) -> None:
    made = [make_popup(database, shop, **EVERYTHING) for _ in range(4)] + [
        make_popup(database, shop, **LARGE) for _ in range(10)
    ]
    found = list(pages(merchant, "/popups", "popups"))
    assert [popup["id"] for page in found for popup in page] == made[::-1]
    assert 2 < len(found) < 14


def test_a_history_of_large_versions_comes_in_more_pages(merchant: Client, database: Database, shop: Shop) -> None:
    popup_id = str(make_popup(database, shop, **EVERYTHING))
    for priority in range(6):
        assert merchant.patch(f"/popups/{popup_id}", {"priority": priority + 1}).status_code == 200
    found = list(pages(merchant, f"/popups/{popup_id}/history", "versions"))
    versions = [version for page in found for version in page]
    assert [version["version"] for version in versions] == [7, 6, 5, 4, 3, 2]
    assert len(found) > 2
    changed = [version["changed_fields"] for version in versions]
    assert changed[:-1] == [["priority"]] * 5


def test_a_csv_of_long_texts_comes_in_smaller_parts_and_whole(merchant: Client, database: Database, shop: Shop) -> None:
    database(
        """INSERT INTO email_subscribers (id, shop_id, email, email_normalized, name, popup_id, consent_text)
        SELECT gen_random_uuid(), :shop, made.email, made.email, repeat('界', 200), :popup, repeat('界', 1000)
        FROM generate_series(1, 1500) AS n, LATERAL (SELECT lpad(n::text, 4, '0') || '@example.com') AS made (email)""",
        shop=shop.id,
        popup=make_popup(database, shop),
    )
    wanted = {"shop_id": shop.id, "popup_id": None, "active": None, **email_bounds(None), "email_after": ""}
    rows = database(csv.SELECT_PAGE, **wanted, most_bytes=MAX_PAGE_BYTES)
    assert len("".join(row["name"] + row["consent_text"] for row in rows).encode()) <= MAX_PAGE_BYTES + 4000
    exported = merchant.get("/subscribers.csv").text.splitlines()
    assert [line[:4] for line in exported[1:]] == [f"{number:04}" for number in range(1, 1501)]


@pytest.mark.parametrize("list_", ["popups", "history"])
def test_a_page_reads_no_more_rows_than_it_may_show(database: Database, list_: str) -> None:
    shop = make_shop(database)
    popup_id = make_popup(database, shop)
    if list_ == "popups":
        copies = """INSERT INTO popups (id, shop_id, name, trigger, design, targeting, frequency, offer)
            SELECT gen_random_uuid(), shop_id, name, trigger, design, targeting, frequency, offer
            FROM popups, generate_series(1, 3000) WHERE popups.id = :id"""
        sql = popup_queries.SELECT_POPUPS
        more: dict[str, Any] = {"status": None, "search": None, "before_created_at": NEWEST[0], "before_id": NEWEST[1]}
    else:
        copies = """INSERT INTO popup_versions (shop_id, popup_id, version, action, api_key_id, popup)
            SELECT shop_id, id, n, 'changed', id, to_jsonb(popups) FROM popups, generate_series(1, 3000) AS n
            WHERE popups.id = :id"""
        sql, more = history_queries.SELECT_VERSIONS, {"id": popup_id, "before_version": 10**6}
    database(copies, id=popup_id)
    database("ANALYZE popups, popup_versions")
    statement, in_order = to_statement(sql)
    values = in_order({"shop_id": shop.id, "limit": 51, "most_bytes": MAX_PAGE_BYTES, **more})
    name = f"explained_{uuid.uuid4().hex}"
    database(f"PREPARE {name} AS {statement}")
    literals = ", ".join("NULL" if value is None else f"'{value}'" for value in values)
    (explained,) = database(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {name}({literals})")[0]["QUERY PLAN"]
    table = "popups" if list_ == "popups" else "popup_versions"
    assert 51 <= rows_read(explained["Plan"], table) <= 60, json.dumps(explained)


def rows_read(plan: dict[str, Any], table: str) -> int:
    """Return how many rows of the table the plan's scans have looked at."""
    rows = 0
    if plan.get("Relation Name") == table:
        rows = round((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    return rows + sum(rows_read(inner, table) for inner in plan.get("Plans", []))
