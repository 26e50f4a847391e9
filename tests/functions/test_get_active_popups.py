"""get_active_popups: which popups a storefront is given, what of them, how fresh, and at what cost."""

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from common.shop.active_popups import SELECT_ACTIVE_POPUPS
from common.shop.targeting_rules import NEWEST_EDITION
from functions.manage_popups.shop import CHECKOUT_PAGES
from tests.support.client import PROMISED_SECONDS, Client, assert_problem
from tests.support.factories import Shop, make_discount_code, make_popup, make_shop, view
from tests.support.proxy import proxy_to
from tests.support.stack import PATIENT, ROOT, Database, FunctionProcess, Stack, eventually

Start = Callable[..., FunctionProcess]

# All that the storefront script is told of a popup.
SHOWN = {
    "id",
    "trigger",
    "design",
    "targeting",
    "frequency",
    "offer",
    "variants",
    "holdout_percent",
    "priority",
}

# What it is told of a shop that has changed nothing.
NEW_SHOP = {
    "currency": "USD",
    "time_zone": "UTC",
    "popups_per_visit": 2,
    "seconds_between_popups": 60,
    "never_on_pages": list(CHECKOUT_PAGES),
    "holdout_percent": 0,
}


@pytest.fixture(scope="module")
def instances(stack: Stack) -> list[FunctionProcess]:
    """Two more, as a platform that scales out has them."""
    return [stack.start_function("get_active_popups") for _ in range(2)]


def ask(function: FunctionProcess, shop: Shop, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(function).get(f"/?shop_id={shop.id}", headers=named)


def shown(function: FunctionProcess, shop: Shop) -> list[str]:
    """Return the ids of the popups that this function gives to storefronts."""
    answer = ask(function, shop)
    assert answer.status_code == 200, answer.text
    assert answer.json()["shop_id"] == shop.id
    return [popup["id"] for popup in answer.json()["popups"]]


def in_seconds(seconds: float) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)).isoformat()


# Which popups


def test_only_active_popups_are_shown(get_active_popups: FunctionProcess, shop: Shop, database: Database) -> None:
    ids = {status: make_popup(database, shop, status=status) for status in ("draft", "active", "paused", "archived")}
    assert shown(get_active_popups, shop) == [ids["active"]]


def test_a_shop_without_active_popups_gets_an_empty_list(get_active_popups: FunctionProcess, shop: Shop) -> None:
    answer = ask(get_active_popups, shop)
    assert (answer.status_code, answer.json()) == (200, {"shop_id": shop.id, "shop": NEW_SHOP, "popups": []})


def test_the_highest_priority_comes_first_then_the_newest(
    get_active_popups: FunctionProcess, shop: Shop, database: Database
) -> None:
    ids = {name: make_popup(database, shop, priority=name) for name in (0, -1, 1000, 5)}
    newer = make_popup(database, shop, priority=5)
    assert shown(get_active_popups, shop) == [ids[1000], newer, ids[5], ids[0], ids[-1]]


def test_at_most_50_popups_are_shown_and_the_last_in_rank_are_left_out(
    get_active_popups: FunctionProcess, shop: Shop, database: Database
) -> None:
    ids = [make_popup(database, shop, priority=priority) for priority in range(52)]
    assert shown(get_active_popups, shop) == ids[:1:-1]


SCHEDULES: dict[str, tuple[float | None, float | None, bool]] = {
    "no schedule": (None, None, True),
    "begun": (-60, None, True),
    "not over": (None, 60, True),
    "under way": (-60, 60, True),
    "not begun": (60, None, False),
    "over": (None, -60, False),
    "over and not begun again": (-120, -60, False),
}


