"""manage_popups, the shop and its API keys; and what a key opens: its own shop, within its rights, and nothing else."""

import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from common.shop.api_keys import RIGHTS
from functions.manage_popups.main import function as manage_popups_function
from functions.manage_popups.shop import CHECKOUT_PAGES
from functions.stats.main import function as stats_function
from tests.support.client import PROMISED_SECONDS, Client, assert_problem
from tests.support.factories import (
    Shop,
    conversion,
    insert,
    make_discount_code,
    make_key,
    make_popup,
    make_shop,
    order_source_ids,
    uuid7,
    view,
)
from tests.support.stack import Database, FunctionProcess, eventually

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
WRITES = ("POST", "PATCH", "DELETE")

# Bodies that would be accepted from the right shop.
BODIES = {
    "/api-keys": {"rights": "read"},
    "/orders": {"order_id": "1", "revenue": "1.00", "currency": "USD"},
    "/orders/{order_id}/refunds": {"refund_id": "1", "amount": "1.00", "currency": "USD"},
    "/explain": {"url": "/", "visitor_id": "somebody"},
    "/popups/{popup_id}/rollback": {"version": 1},
    "/discount-codes": {"type": "fixed", "value": "5.00"},
    "/discount-codes/{code_id}": {"value": "1.00"},
    "/discount-codes/{code_id}/codes": {"count": 1},
}
ANY_BODY = {"name": "Stolen"}
QUERIES = {"/experiment-plan": "?rate=0.03&viewers_per_day=1000"}


@pytest.fixture
def shop(database: Database) -> Shop:
    return make_shop(database, name="Acme", time_zone="Europe/Berlin", currency="EUR")


@pytest.fixture
def merchant_functions(manage_popups: FunctionProcess, stats: FunctionProcess) -> dict[str, FunctionProcess]:
    return {"manage_popups": manage_popups, "stats": stats}


# The shop


def test_a_shop_is_read_with_all_it_has(merchant: Client, shop: Shop) -> None:
    answer = merchant.get("/shop").json()
    assert answer.pop("created_at") <= answer.pop("updated_at")
    assert answer == {
        "id": shop.id,
        "name": "Acme",
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
        "allowed_origins": [],
        "popups_per_visit": 2,
        "seconds_between_popups": 60,
        "never_on_pages": list(CHECKOUT_PAGES),
        "holdout_percent": 0,
        "codes_per_hour": 10_000,
        "codes_per_network_per_hour": 500,
        "code_uses_per_network_per_hour": 20,
        "confirmed_since": None,
        "budgets_met": [],
        "last_event_at": None,
    }


def test_a_shop_tells_when_its_script_was_last_heard_of(
    merchant: Client,
    database: Database,
    shop: Shop,
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
) -> None:
    popups = [make_popup(database, shop, status=status) for status in ("paused", "active")]
    heard = [merchant.get("/shop").json()["last_event_at"]]
    for function, event in (
        (track_view, view(popups[0])),
        (track_view, view(popups[1])),
        (track_conversion, conversion(popups[0])),
    ):
        assert Client(function).post(json=event).ok
        heard.append(merchant.get("/shop").json()["last_event_at"])
    assert heard[0] is None
    assert heard[1] < heard[2] < heard[3]
    database("UPDATE popup_views SET viewed_at = viewed_at - interval '31 days' WHERE shop_id = :id", id=shop.id)
    database("DELETE FROM popup_conversions WHERE shop_id = :id", id=shop.id)
    assert merchant.get("/shop").json()["last_event_at"] is None