@pytest.mark.parametrize(("starts", "ends", "is_shown"), SCHEDULES.values(), ids=SCHEDULES)
def test_a_popup_is_shown_inside_its_schedule_only(
    get_active_popups: FunctionProcess,
    shop: Shop,
    database: Database,
    starts: float | None,
    ends: float | None,
    is_shown: bool,
) -> None:
    schedule = {"starts_at": starts and in_seconds(starts), "ends_at": ends and in_seconds(ends)}
    popup_id = make_popup(database, shop, **schedule)
    assert shown(get_active_popups, shop) == [popup_id] * is_shown


def test_a_schedule_is_kept_to_without_waiting_for_the_cache(
    instances: list[FunctionProcess], shop: Shop, database: Database
) -> None:
    """With entries that are fresh for 5 minutes, and nobody who edits anything."""
    ending = make_popup(database, shop, ends_at=in_seconds(2), priority=1)
    starting = make_popup(database, shop, starts_at=in_seconds(2.5))
    for function in instances:
        assert shown(function, shop) == [ending]
    for function in instances:
        eventually(lambda function=function: shown(function, shop) == [starting], seconds=5)


HOUR = 3600
# The code's times, what the popup does without it, the popup's status, and when the answer changes.
CODES_TIMES: dict[str, tuple[dict[str, str], str, str, float | None]] = {
    "its end": ({"expires_at": in_seconds(HOUR)}, "stop", "active", HOUR),
    "its start": ({"starts_at": in_seconds(2 * HOUR)}, "stop", "active", 2 * HOUR),
    "its end is over": ({"expires_at": in_seconds(-HOUR)}, "stop", "active", None),
    "the popup goes on without": ({"expires_at": in_seconds(HOUR)}, "without_code", "active", None),
    "the popup is not shown": ({"expires_at": in_seconds(HOUR)}, "stop", "paused", None),
}


@pytest.mark.parametrize("in_a_variant", [False, True])
@pytest.mark.parametrize(("times", "when_empty", "status", "changes_in"), CODES_TIMES.values(), ids=CODES_TIMES)
def test_an_answer_is_fresh_no_longer_than_the_code_without_which_a_popup_stops(
    shop: Shop,
    database: Database,
    times: dict[str, str],
    when_empty: str,
    status: str,
    changes_in: float | None,
    in_a_variant: bool,
) -> None:
    offer = {"discount_code_id": make_discount_code(database, shop, **times), "when_empty": when_empty}
    own = {"variants": [{"id": "a", "name": "A", "offer": offer}]} if in_a_variant else {"offer": offer}
    make_popup(database, shop, status=status, **own)
    row, *_ = database(SELECT_ACTIVE_POPUPS, shop_id=shop.id)
    assert row["seconds_to_next_change"] == (changes_in and pytest.approx(changes_in, abs=HOUR / 2))


def test_another_shops_popups_are_not_shown(get_active_popups: FunctionProcess, shop: Shop, database: Database) -> None:
    make_popup(database, make_shop(database))
    assert shown(get_active_popups, shop) == []


def test_a_popup_that_has_reached_its_view_limit_is_gone_within_two_seconds(
    instances: list[FunctionProcess], track_view: FunctionProcess, shop: Shop, database: Database
) -> None:
    popup_id = make_popup(database, shop, view_limit=2)
    seen = view(popup_id)
    for event in (seen, seen, view(popup_id, variant_id="holdout")):  # sent again, held out: neither counts
        assert Client(track_view).post(json=event).status_code == 202
    for function in instances:
        assert shown(function, shop) == [popup_id]
    assert Client(track_view).post(json=view(popup_id)).status_code == 202
    for function in instances:
        eventually(lambda function=function: shown(function, shop) == [], seconds=PROMISED_SECONDS)


# What of them