@pytest.mark.parametrize("path", ["/shop", "/discount-codes/{code_id}"])
def test_an_edit_of_what_has_changed_meanwhile_is_refused(
    merchant: Client, database: Database, shop: Shop, path: str
) -> None:
    path = path.format(code_id=make_discount_code(database, shop))
    field, value = ("name", "Second") if path == "/shop" else ("is_active", False)
    read = merchant.get(path).headers["ETag"]
    edited = merchant.patch(path, {field: value}, headers={"If-Match": read})
    assert edited.status_code == 200
    current = edited.headers["ETag"]
    assert current == merchant.get(path).headers["ETag"] != read
    for verb in ("PATCH", "DELETE") if path != "/shop" else ("PATCH",):
        for if_match in (read, '"0"', f"W/{current}", "x"):
            answer = merchant(verb, path, json={field: None}, headers={"If-Match": if_match})
            assert_problem(answer, 412, "stale_version")
            assert answer.headers["ETag"] == current
    assert merchant.get(path).json()[field] == value
    assert merchant.patch(path, {field: value}, headers={"If-Match": f'"0", {current}'}).status_code == 200
    assert merchant.patch(path, {field: value}, headers={"If-Match": "*"}).status_code == 200


def test_of_edits_of_a_shop_at_once_with_the_same_if_match_one_is_made(merchant: Client) -> None:
    read = {"If-Match": merchant.get("/shop").headers["ETag"]}
    with ThreadPoolExecutor(4) as pool:
        edits = [pool.submit(merchant.patch, "/shop", {"name": f"Name {each}"}, headers=read) for each in range(4)]
    assert sorted(edit.result().status_code for edit in edits) == [200, 412, 412, 412]


def test_a_discount_code_is_deleted_in_the_version_that_was_read(
    merchant: Client, database: Database, shop: Shop
) -> None:
    path = f"/discount-codes/{merchant.post('/discount-codes', {'type': 'fixed', 'value': '1'}).json()['id']}"
    read = {"If-Match": merchant.get(path).headers["ETag"]}
    assert merchant.delete(path, headers=read).status_code == 204
    assert_problem(merchant.delete(path, headers=read), 404, "discount_code_not_found")


def test_a_patch_changes_of_a_shop_what_it_names(merchant: Client) -> None:
    before = merchant.get("/shop").json()
    origins = ["https://shop.example", "http://localhost:3000", "https://xn--bcher-kva.example"]
    answer = merchant.patch("/shop", {"name": "Bücher & <Co>", "allowed_origins": origins})
    assert answer.status_code == 200
    assert answer.json() == before | {
        "name": "Bücher & <Co>",
        "allowed_origins": origins,
        "updated_at": answer.json()["updated_at"],
    }
    assert merchant.get("/shop").json() == answer.json()
    assert merchant.patch("/shop", {"allowed_origins": None}).json()["allowed_origins"] == []


def test_a_setting_for_the_script_is_taken_and_taken_back(merchant: Client) -> None:
    before = merchant.get("/shop").json()
    settings = {
        "popups_per_visit": 0,
        "seconds_between_popups": 86_400,
        "never_on_pages": ["https://shop.example/account/%C3%BC*", "legal"],
        "holdout_percent": 100,
    }
    changed = merchant.patch("/shop", settings).json()
    normal = {"never_on_pages": ["/account/ü*", "/legal"]}
    assert {name: changed[name] for name in settings} == settings | normal
    taken_back = merchant.patch("/shop", dict.fromkeys(settings)).json()
    assert {name: taken_back[name] for name in settings} == {name: before[name] for name in settings}
    assert merchant.patch("/shop", {"never_on_pages": []}).json()["never_on_pages"] == []