def test_a_storefront_is_told_what_its_script_needs_and_no_more(
    get_active_popups: FunctionProcess, shop: Shop, merchant: Client, database: Database
) -> None:
    code_id = make_discount_code(database, shop, code="SECRET10", codes=["SECRET-POOL-1"])
    popup = {
        "name": "Internal name",
        "description": "Internal words",
        "status": "active",
        "view_limit": 987654,
        "ends_at": "2099-08-07T06:05:04Z",
        "holdout_percent": 10,
        "design": {"heading": "Before you go"},
        "offer": {"type": "discount", "discount_code_id": code_id},
        "variants": [
            {"id": "a", "name": "Internal variant", "weight": 3},
            {"id": "b", "name": "Internal too", "offer": {"discount_code_id": code_id}, "design": {"width": 300}},
            {"id": "c", "offer": {"type": "none", "discount_code_id": None}},
        ],
    }
    created = merchant.post("/popups", popup).json()
    answer = ask(get_active_popups, shop)
    (told,) = answer.json()["popups"]
    assert set(told) == SHOWN
    for name in ("id", "trigger", "design", "targeting", "frequency", "holdout_percent", "priority"):
        assert told[name] == created[name]
    assert told["offer"] == {"type": "discount", "consent_text": None, "has_code": True}
    assert told["variants"] == [
        {"id": "a", "weight": 3, "design": {}, "offer": {}},
        {"id": "b", "weight": 50, "design": {"width": 300}, "offer": {"has_code": True}},
        {"id": "c", "weight": 50, "design": {}, "offer": {"type": "none", "has_code": False}},
    ]
    for secret in ("Internal", "SECRET", code_id, "987654", "2099-08", "_count", '"version"', "discount_code_id"):
        assert secret not in answer.text


def test_the_shops_settings_are_as_fresh_as_its_popups(
    instances: list[FunctionProcess], merchant: Client, shop: Shop
) -> None:
    for function in instances:
        assert ask(function, shop).json()["shop"] == NEW_SHOP
    changes = {"popups_per_visit": 5, "never_on_pages": ["/pay/*"], "currency": "EUR", "holdout_percent": 7}
    merchant.patch("/shop", changes)
    for function in instances:
        eventually(
            lambda function=function: ask(function, shop).json()["shop"] == NEW_SHOP | changes, seconds=PROMISED_SECONDS
        )


@pytest.mark.parametrize("rules", ["", "&rules=1", "&rules=2", "&rules=999"])
def test_a_popup_by_rules_that_the_script_does_not_know_is_not_given_to_it(
    get_active_popups: FunctionProcess, shop: Shop, database: Database, rules: str
) -> None:
    """A rule that we do not know either was written by a newer release, before a rollback."""
    known = make_popup(database, shop, targeting={"min_cart_items": 1})
    newer = make_popup(database, shop)
    empty = make_popup(database, shop)
    for popup_id, targeting in ((newer, {"moon": ["full"]}), (empty, {"moon": []})):
        more = json.dumps(targeting)
        database("UPDATE popups SET targeting = targeting || (:more)::jsonb WHERE id = :id", more=more, id=popup_id)
    told = Client(get_active_popups).get(f"/?shop_id={shop.id}{rules}").json()["popups"]
    assert {popup["id"] for popup in told} == {known, empty}