REFUSED_SHOPS: dict[str, tuple[Any, str]] = {
    "the id": ({"id": "another"}, "id"),
    "an unknown field": ({"owner": "me"}, "owner"),
    "no name": ({"name": None}, "name"),
    "an empty name": ({"name": ""}, "name"),
    "a name too long": ({"name": "x" * 201}, "name"),
    "a time zone that only Python knows": ({"time_zone": "localtime"}, "time_zone"),
    "a time zone on Mars": ({"time_zone": "Mars/Olympus"}, "time_zone"),
    "a time zone that is a path": ({"time_zone": "../../etc/passwd"}, "time_zone"),
    "an offset for a time zone": ({"time_zone": "+02:00"}, "time_zone"),
    "a currency in small letters": ({"currency": "eur"}, "currency"),
    "a currency sign": ({"currency": "€"}, "currency"),
    "an origin with a path": ({"allowed_origins": ["https://a.example/"]}, "allowed_origins.0"),
    "an origin for all": ({"allowed_origins": ["https://a.example", "*"]}, "allowed_origins.1"),
    "an origin that is text": ({"allowed_origins": "https://a.example"}, "allowed_origins"),
    "too many origins": ({"allowed_origins": ["https://a.example"] * 51}, "allowed_origins"),
    "a page that can never match": ({"never_on_pages": ["/ok", "/a#b"]}, "never_on_pages.1"),
    "too many pages": ({"never_on_pages": ["/a"] * 51}, "never_on_pages"),
    "popups below zero": ({"popups_per_visit": -1}, "popups_per_visit"),
    "popups without end": ({"popups_per_visit": 101}, "popups_per_visit"),
    "half a popup": ({"popups_per_visit": 1.5}, "popups_per_visit"),
    "more than a day": ({"seconds_between_popups": 86_401}, "seconds_between_popups"),
    "seconds as text": ({"seconds_between_popups": "60"}, "seconds_between_popups"),
    "more than everybody": ({"holdout_percent": 101}, "holdout_percent"),
    "a list": ([], ""),
}


@pytest.mark.parametrize(("patch", "path"), REFUSED_SHOPS.values(), ids=REFUSED_SHOPS)
def test_a_patch_that_is_not_acceptable_leaves_the_shop_as_it_is(merchant: Client, patch: Any, path: str) -> None:
    before = merchant.get("/shop").json()
    assert_problem(merchant.patch("/shop", patch), 422, "invalid", path)
    assert merchant.get("/shop").json() == before


def test_patches_of_a_shop_at_once_are_all_kept(merchant: Client) -> None:
    patches: list[dict[str, Any]] = [
        {"name": "Together"},
        {"currency": "CHF"},
        {"time_zone": "UTC"},
        {"allowed_origins": ["https://a.example"]},
    ]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda patch: merchant.patch("/shop", patch), patches))
    assert {answer.status_code for answer in answers} == {200}
    after = merchant.get("/shop").json()
    assert [after[name] for patch in patches for name in patch] == [
        value for patch in patches for value in patch.values()
    ]


def test_the_shops_currency_and_time_zone_show_in_stats_within_two_seconds(
    merchant: Client, shop: Shop, stats: FunctionProcess, database: Database
) -> None:
    popup_id = make_popup(database, shop)
    reader = Client(stats, shop.read_key)
    paths = ("/shop", f"/popups/{popup_id}")
    for path in paths:
        assert (reader.get(path).json()["currency"], reader.get(path).json()["time_zone"]) == ("EUR", "Europe/Berlin")
    merchant.patch("/shop", {"currency": "JPY", "time_zone": "Asia/Tokyo"})
    for path in paths:
        eventually(lambda path=path: reader.get(path).json()["currency"] == "JPY", seconds=PROMISED_SECONDS)
        assert reader.get(path).json()["time_zone"] == "Asia/Tokyo"


# API keys


def test_a_new_key_is_shown_once_and_opens_its_shop(
    merchant: Client, manage_popups: FunctionProcess, shop: Shop
) -> None:
    answer = merchant.post("/api-keys", {"rights": "write", "name": "Till"})
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api-keys/{made['id']}"
    assert re.fullmatch(r"eip_[0-9A-Za-z]{38}", made["key"])
    assert (made["rights"], made["name"], made["last_used_at"]) == ("write", "Till", None)
    assert made["key"].startswith(made["prefix"])
    till = Client(manage_popups, made["key"])
    assert till.get("/shop").json()["id"] == shop.id
    assert till.post("/popups", {"name": "By the till"}).status_code == 201
    listing = merchant.get("/api-keys")
    assert made["key"] not in listing.text
    (listed,) = [key for key in listing.json()["api_keys"] if key["id"] == made["id"]]
    assert listed.pop("last_used_at") is not None
    assert listed == {name: made[name] for name in listed}


def test_only_the_sha256_of_a_key_is_stored_anywhere(merchant: Client, shop: Shop, database: Database) -> None:
    key = merchant.post("/api-keys", {"rights": "read"}, headers={"Idempotency-Key": "make"}).json()["key"]
    for table in ("api_keys", "idempotency_keys"):
        stored = database.value(f"SELECT json_agg({table})::text FROM {table} WHERE shop_id = :id", id=shop.id)
        assert key not in stored
        assert key[12:] not in stored
    sha256 = "SELECT count(*) FROM api_keys WHERE key_sha256 = sha256(convert_to(:key, 'UTF8'))"
    assert database.value(sha256, key=key) == 1


REFUSED_KEYS: dict[str, tuple[Any, str]] = {
    "no rights": ({}, "rights"),
    "unknown rights": ({"rights": "admin"}, "rights"),
    "a list of rights": ({"rights": ["read"]}, "rights"),
    "a name too long": ({"rights": "read", "name": "x" * 201}, "name"),
    "another shop": ({"rights": "read", "shop_id": "acme"}, "shop_id"),
    "a key of one's own": ({"rights": "read", "key": "eip_mine"}, "key"),
}


@pytest.mark.parametrize(("body", "path"), REFUSED_KEYS.values(), ids=REFUSED_KEYS)
def test_a_key_that_is_not_acceptable_is_not_made(merchant: Client, body: Any, path: str) -> None:
    assert_problem(merchant.post("/api-keys", body), 422, "invalid", path)
    assert len(merchant.get("/api-keys").json()["api_keys"]) == 2