def test_a_newer_release_fills_no_cache_from_which_older_scripts_are_answered(
    stack: Stack, get_active_popups: FunctionProcess, shop: Shop, database: Database, tmp_path: Path
) -> None:
    """After an edit it reloads the answer to its newest scripts, which know a rule of the moon."""
    for folder in ("common", "functions"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    rules = tmp_path / "common" / "shop" / "targeting_rules.py"
    newer, raised = re.subn(
        rf"NEWEST_EDITION = {NEWEST_EDITION}\b", f"NEWEST_EDITION = {NEWEST_EDITION + 1}", rules.read_text()
    )
    newer, added = re.subn(r"EDITIONS = \{", f'EDITIONS = {{"moon": {NEWEST_EDITION + 1},', newer)
    assert (raised, added) == (1, 1)
    rules.write_text(newer)
    popup_id = make_popup(database, shop)
    moon = json.dumps({"moon": ["full"]})
    database("UPDATE popups SET targeting = targeting || (:moon)::jsonb WHERE id = :id", moon=moon, id=popup_id)
    manage = stack.start_function("manage_popups", tmp_path, PYTHONPATH=str(tmp_path))
    assert Client(manage, shop.write_key).patch(f"/popups/{popup_id}", {"name": "Under the moon"}).status_code == 200
    assert Client(get_active_popups).get(f"/?shop_id={shop.id}&rules={NEWEST_EDITION}").json()["popups"] == []
    manage.stop()


# Who asks


def test_an_unknown_shop_is_not_found_until_it_is_there(
    get_active_popups: FunctionProcess, instances: list[FunctionProcess], database: Database
) -> None:
    later = Shop("shop-that-opens-later", "", "", uuid.uuid4())
    for function in (get_active_popups, *instances):
        for _ in range(2):
            assert_problem(ask(function, later), 404, "shop_not_found")
    make_shop(database, id=later.id)
    for function in (get_active_popups, *instances):
        eventually(lambda function=function: ask(function, later).status_code == 200, seconds=5)


def test_other_parameters_are_ignored_and_the_first_of_two_shops_counts(
    get_active_popups: FunctionProcess, shop: Shop
) -> None:
    answer = Client(get_active_popups).get(f"/?utm_source=x&shop_id={shop.id}&shop_id=other&_=1&a[]=%ff")
    assert answer.json()["shop_id"] == shop.id


@pytest.mark.parametrize("id_", ["a", "A.b_c-9", "0" * 64])
def test_every_id_that_a_shop_can_have_is_answered(
    get_active_popups: FunctionProcess, database: Database, id_: str
) -> None:
    assert ask(get_active_popups, make_shop(database, id=id_)).json()["shop_id"] == id_


@pytest.mark.parametrize("rules", ["", "0", "-1", "1.5", "one", "1000", "٣"])
def test_what_is_no_edition_of_the_rules_is_refused(get_active_popups: FunctionProcess, shop: Shop, rules: str) -> None:
    answer = Client(get_active_popups).get(f"/?shop_id={shop.id}&rules={rules}")
    assert_problem(answer, 422, "invalid", "rules")


# How it is answered


def test_an_answer_says_for_how_long_caches_may_keep_it(get_active_popups: FunctionProcess, shop: Shop) -> None:
    answer = ask(get_active_popups, shop)
    kept = "public, max-age=30, stale-while-revalidate=300, stale-if-error=86400"
    assert answer.headers["Cache-Control"] == kept
    assert answer.headers["Content-Type"] == "application/json"
    assert re.fullmatch(r'(W/)?"[^"]+"', answer.headers["ETag"])
    assert "Set-Cookie" not in answer.headers


def test_errors_are_kept_by_nobody(get_active_popups: FunctionProcess) -> None:
    for query in ("", "?shop_id=unknown-shop"):
        assert Client(get_active_popups).get(f"/{query}").headers["Cache-Control"] == "no-store"


def test_who_has_the_answer_already_gets_a_304(
    get_active_popups: FunctionProcess, shop: Shop, merchant: Client
) -> None:
    etag = ask(get_active_popups, shop).headers["ETag"]
    for known in (etag, etag.removeprefix("W/"), f'"another", {etag}', f'"a,b" ,{etag},', "*"):
        answer = ask(get_active_popups, shop, If_None_Match=known)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == etag
        assert answer.headers["Cache-Control"].startswith("public, max-age=30")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    for other in ('"another"', '"a, *, b"', f'"a, {etag}'):  # the last two have their commas within quotes
        assert ask(get_active_popups, shop, If_None_Match=other).status_code == 200
    merchant.post("/popups", {"name": "New", "status": "active"})
    eventually(lambda: ask(get_active_popups, shop, If_None_Match=etag).status_code == 200, seconds=PROMISED_SECONDS)


def test_the_same_popups_have_the_same_etag_on_every_instance(
    get_active_popups: FunctionProcess, instances: list[FunctionProcess], start_function: Start, shop: Shop
) -> None:
    """Also on one that cannot have it from the others."""
    functions = [get_active_popups, *instances, start_function("get_active_popups", REDIS_URL=None)]
    assert len({ask(function, shop).headers["ETag"] for function in functions}) == 1


# The cache


def test_the_first_answer_is_a_miss_and_then_all_instances_hit(
    instances: list[FunctionProcess], shop: Shop, database: Database
) -> None:
    make_popup(database, shop)
    first, second = instances
    answers = [ask(first, shop), ask(first, shop), ask(second, shop), ask(second, shop)]
    assert [answer.headers["X-Cache"] for answer in answers] == ["MISS", "HIT", "HIT", "HIT"]
    assert len({answer.text for answer in answers}) == 1


def test_when_the_database_is_gone_the_last_good_answer_is_served_as_stale(
    stack: Stack, start_function: Start, shop: Shop, database: Database
) -> None:
    popup_id = make_popup(database, shop)
    with proxy_to(stack.postgres.port) as proxy:
        url = stack.database_url.replace(f":{stack.postgres.port}/", f":{proxy.port}/")
        function = start_function("get_active_popups", DATABASE_URL=url, CACHE_TTL_POPUPS="1", REDIS_URL=None)
        assert shown(function, shop) == [popup_id]
        proxy.refuse()
        eventually(lambda: ask(function, shop).headers["X-Cache"] == "STALE")
        assert shown(function, shop) == [popup_id]
        assert_problem(ask(function, make_shop(database)), 503, "database_unavailable")
        proxy.heal()
        eventually(lambda: ask(function, shop).headers["X-Cache"] != "STALE")


def test_an_edit_is_served_by_every_instance_within_two_seconds(
    instances: list[FunctionProcess], merchant: Client, shop: Shop
) -> None:
    def change(verb: str, path: str, body: dict[str, Any] | None, expected: Any) -> None:
        """Every instance has the state before the edit in its memory, and then the one after it."""
        for function in instances:
            ask(function, shop)
        assert merchant(verb, path, json=body).ok
        for function in instances:
            eventually(lambda function=function: headings(function) == expected, seconds=PROMISED_SECONDS)

    def headings(function: FunctionProcess) -> list[str]:
        return [popup["design"]["heading"] for popup in ask(function, shop).json()["popups"]]

    change("POST", "/popups", {"name": "x", "status": "active", "design": {"heading": "First"}}, ["First"])
    path = f"/popups/{shown(instances[0], shop)[0]}"
    change("PATCH", path, {"design": {"heading": "Second"}}, ["Second"])
    change("PATCH", path, {"status": "paused"}, [])
    change("PATCH", path, {"status": "active"}, ["Second"])
    change("DELETE", path, None, [])


def test_without_redis_an_edit_is_served_within_two_seconds_too(
    start_function: Start, manage_popups: FunctionProcess, shop: Shop
) -> None:
    """The function that edits is always another process than the one that serves."""
    function = start_function("get_active_popups", REDIS_URL=None)
    merchant = Client(start_function("manage_popups", REDIS_URL=None), shop.write_key)
    assert shown(function, shop) == []
    popup = merchant.post("/popups", {"name": "x", "status": "active"}).json()
    eventually(lambda: shown(function, shop) == [popup["id"]], seconds=PROMISED_SECONDS)
    merchant.patch(f"/popups/{popup['id']}", {"status": "paused"})
    eventually(lambda: shown(function, shop) == [], seconds=PROMISED_SECONDS)


def test_edits_in_quick_succession_end_with_the_last_one_everywhere(
    instances: list[FunctionProcess], merchant: Client, shop: Shop
) -> None:
    """A reader that loaded between two edits must not keep what it found."""
    popup = merchant.post("/popups", {"name": "x", "status": "active"}).json()
    for priority in range(1, 11):
        assert merchant.patch(f"/popups/{popup['id']}", {"priority": priority}).ok
        for function in instances:
            ask(function, shop)

    def priorities() -> set[int]:
        return {ask(function, shop).json()["popups"][0]["priority"] for function in instances}

    eventually(lambda: priorities() == {10}, seconds=PROMISED_SECONDS)


def test_a_warm_answer_asks_neither_postgres_nor_redis_and_a_cold_one_redis_once(
    stack: Stack, start_function: Start, instances: list[FunctionProcess], database: Database
) -> None:
    with proxy_to(stack.postgres.port) as to_postgres, proxy_to(stack.valkey.port) as to_redis:
        function = start_function(
            "get_active_popups",
            DATABASE_URL=stack.database_url.replace(f":{stack.postgres.port}/", f":{to_postgres.port}/"),
            REDIS_URL=f"redis://127.0.0.1:{to_redis.port}/0",
        )

        def costs() -> list[tuple[str, int, int]]:
            """Return what two requests for a shop cost that is new to this instance and known to another.

            For each: X-Cache, and the round trips to Postgres and to Redis.
            """
            shop = make_shop(database)
            ask(instances[0], shop)
            answers = []
            for _ in range(2):
                to_postgres.reset()
                to_redis.reset()
                verdict = ask(function, shop).headers["X-Cache"]
                answers.append((verdict, to_postgres.round_trips, to_redis.round_trips))
            return answers

        # Not at the first try: it connects to Redis, which on a busy machine may take longer than a reader waits.
        eventually(lambda: costs() == [("HIT", 0, 1), ("HIT", 0, 0)])


FIRST_ANSWER = """
import asyncio, sys
from common.redis import _client
from common.web import Request, _health
from functions.get_active_popups.main import function

_client.PATIENCE_SECONDS = 20  # on a busy machine
_health.DRIVER_AFTER_SECONDS = 3600

async def get(path, query=""):
    request = Request(method="GET", path=path, query_string=query, headers={}, receive=None, peer="192.0.2.1")
    return (await function.handle(request)).status

async def start():
    return [await get("/_health"), await get("/", "shop_id=" + sys.argv[1])]

statuses = asyncio.run(start())
names = ("pg8000", "scramp", "crawleruseragents", "google.cloud.sql", "google.cloud.logging")
print(statuses, "redis" in sys.modules, [name for name in names if name in sys.modules])
"""


def test_a_first_answer_out_of_redis_imports_no_driver_no_connector_and_no_logging_library(
    instances: list[FunctionProcess], shop: Shop, database: Database, stack: Stack
) -> None:
    """And needs no database: this instance could not reach one. The driver comes a second after the probe."""
    popup_id = make_popup(database, shop)
    assert shown(instances[0], shop) == [popup_id]
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "REDIS_URL": stack.valkey.url + PATIENT}
    command = [sys.executable, "-c", FIRST_ANSWER, shop.id]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **nowhere}, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["[200, 200] True []"], done.stdout + done.stderr


AFTER_THE_PROBE = """
import sys, threading
from common.web import _health

_health.DRIVER_AFTER_SECONDS = 0
_health.load_clients()
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join()
print("pg8000.core" in sys.modules)
"""


def test_postgres_driver_comes_soon_after_the_first_probe_so_that_no_request_waits_for_it() -> None:
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    command = [sys.executable, "-c", AFTER_THE_PROBE]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **nowhere}, capture_output=True, text=True)
    assert done.stdout == "True\n", done.stdout + done.stderr


def test_its_start_pays_for_no_library_that_a_cached_answer_does_not_need() -> None:
    """Each is a tenth of a start; redis and pg8000 come after the first probe, in a thread."""
    names = ("marshmallow", "pg8000", "redis", "google.cloud.sql")
    script = f"import sys, functions.get_active_popups.main; print([each for each in {names} if each in sys.modules])"
    environ = {**os.environ, "DATABASE_URL": "postgresql://127.0.0.1:1/nothing"}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stdout + done.stderr