def test_a_key_made_again_with_its_idempotency_key_is_the_same_key(merchant: Client, shop: Shop) -> None:
    headers = {"Idempotency-Key": "till"}
    first, second = (merchant.post("/api-keys", {"rights": "read"}, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    # However the same key is written in the header.
    lower_case = {**headers, "Authorization": f"bearer  {shop.write_key}"}
    assert merchant.post("/api-keys", {"rights": "read"}, headers=lower_case).json() == first.json()
    assert len(merchant.get("/api-keys").json()["api_keys"]) == 3
    assert_problem(merchant.post("/api-keys", {"rights": "write"}, headers=headers), 409, "idempotency_key_reused")


def test_after_a_day_the_same_idempotency_key_makes_another_key(
    merchant: Client, shop: Shop, database: Database
) -> None:
    headers = {"Idempotency-Key": "till"}
    first = merchant.post("/api-keys", {"rights": "read"}, headers=headers).json()
    database("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE shop_id = :id", id=shop.id)
    second = merchant.post("/api-keys", {"rights": "read"}, headers=headers)
    assert second.status_code == 201
    assert second.json()["key"] != first["key"]


def test_an_answer_with_a_key_is_replayed_to_nobody_else(
    merchant: Client, manage_popups: FunctionProcess, database: Database, shop: Shop
) -> None:
    headers = {"Idempotency-Key": "till"}
    merchant.post("/api-keys", {"rights": "write"}, headers=headers)
    other_key = merchant.post("/api-keys", {"rights": "write"}).json()["key"]
    colleague = Client(manage_popups, other_key)
    assert_problem(colleague.post("/api-keys", {"rights": "write"}, headers=headers), 409, "idempotency_key_reused")


def test_a_revoked_key_opens_nothing_within_two_seconds(merchant: Client, manage_popups: FunctionProcess) -> None:
    made = merchant.post("/api-keys", {"rights": "read"}).json()
    holder = Client(manage_popups, made["key"])
    assert holder.get("/shop").status_code == 200
    answer = merchant.delete(f"/api-keys/{made['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    eventually(lambda: holder.get("/shop").status_code == 401, seconds=PROMISED_SECONDS)
    assert_problem(holder.get("/shop"), 401, "unauthorized")
    assert made["id"] not in merchant.get("/api-keys").text
    assert_problem(merchant.delete(f"/api-keys/{made['id']}"), 404, "not_found")


def test_a_key_may_not_revoke_what_it_may_not_write(
    merchant: Client, manage_popups: FunctionProcess, shop: Shop
) -> None:
    made = merchant.post("/api-keys", {"rights": "write"}).json()
    reader = Client(manage_popups, shop.read_key)
    assert_problem(reader.delete(f"/api-keys/{made['id']}"), 403, "key_lacks_right")
    assert Client(manage_popups, made["key"]).get("/shop").status_code == 200


def id_of(database: Database, key: str) -> str:
    return str(database.value("SELECT id FROM api_keys WHERE prefix = :prefix", prefix=key[:12]))


def test_a_shops_last_key_that_may_write_cannot_be_deleted(merchant: Client, database: Database, shop: Shop) -> None:
    last, reading = id_of(database, shop.write_key), id_of(database, shop.read_key)
    assert_problem(merchant.delete(f"/api-keys/{last}"), 409, "conflict")
    assert merchant.delete(f"/api-keys/{reading}").status_code == 204
    assert_problem(merchant.delete(f"/api-keys/{last}"), 409, "conflict")
    other = merchant.post("/api-keys", {"rights": "write"}).json()
    assert merchant.delete(f"/api-keys/{last}").status_code == 204
    assert database.value("SELECT count(*) FROM api_keys WHERE id = :id AND revoked_at IS NULL", id=other["id"]) == 1


def test_of_the_last_two_keys_that_may_write_one_stays_whoever_deletes_them_at_once(
    manage_popups: FunctionProcess, database: Database
) -> None:
    for _ in range(10):
        shop = make_shop(database)
        keys = [shop.write_key, make_key(database, shop.id, "write")]
        paths = [f"/api-keys/{id_of(database, key)}" for key in keys]
        clients = [Client(manage_popups, key) for key in keys]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda client, path: client.delete(path).status_code, clients, paths))
        assert answers.count(204) == 1
        living = "SELECT count(*) FROM api_keys WHERE shop_id = :id AND rights = 'write' AND revoked_at IS NULL"
        assert database.value(living, id=shop.id) == 1


def test_a_shop_has_100_keys_at_most(merchant: Client, database: Database, shop: Shop) -> None:
    for _ in range(98):  # beside the two that every test's shop has
        make_key(database, shop.id, "read")
    assert_problem(merchant.post("/api-keys", {"rights": "read"}), 409, "conflict")
    assert len(merchant.get("/api-keys").json()["api_keys"]) == 100
    assert merchant.delete(f"/api-keys/{id_of(database, shop.read_key)}").status_code == 204
    assert merchant.post("/api-keys", {"rights": "read"}).status_code == 201


# What a key opens

NOT_A_KEY: dict[str, str] = {
    "nothing": "",
    "no scheme": "{key}",
    "another scheme": "Basic {key}",
    "no key": "Bearer",
    "a key one letter short": "Bearer {short}",
    "a key of the right form": "Bearer eip_00000000000000000000000000000000000000",
    "two keys": "Bearer {key} {key}",
    "two headers' worth": "Bearer {key}, Bearer {key}",
    "a letter changed": "Bearer {changed}",
    "the prefix alone": "Bearer eip_",
    "quotes": "Bearer ' OR '1'='1",
    "letters beyond ASCII": "Bearer eip_ÄÖÜäöüßéÄÖÜäöüßéÄÖÜäöüßéÄÖÜäöüßé123456",
    "7 000 characters": "Bearer " + "x" * 7000,
}


@pytest.mark.parametrize("authorization", NOT_A_KEY.values(), ids=NOT_A_KEY)
def test_without_a_valid_key_nothing_is_answered(
    merchant_functions: dict[str, FunctionProcess], shop: Shop, authorization: str
) -> None:
    key = shop.write_key
    changed = key[:-1] + ("a" if key[-1] != "a" else "b")
    header = authorization.format(key=key, short=key[:-1], changed=changed)
    for function in merchant_functions.values():
        headers: Any = {"Authorization": header.encode("latin-1")}
        answer = Client(function).get("/shop", headers=headers)
        assert_problem(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_scheme_of_a_key_is_read_in_any_case(manage_popups: FunctionProcess, shop: Shop) -> None:
    for scheme in ("bearer", "BEARER"):
        headers = {"Authorization": f"{scheme} {shop.read_key}"}
        assert Client(manage_popups).get("/shop", headers=headers).status_code == 200


# Every endpoint of the merchants' functions, as the functions themselves know them: one that is added is tested too.
ENDPOINTS = sorted(
    (function.name, endpoint.method, endpoint.template)
    for function in (manage_popups_function, stats_function)
    for endpoint in function.endpoints
)
ROUTES = sorted({(name, path) for name, _, path in ENDPOINTS})
# Those that a key with these rights may call.
BY_RIGHTS = {
    rights: sorted(
        (function.name, endpoint.method, endpoint.template)
        for function in (manage_popups_function, stats_function)
        for endpoint in function.endpoints
        if endpoint.rights == rights
    )
    for rights in RIGHTS
}


def called(endpoint: tuple[str, ...]) -> str:
    return " ".join(endpoint)


@pytest.fixture(scope="module")
def victim(database: Database, track_view: FunctionProcess, manage_popups: FunctionProcess) -> dict[str, Any]:
    """Return a shop and the ids of one of everything that a path can name."""
    shop = make_shop(database, name="The victim's")
    popup_id = make_popup(database, shop, name="The victim's popup")
    assert Client(track_view).post(json=view(popup_id)).status_code == 202
    key_id = database.value("SELECT id FROM api_keys WHERE shop_id = :id AND rights = 'read'", id=shop.id)
    code_id = make_discount_code(database, shop, codes=["VICTIM-1"])
    subscriber = {"id": uuid7(), "email": "victim@example.com", "email_normalized": "victim@example.com"}
    insert(database, "email_subscribers", shop_id=shop.id, popup_id=popup_id, **subscriber)
    order = {"order_id": "1001", "revenue": "1.00", "currency": "USD"}
    assert Client(manage_popups, shop.write_key).post("/orders", order).status_code == 201
    ids = {
        "popup_id": popup_id,
        "order_id": order["order_id"],
        **order_source_ids(database, shop),
        "key_id": str(key_id),
        "code_id": code_id,
        "subscriber_id": subscriber["id"],
    }
    return {"shop": shop, **ids}


def path_of(template: str, victim: dict[str, Any]) -> str:
    return template.format(**victim)  # a KeyError here asks for one more thing in `victim`


@pytest.fixture(scope="module")
def tables(database: Database) -> list[str]:
    """Those with rows of shops. A partition's are those of its table."""
    rows = database(
        """
        SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE attname = 'shop_id' AND relkind IN ('r', 'p') AND NOT relispartition
        ORDER BY relname
        """
    )
    return [row["relname"] for row in rows]


def everything_of(database: Database, tables: list[str], shop: Shop) -> dict[str, Any]:
    """Every row of a shop in every table, but for when its keys were last used."""
    all_rows = "SELECT jsonb_agg(to_jsonb(t) - 'last_used_at' ORDER BY t::text)::text FROM {} AS t WHERE shop_id = :id"
    rows = {name: database.value(all_rows.format(name), id=shop.id) for name in tables}
    return rows | {"shops": database("SELECT * FROM shops WHERE id = :id", id=shop.id)}


@pytest.mark.parametrize("route", ROUTES, ids=called)
def test_another_shops_key_finds_nothing_and_changes_nothing(
    merchant_functions: dict[str, FunctionProcess],
    victim: dict[str, Any],
    database: Database,
    tables: list[str],
    route: tuple[str, str],
) -> None:
    name, template = route
    stranger = Client(merchant_functions[name], make_shop(database).write_key)
    before = everything_of(database, tables, victim["shop"])
    for verb in VERBS:
        assert_finds_nothing(stranger, victim, name, verb, template)
        assert everything_of(database, tables, victim["shop"]) == before, verb


def assert_finds_nothing(stranger: Client, victim: dict[str, Any], name: str, verb: str, template: str) -> None:
    body = BODIES.get(template, ANY_BODY) if verb in ("POST", "PUT", "PATCH") else None
    answer = stranger(verb, path_of(template, victim), json=body)
    exists = (name, "GET" if verb == "HEAD" else verb, template) in ENDPOINTS
    if "/orders/" in template and verb in ("POST", "DELETE"):
        # An order's id is any text, "x/refunds" too; and a refund may come before its order, here the stranger's own.
        assert answer.status_code == (201 if exists and verb == "POST" else 404 if verb == "DELETE" else 405)
    elif not exists:
        assert answer.status_code == 405
        assert verb not in answer.headers["Allow"].split(", ")
    elif "{" in template:
        assert answer.status_code == 404
    for secret in (victim["shop"].id, "victim", victim["key_id"], victim["popup_id"]):
        assert secret not in answer.text


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=called)
def test_without_a_key_every_endpoint_is_closed(
    merchant_functions: dict[str, FunctionProcess], victim: dict[str, Any], endpoint: tuple[str, str, str]
) -> None:
    name, verb, template = endpoint
    body = BODIES.get(template, ANY_BODY) if verb in WRITES else None
    answer = Client(merchant_functions[name])(verb, path_of(template, victim), json=body)
    assert_problem(answer, 401, "unauthorized")


@pytest.mark.parametrize("endpoint", BY_RIGHTS["write"], ids=called)
def test_a_read_key_writes_nothing(
    merchant_functions: dict[str, FunctionProcess],
    victim: dict[str, Any],
    database: Database,
    tables: list[str],
    endpoint: tuple[str, str, str],
) -> None:
    name, verb, template = endpoint
    reader = Client(merchant_functions[name], victim["shop"].read_key)
    before = everything_of(database, tables, victim["shop"])
    answer = reader(verb, path_of(template, victim), json=BODIES.get(template, ANY_BODY))
    assert_problem(answer, 403, "key_lacks_right")
    assert everything_of(database, tables, victim["shop"]) == before


@pytest.mark.parametrize("endpoint", BY_RIGHTS["read"], ids=called)
def test_a_read_key_reads_everything(
    merchant_functions: dict[str, FunctionProcess], victim: dict[str, Any], endpoint: tuple[str, str, str]
) -> None:
    name, verb, template = endpoint
    reader = Client(merchant_functions[name], victim["shop"].read_key)
    body = BODIES[template] if verb == "POST" else None
    path = path_of(template, victim) + QUERIES.get(template, "")
    assert reader(verb, path, json=body).status_code == 200


def test_a_cursor_of_another_shop_is_refused(
    manage_popups: FunctionProcess, merchant: Client, database: Database
) -> None:
    neighbour = make_shop(database)
    for name in "ab":
        make_popup(database, neighbour, name=name)
    cursor = Client(manage_popups, neighbour.read_key).get("/popups?limit=1").json()["next_cursor"]
    assert_problem(merchant.get(f"/popups?cursor={cursor}"), 422, "invalid", "cursor")


def test_a_key_says_whose_it_is(manage_popups: FunctionProcess, database: Database, shop: Shop) -> None:
    for rights, key in (("write", shop.write_key), ("read", shop.read_key)):
        answer = Client(manage_popups, key).get("/key")
        (stored,) = database("SELECT id, name FROM api_keys WHERE prefix = :prefix", prefix=key[:12])
        expected = {"id": str(stored["id"]), "name": stored["name"], "prefix": key[:12]}
        assert answer.json() == expected | {"rights": rights, "shop_id": shop.id}


def test_an_unknown_key_id_is_not_found(merchant: Client) -> None:
    assert_problem(merchant.delete(f"/api-keys/{uuid.uuid4()}"), 404, "not_found")


def test_the_answers_of_stats_to_one_shop_are_never_given_to_another(
    stats: FunctionProcess, victim: dict[str, Any], database: Database
) -> None:
    """Both ask for the same popup, one after the other: the cache must tell them apart."""
    path = f"/popups/{victim['popup_id']}"
    owner, stranger = Client(stats, victim["shop"].read_key), Client(stats, make_shop(database).read_key)
    for _ in range(2):
        assert json.loads(owner.get(path).text)["views"] == 1
        assert_problem(stranger.get(path), 404, "popup_not_found")
